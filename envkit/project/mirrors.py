"""Mirrors: which ones hold, how they are set for all projects, and whether they work."""

import re
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from time import monotonic
from urllib.parse import urlsplit

import msgspec

from envkit.errors import DataError, NetworkError, UsageError
from envkit.model.address import display_url
from envkit.model.mirrors import MirroredPlace, Mirrors
from envkit.model.project import SourcesSettings
from envkit.model.sources import PackageSources
from envkit.model.text import check_text
from envkit.model.value import Value
from envkit.system.http import Client
from envkit.system.registry import registry_server

NONE = "none"  # in place of a preset: no mirror at all
_REGISTRY = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?(?:/[a-z0-9._-]+)*")
_REGISTRY_ANSWERS = frozenset({200, 401})  # the API's own page asks for a login where there is one
_LARGEST_PROBE = 2**26  # bytes
_AT_ONCE = 8
_SIMILAR = 0.85  # of difflib: one letter of ten
_PROXY_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})


class EffectiveMirror(Value):
    """The mirror of one place, and where it was set."""

    place: str
    kind: str
    address: str  # without credentials
    origin: str


class MirrorState(Value):
    """What a mirror said when it was asked."""

    place: str
    address: str
    works: bool
    seconds: float | None = None  # until the whole answer was there
    bytes_per_second: int | None = None
    reason: str = ""


def effective_mirrors(sources: PackageSources, table: Mirrors) -> tuple[EffectiveMirror, ...]:
    """Return the mirrors that hold, by place; a place without a row is a registry's host. Raises as `check_places`."""
    check_places(sources, table)
    return tuple(
        EffectiveMirror(
            place=name,
            kind="registry" if (row := table.place(name)) is None else row.kind,
            address=display_url(setting.value),
            origin=setting.origin,
        )
        for name, setting in sorted(sources.mirrors.items())
    )


def check_places(sources: PackageSources, table: Mirrors) -> None:
    """Raise `DataError` for a place that is another one misspelt; hosts of registries are more than have a row."""
    known = tuple(row.place for row in table.places)
    for name, setting in sources.mirrors.items():
        near = () if name in known else get_close_matches(name, known, n=1, cutoff=_SIMILAR)
        if near:
            raise DataError(
                f"nothing is known of mirrors of this place: {name}",
                facts=(f"set by {setting.origin}",),
                hints=(f"did you mean `{near[0]}`?",),
            )


def known_place(name: str, table: Mirrors) -> MirroredPlace:
    """Return the row of a place; raises `UsageError` with all places that there are."""
    row = table.place(name)
    if row is None:
        places = ", ".join(f"`{row.place}`" for row in table.places)
        raise UsageError(f"nothing is known of mirrors of this place: {name}", facts=(f"places: {places}",))
    return row


def changed_settings(settings: SourcesSettings, words: tuple[str, ...], table: Mirrors) -> SourcesSettings:
    """Return settings with the mirrors that words ask for: a preset, `PLACE=ADDRESS`, `PLACE=` for none, or `none`.

    Raises `UsageError` for any other word, and `UnsafeTextError`.
    """
    mirrors = dict(settings.mirrors)
    for word in words:
        check_text(word, "a mirror")
        place, separator, address = word.partition("=")
        if separator and address:
            mirrors[place] = checked_address(known_place(place, table), address)
        elif separator:
            mirrors.pop(known_place(place, table).place, None)
        elif word == NONE:
            mirrors = {}
        else:
            mirrors |= preset_mirrors(word, table)
    return msgspec.structs.replace(settings, mirrors=dict(sorted(mirrors.items())))


def preset_mirrors(name: str, table: Mirrors) -> dict[str, str]:
    """Return the mirrors of a preset; raises `UsageError` with the presets that there are."""
    preset = next((preset for preset in table.presets if preset.name == name), None)
    if preset is None:
        hints = tuple(f"envkit mirror use {preset.name}" for preset in table.presets)
        raise UsageError(f"neither a preset nor `PLACE=ADDRESS`: {name}", hints=hints)
    return dict(preset.mirrors)


def checked_address(place: MirroredPlace, address: str) -> str:
    """Return the address of a mirror in its usual form; raises `UsageError` for one that cannot be of this kind."""
    if place.kind == "registry":
        name = address.removeprefix("https://").removeprefix("http://").rstrip("/")
        if _REGISTRY.fullmatch(name) is None:
            raise UsageError(f"the mirror of a registry is `host[:port][/path]`: {address}")
        return name
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"the mirror of `{place.place}` is reached by `https://host/path`: {display_url(address)}")
    return address.rstrip("/")


def checked_proxy(address: str) -> str:
    """Return the address of a proxy; raises `UsageError` for one that no tool takes."""
    parts = urlsplit(check_text(address, "a proxy"))
    if parts.scheme not in _PROXY_SCHEMES or not parts.hostname:
        raise UsageError(f"a proxy is `http://host:port`: {display_url(address)}")
    return address


def ask_mirrors(wanted: dict[str, str], sources: PackageSources, table: Mirrors) -> tuple[MirrorState, ...]:
    """Ask all mirrors at once for a page that they have to have, one attempt each; `wanted` are addresses by place."""
    rows = [(known_place(place, table), address) for place, address in sorted(wanted.items())]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return tuple(pool.map(lambda row: _ask(row[0], row[1], sources), rows))


def _ask(place: MirroredPlace, address: str, sources: PackageSources) -> MirrorState:
    client, started, shown = Client(sources, attempts=1), monotonic(), display_url(address)
    try:
        reply = client.ask(_probe_url(place, address), {"Accept": "*/*"}, limit_bytes=_LARGEST_PROBE)
    except NetworkError as error:
        return MirrorState(
            place=place.place, address=shown, works=False, reason="; ".join((error.message, *error.facts))
        )
    seconds = monotonic() - started
    good: frozenset[int] = _REGISTRY_ANSWERS if place.kind == "registry" else frozenset({200})
    if reply.status not in good:
        reason = f"HTTP {reply.status} for {display_url(reply.url)}"
        return MirrorState(place=place.place, address=shown, works=False, seconds=seconds, reason=reason)
    rate = int(client.bytes / seconds) if seconds > 0 else None
    return MirrorState(place=place.place, address=shown, works=True, seconds=seconds, bytes_per_second=rate)


def _probe_url(place: MirroredPlace, address: str) -> str:
    if place.kind != "registry":
        return f"{address.rstrip('/')}/{place.probe}"
    host = address.partition("/")[0]
    return f"{registry_server(host)}/{place.probe}"
