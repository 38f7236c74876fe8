"""`envkit mirror`: use, test and list mirrors, proxies and a certificate bundle, for all projects of this user."""

import os
from pathlib import Path

import msgspec

from envkit.cli.output import Output
from envkit.cli.tables import text_table
from envkit.data import load_mirrors
from envkit.data.settings import load_settings, read_settings, user_settings_path, write_settings
from envkit.errors import ExitStatus, UsageError
from envkit.model.address import display_url
from envkit.model.mirrors import MirrorPreset
from envkit.model.project import SourcesSettings
from envkit.model.sources import PackageSources
from envkit.model.value import Value, to_json
from envkit.project.mirrors import (
    EffectiveMirror,
    MirrorState,
    ask_mirrors,
    changed_settings,
    checked_proxy,
    effective_mirrors,
    known_place,
    preset_mirrors,
)
from envkit.project.reading import ProjectFile, read_project
from envkit.system.sources import read_sources


class MirrorsShown(Value, tag_field="format", tag="envkit-mirrors/1"):
    """What `envkit mirror list --json` and `use --json` print."""

    mirrors: tuple[EffectiveMirror, ...]
    presets: tuple[MirrorPreset, ...]
    settings: str  # path of the user's settings


class MirrorsTested(Value, tag_field="format", tag="envkit-mirrors-tested/1"):
    """What `envkit mirror test --json` prints."""

    mirrors: tuple[MirrorState, ...]


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What `envkit mirror use` was told."""

    words: tuple[str, ...] = ()
    certificate: str | None = None  # empty: none any more
    proxy: str | None = None  # empty: none any more
    no_proxy: str | None = None
    dry_run: bool = False
    as_json: bool = False


def use_mirrors(output: Output, use: Use) -> int:
    """Write what is asked for into the user's settings; nothing asked for is a usage error."""
    if not use.words and use.certificate is None and use.proxy is None and use.no_proxy is None:
        presets = tuple(f"envkit mirror use {preset.name}" for preset in load_mirrors().presets)
        raise UsageError("nothing to set", hints=(*presets, "envkit mirror use docker.io=registry.example.com/hub"))
    path = user_settings_path()
    old = read_settings(path) or SourcesSettings()
    new = _with_network(changed_settings(old, use.words, load_mirrors()), use)
    if use.dry_run:
        output.data(to_json(new))
        return int(ExitStatus.OK)
    if new != old:
        write_settings(path, new)
        output.stage("Written", str(path))
    else:
        output.stage("Unchanged", str(path))
    shown = _shown(_sources())
    if use.as_json:
        output.data(to_json(shown))
    elif shown.mirrors:
        _print_mirrors(output, shown)
    return int(ExitStatus.OK)


def list_mirrors(output: Output, *, as_json: bool) -> int:
    """Print the mirrors that hold here, each with where it was set, and the presets."""
    sources = _sources(read_project())
    shown = _shown(sources)
    if as_json:
        output.data(to_json(shown))
        return int(ExitStatus.OK)
    if shown.mirrors:
        _print_mirrors(output, shown)
    else:
        output.line("no mirror is set")
    for scheme, setting in sorted(sources.proxies.items()):
        output.data(f"proxy ({scheme}): {display_url(setting.value)}, from {setting.origin}")
    if sources.certificate is not None:
        output.data(f"certificates: {sources.certificate.value}, from {sources.certificate.origin}")
    rows = ((preset.name, preset.title, " ".join(sorted(preset.mirrors))) for preset in shown.presets)
    output.data("")
    output.data(text_table(("PRESET", "OPERATOR", "PLACES"), rows))
    return int(ExitStatus.OK)


def test_mirrors(output: Output, words: tuple[str, ...], *, as_json: bool) -> int:
    """Ask the mirrors that hold, or those of a preset or of places, and say what they answer; one that fails is 9."""
    sources, table = _sources(read_project()), load_mirrors()
    own = {name: setting.value for name, setting in sources.mirrors.items()}
    presets = {preset.name for preset in table.presets}
    wanted: dict[str, str] = {} if words else own
    for word in words:
        if word in presets:
            wanted |= preset_mirrors(word, table)
        else:
            place = known_place(word, table)
            wanted[place.place] = own.get(place.place, place.address)
    if not wanted:
        raise UsageError("no mirror is set", hints=tuple(f"envkit mirror test {name}" for name in sorted(presets)))
    states = ask_mirrors(wanted, sources, table)
    if as_json:
        output.data(to_json(MirrorsTested(mirrors=states)))
    else:
        output.data(text_table(("PLACE", "MIRROR", "ANSWER"), (_row(state) for state in states)))
    return int(ExitStatus.OK if all(state.works for state in states) else ExitStatus.NETWORK)


def _with_network(settings: SourcesSettings, use: Use) -> SourcesSettings:
    proxies = dict(settings.proxies)
    if use.proxy is not None:
        proxies = {scheme: value for scheme, value in proxies.items() if scheme == "no"}
        proxies |= dict.fromkeys(("http", "https"), checked_proxy(use.proxy)) if use.proxy else {}
    if use.no_proxy is not None:
        proxies.pop("no", None)
        proxies |= {"no": use.no_proxy} if use.no_proxy else {}
    certificate = settings.ca_certificate
    if use.certificate is not None:
        certificate = _certificate(use.certificate) if use.certificate else None
    return msgspec.structs.replace(settings, proxies=proxies, ca_certificate=certificate)


def _certificate(path: str) -> str:
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise UsageError(f"no such file for `--ca`: {file}")
    return str(file)


def _sources(project: ProjectFile | None = None) -> PackageSources:
    table = None if project is None else project.project.sources
    return read_sources(os.environ, home=str(Path.home()), project=table, settings=load_settings())


def _shown(sources: PackageSources) -> MirrorsShown:
    table = load_mirrors()
    return MirrorsShown(
        mirrors=effective_mirrors(sources, table), presets=table.presets, settings=str(user_settings_path())
    )


def _print_mirrors(output: Output, shown: MirrorsShown) -> None:
    rows = ((mirror.place, mirror.address, mirror.origin) for mirror in shown.mirrors)
    output.data(text_table(("PLACE", "MIRROR", "SET BY"), rows))


def _row(state: MirrorState) -> tuple[str, str, str]:
    if not state.works:
        return (state.place, state.address, f"does not work: {state.reason}")
    rate = "" if state.bytes_per_second is None else f", {state.bytes_per_second // 1024} KiB/s"
    return (state.place, state.address, f"works, {state.seconds or 0:.2f} s{rate}")
