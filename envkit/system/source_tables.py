"""The `sources` tables of envkit's own files, and `ENVKIT_MIRRORS`, as one: of each key the strongest value counts."""

from collections.abc import Iterable, Mapping

import msgspec

from envkit.errors import DataError
from envkit.model.project import SourcesTable
from envkit.model.sources import Setting

VARIABLE = "ENVKIT_MIRRORS"  # `docker.io=registry.example.com/hub pypi.org=https://…`


class SourcesFile(msgspec.Struct, frozen=True, kw_only=True):
    """One table and how its settings are named: `{}` in `origin` stands for the key."""

    table: SourcesTable
    origin: str  # project file `sources.{}`


class MergedTables(msgspec.Struct, frozen=True, kw_only=True):
    """What all tables say together, each value with its origin."""

    index: Setting | None
    indexes: dict[str, Setting]
    mirrors: dict[str, Setting]
    wheelhouses: tuple[Setting, ...]
    certificate: Setting | None
    proxies: dict[str, Setting]


def merge_tables(files: tuple[SourcesFile, ...], environment: Mapping[str, str]) -> MergedTables:
    """Merge tables, the strongest first; `ENVKIT_MIRRORS` is stronger than any.

    Wheelhouses of all tables count together. Raises `DataError` for a malformed variable.
    """
    indexes: dict[str, Setting] = {}
    mirrors = _variable_mirrors(environment.get(VARIABLE, ""))
    proxies: dict[str, Setting] = {}
    for file in files:
        indexes = _settings(file.table.indexes, file.origin, "indexes") | indexes
        mirrors = _settings(file.table.mirrors, file.origin, "mirrors") | mirrors
        proxies = _settings(file.table.proxies, file.origin, "proxies") | proxies
    return MergedTables(
        index=_first((file.table.index, file.origin.format("index")) for file in files),
        indexes=indexes,
        mirrors=mirrors,
        wheelhouses=tuple(
            Setting(value=value, origin=file.origin.format("wheelhouse"))
            for file in files
            for value in ((file.table.wheelhouse,) if isinstance(file.table.wheelhouse, str) else file.table.wheelhouse)
        ),
        proxies=proxies,
        certificate=_first((file.table.ca_certificate, file.origin.format("ca_certificate")) for file in files),
    )


def _settings(values: dict[str, str], origin: str, table: str) -> dict[str, Setting]:
    return {name: Setting(value=value, origin=origin.format(f"{table}.{name}")) for name, value in values.items()}


def _first(values: Iterable[tuple[str | None, str]]) -> Setting | None:
    return next((Setting(value=value, origin=origin) for value, origin in values if value is not None), None)


def _variable_mirrors(text: str) -> dict[str, Setting]:
    mirrors: dict[str, Setting] = {}
    for word in text.split():
        place, separator, address = word.partition("=")
        if not (separator and place and address):
            message = f"`{VARIABLE}` holds words of the form `PLACE=ADDRESS`, not: {word}"
            raise DataError(message, hints=(f"export {VARIABLE}='docker.io=registry.example.com/hub'",))
        mirrors[place] = Setting(value=address, origin=VARIABLE)
    return mirrors
