"""Rows of releases as the index gives them now, put into the recipe: what is curated stays as it is."""

import msgspec
from packaging.version import Version

from envkit.model.host import Gap
from envkit.model.matrix import DeriveRow, Recipe, ReleaseRow
from envkit.model.value import Value
from envkit.refresh.observation import Observation, SeenRelease
from envkit.refresh.wheels import libc_key

_MAIN_ARCHITECTURE = "x86_64"  # `pythons` are those of this one, others are named where they have other ones


class MergedReleases(Value):
    """The releases of a recipe, newest first, and those that could not be recorded."""

    releases: tuple[ReleaseRow, ...]
    gone: tuple[str, ...] = ()  # derived rows of releases that the index does not have any more; they are kept
    gaps: tuple[Gap, ...] = ()


def merge_releases(recipe: Recipe, derive: DeriveRow, observation: Observation) -> MergedReleases:
    """Rewrite the derived rows and add those of new releases.

    The glibc floor of a known release is never lowered: the name of a wheel says less than a measurement.
    """
    rows = {row.version: row for row in recipe.releases}
    gaps: list[Gap] = []
    for seen in observation.releases:
        known = rows.get(seen.version)
        if known is None:
            missing = _missing(seen)
            if missing:
                gaps.append(Gap(fact=f"{recipe.package} {seen.version}", source="the index", reason=missing))
            else:
                rows[seen.version] = _new_row(seen, derive.source)
        elif known.derived:
            rows[seen.version] = _rewritten(known, seen)
    visible = {seen.version for seen in observation.releases}
    return MergedReleases(
        releases=tuple(rows[version] for version in sorted(rows, key=Version, reverse=True)),
        gone=tuple(row.version for row in recipe.releases if row.derived and row.version not in visible),
        gaps=tuple(gaps),
    )


def _missing(seen: SeenRelease) -> str | None:
    """Return why a new release cannot be recorded, None when it can."""
    if seen.released is None:
        return "not recorded: the index does not say when it was published"
    unread = sorted(set(seen.pythons) - set(seen.builds))
    if unread:
        return f"not recorded: its wheels for {', '.join(unread)} could not be read"
    return None


def _new_row(seen: SeenRelease, source: str) -> ReleaseRow:
    empty = ReleaseRow(version=seen.version, released=seen.released or "", pythons=(), source=source, derived=True)
    return _rewritten(empty, seen)


def _rewritten(row: ReleaseRow, seen: SeenRelease) -> ReleaseRow:
    main = seen.pythons.get(_MAIN_ARCHITECTURE) or next(iter(seen.pythons.values()), ())
    packages = {name: seen.pairing.packages.get(name, version) for name, version in row.packages.items()}
    packages |= seen.pairing.packages
    return msgspec.structs.replace(
        row,
        released=seen.released or row.released,
        pythons=main,
        pythons_by_architecture={name: pythons for name, pythons in seen.pythons.items() if pythons != main},
        libc={
            name: _floor(row.libc.get(name), seen.libc.get(name))
            for name in seen.pythons
            if _has_floor(row, seen, name)
        },
        default={name: _variant(row, seen, name) for name in seen.pythons},
        also=_also(row, seen),
        packages=packages,
        packages_pythons=_fewer_pythons(row, seen, main),
        requires=row.requires | seen.requires,
        yanked=seen.yanked,
    )


def _has_floor(row: ReleaseRow, seen: SeenRelease, architecture: str) -> bool:
    return architecture in row.libc or architecture in seen.libc


def _floor(known: str | None, seen: str | None) -> str:
    return max(filter(None, (known, seen)), key=libc_key)


def _variant(row: ReleaseRow, seen: SeenRelease, architecture: str) -> str:
    build = seen.builds.get(architecture)
    return row.default[architecture] if build is None else build.variant


def _also(row: ReleaseRow, seen: SeenRelease) -> dict[str, tuple[str, ...]]:
    """Return the further variants; those that are known stay, since not all are read from wheels."""
    found: dict[str, tuple[str, ...]] = {}
    for name in {**row.also, **seen.also}:
        read = [build.variant for build in seen.also.get(name, ())]
        found[name] = tuple(dict.fromkeys([*row.also.get(name, ()), *read]))
    return found


def _fewer_pythons(row: ReleaseRow, seen: SeenRelease, main: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the Pythons of companions that have wheels for fewer than the main package."""
    found: dict[str, tuple[str, ...]] = {}
    for name in row.packages | seen.pairing.packages:
        if name not in seen.pairing.packages:
            kept = row.packages_pythons.get(name)
        else:
            theirs = seen.pairing.pythons.get(name, ())
            kept = tuple(python for python in main if python in theirs) if theirs and set(main) - set(theirs) else None
        if kept:
            found[name] = kept
    return found
