"""Addresses of indexes and proxies as they may be shown."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from envkit.model.mirrors import MirroredPlace
from envkit.model.sources import PackageSources, Setting

_LABEL_LIMIT, _HOST_LIMIT = 63, 253  # characters, RFC 1035
# Everything between the scheme and the last `@` before the path: `https://user:token@host/simple`.
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")


def mirrored_url(url: str, mirrors: Mapping[str, str], places: Iterable[MirroredPlace]) -> str:
    """Return a URL at the mirror that stands for its server; `mirrors` are addresses by place."""
    for row in places:
        address, mirror = row.address.rstrip("/"), mirrors.get(row.place)
        if mirror is not None and (url == address or url.startswith(f"{address}/")):
            return mirror.rstrip("/") + url.removeprefix(address)
    return url


def is_web_address(text: str) -> bool:
    """Tell whether a text is an address by http or https that can be asked: its server has a name, its port is one."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    labels = host.rstrip(".").split(".")
    named = all(0 < len(label) <= _LABEL_LIMIT for label in labels) and len(host) <= _HOST_LIMIT
    return parts.scheme in {"http", "https"} and named and port != 0


def display_url(text: str) -> str:
    """Return a URL, or a text that holds URLs, without the names and passwords in them."""
    return _CREDENTIALS.sub("", text)


def restore_credentials(url: str, sources: PackageSources) -> str:
    """Return the configured URL that is shown as `url`, with its credentials; `url` itself where there is none."""
    index = () if sources.index is None else (sources.index,)
    configured: tuple[Setting, ...] = (*index, *sources.extra_indexes, *sources.named_indexes.values())
    shown = url.rstrip("/")
    for setting in configured:
        if display_url(setting.value).rstrip("/") == shown:
            return setting.value
    for setting in sources.mirrors.values():
        address = display_url(setting.value).rstrip("/")
        if shown == address or shown.startswith(f"{address}/"):
            return setting.value.rstrip("/") + url.removeprefix(address)
    return url
