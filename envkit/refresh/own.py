"""What the indexes that a recipe names beside the main one have of it: releases, Pythons, processor architectures."""

import threading
from collections.abc import Iterable
from urllib.parse import urlsplit

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.errors import DataError, IndexUnreachableError
from envkit.model.address import display_url, is_web_address
from envkit.model.host import Gap
from envkit.model.recipe import IndexRow, Recipe, VariantRow
from envkit.model.value import Value
from envkit.refresh.builds import ARCHITECTURES, for_architecture
from envkit.refresh.parallel import work_through
from envkit.refresh.reader import Reader
from envkit.refresh.wheels import Wheel, pythons_of

_SHOWN = 3  # names in a gap
Pythons = dict[str, tuple[str, ...]]  # by processor architecture


class OwnIndex(Value):
    """One of a recipe's own indexes, and the builds that are looked for on it."""

    name: str  # pytorch-cu126
    url: str
    package: str
    variant: str
    own: bool = False  # see `IndexRow.own`


class SeenWheels(Value):
    """The wheels of one release on such an index."""

    pythons: Pythons
    unnamed: bool = False  # they name no Pythons: `pythons` are all that their requirements allow


class SeenIndex(Value):
    """What one of them has, by release."""

    index: OwnIndex
    releases: dict[str, SeenWheels]


def own_indexes(recipe: Recipe, mirrors: dict[str, str]) -> tuple[OwnIndex, ...]:
    """Return the indexes on which a recipe's builds are, each with one package; `mirrors` are URLs by index name.

    A variant that has no row for the newest release and is listed of none is not looked for any more.
    """
    found: dict[tuple[str, str], OwnIndex] = {}
    for index in recipe.indexes:
        for row in recipe.variants:
            name = _index_name(recipe, index, row)
            if name is not None:
                url = mirrors.get(name) or index.address(name) or ""
                package = row.package or recipe.package
                own = OwnIndex(name=name, url=url, package=package, variant=row.variant, own=row.index is not None)
                found.setdefault((name, package), own)
    return tuple(found.values())


def observe_own(
    recipe: Recipe, reader: Reader, known_pythons: Iterable[str]
) -> tuple[tuple[SeenIndex, ...], list[Gap]]:
    """Read a recipe's own indexes; one that cannot be read is in a gap, and the others are read all the same."""
    known = tuple(known_pythons)
    failed: dict[tuple[str, str], list[tuple[str, str]]] = {}  # what failed alike at one server, whatever its address
    lock = threading.Lock()

    def read(index: OwnIndex) -> SeenIndex | None:
        host = _host(index)
        message = reader.silent.get(host)
        if message is None:
            try:
                return SeenIndex(index=index, releases=_releases(index, reader, known))
            except (DataError, IndexUnreachableError) as error:
                message = error.message
                # A refusal has no cause; a server that did not answer at all will not do so for another folder.
                if isinstance(error.__cause__, OSError):
                    reader.silent.setdefault(host, message)
        with lock:
            failed.setdefault((host, message.rpartition(": ")[0]), []).append((index.name, message))
        return None

    indexes = own_indexes(recipe, reader.mirrors)
    # One of each server goes first: where nobody is at home the others need not wait for it as well.
    first = tuple({_host(index): index for index in indexes}.values())
    seen = work_through(first, read, lambda _: None)
    seen |= work_through((index for index in indexes if index not in first), read, lambda _: None)
    gaps = [
        Gap(fact=f"builds on {_names([name for name, _ in alike])}", source=display_url(host), reason=alike[0][1])
        for (host, _), alike in failed.items()
    ]
    return tuple(found for index in indexes if (found := seen[index]) is not None), gaps


def _host(index: OwnIndex) -> str:
    return urlsplit(index.url).netloc if is_web_address(index.url) else index.url


def _index_name(recipe: Recipe, index: IndexRow, row: VariantRow) -> str | None:
    """Return the name of the index on which a row's builds are looked for, None where they are not on this one."""
    if row.image is not None or row.system != "linux":
        return None
    if row.index is not None:
        return row.index if index.variant_of(row.index) is not None else None
    listed = any(row.variant in release.indexed for release in recipe.releases)
    newest = recipe.releases[0].version if recipe.releases else None
    is_new = row.runtime is not None and newest is not None and _covers(row, newest)
    if index.own or not (listed or is_new):
        return None
    return index.name.replace("{variant}", row.variant)


def _covers(row: VariantRow, release: str) -> bool:
    return SpecifierSet(row.releases).contains(release, prereleases=True)


def _releases(index: OwnIndex, reader: Reader, known: tuple[str, ...]) -> dict[str, SeenWheels]:
    wheels = reader.at(index.url, index.package)
    groups: dict[str, list[Wheel]] = {}
    for wheel in wheels:
        # On an index of one variant a version has its label, or none; others are of other variants.
        if wheel.file.yanked is None and (wheel.local is None or index.own or wheel.local.startswith(index.variant)):
            groups.setdefault(wheel.version, []).append(wheel)
    every = {*known, *(python for wheel in wheels for python in wheel.pythons)}
    return {version: _seen(groups[version], every) for version in sorted(groups, key=Version, reverse=True)}


def _seen(wheels: list[Wheel], known: Iterable[str]) -> SeenWheels:
    places = {name: group for name in ARCHITECTURES if (group := for_architecture(wheels, name))}
    return SeenWheels(
        pythons={name: pythons_of(group, known) for name, group in places.items()},
        unnamed=not any(wheel.pythons for wheel in wheels),
    )


def _names(names: list[str]) -> str:
    unique = sorted(set(names))
    more = len(unique) - _SHOWN
    return ", ".join(unique[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
