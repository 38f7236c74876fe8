"""Rows of releases as the index gives them now, put into the recipe: what is curated stays as it is."""

import re

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.model.deriving import DeriveRow
from envkit.model.host import Gap
from envkit.model.recipe import Recipe, ReleaseRow
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
    named = {seen.version: seen.libc for seen in observation.releases}
    gaps: list[Gap] = []
    for seen in reversed(observation.releases):
        known = rows.get(seen.version)
        if known is None:
            missing = _missing(seen, derive)
            if missing:
                gaps.append(Gap(fact=f"{recipe.package} {seen.version}", source="the index", reason=missing))
            else:
                before = _before(rows, seen.version)
                libc = {} if before is None else _measured(before, named.get(before.version, {}), seen)
                rows[seen.version] = _new_row(seen, derive, before, libc)
        elif known.derived:
            rows[seen.version] = _rewritten(known, seen)
    visible = {seen.version for seen in observation.releases}
    wanted = SpecifierSet(derive.releases)
    return MergedReleases(
        releases=tuple(rows[version] for version in sorted(rows, key=Version, reverse=True)),
        gone=tuple(
            row.version
            for row in recipe.releases
            if row.derived and row.version in wanted and row.version not in visible
        ),
        gaps=tuple(gaps),
    )


def _missing(seen: SeenRelease, derive: DeriveRow) -> str | None:
    """Return why a new release cannot be recorded, None when it can."""
    if seen.released is None:
        return "not recorded: the index does not say when it was published"
    unread = sorted(set(seen.pythons) - set(seen.builds))
    if unread:
        return f"not recorded: its wheels for {', '.join(unread)} could not be read"
    if derive.required_by is not None and derive.required_by not in seen.requires:
        return f"not recorded: no release of `{derive.required_by}` requires it"
    return None


def _before(rows: dict[str, ReleaseRow], version: str) -> ReleaseRow | None:
    older = [row for row in rows.values() if Version(row.version) < Version(version)]
    return max(older, key=lambda row: Version(row.version), default=None)


def _measured(before: ReleaseRow, named: dict[str, str], seen: SeenRelease) -> dict[str, str]:
    """Return the glibc floors of the release before that its wheels do not tell: a person measured them."""
    return {name: floor for name, floor in before.libc.items() if name in seen.pythons and floor != named.get(name)}


def _new_row(seen: SeenRelease, derive: DeriveRow, before: ReleaseRow | None, libc: dict[str, str]) -> ReleaseRow:
    """Make a row; what is not read from wheels is taken from the release before, which has these measured floors."""
    empty = ReleaseRow(
        version=seen.version, released=seen.released or "", pythons=(), source=derive.source, derived=True
    )
    if before is not None and seen.unnamed:
        empty = msgspec.structs.replace(empty, pythons=before.pythons)
    if before is not None and all(build.assumed for build in seen.builds.values()):
        unread = {name: _unread(variants, derive) for name, variants in before.also.items() if name in seen.pythons}
        also = {name: variants for name, variants in unread.items() if variants}
        empty = msgspec.structs.replace(empty, default=before.default, also=also, libc=libc)
    row = _rewritten(empty, seen)
    return row if before is None else msgspec.structs.replace(row, also=_ordered(row.also, before.also))


def _ordered(also: dict[str, tuple[str, ...]], before: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return further variants in the order that the release before has them in, new ones last."""
    known = {name: [variant for variant in before.get(name, ()) if variant in also[name]] for name in also}
    names = dict.fromkeys([name for name in before if name in also] + list(also))
    return {name: tuple(dict.fromkeys([*known[name], *also[name]])) for name in names}


def _unread(variants: tuple[str, ...], derive: DeriveRow) -> tuple[str, ...]:
    """Return the variants that no row of `derive.also` reads."""
    digits = {r"\{major\}": r"\d+", r"\{minor\}": r"\d+"}
    patterns = [re.escape(row.variant) for row in derive.also]
    for place, pattern in digits.items():
        patterns = [text.replace(place, pattern) for text in patterns]
    return tuple(variant for variant in variants if not any(re.fullmatch(text, variant) for text in patterns))


def _rewritten(row: ReleaseRow, seen: SeenRelease) -> ReleaseRow:
    pythons = {name: _pythons(row, seen, found) for name, found in seen.pythons.items()}
    main = pythons.get(_MAIN_ARCHITECTURE) or next(iter(pythons.values()), ())
    packages = {name: seen.pairing.packages.get(name, version) for name, version in row.packages.items()}
    packages |= seen.pairing.packages
    return msgspec.structs.replace(
        row,
        released=seen.released or row.released,
        pythons=main,
        pythons_by_architecture={name: found for name, found in pythons.items() if found != main},
        libc={
            name: _floor(row.libc.get(name), seen.libc.get(name))
            for name in seen.pythons
            if _has_floor(row, seen, name)
        },
        default={name: variant for name in seen.pythons if (variant := _variant(row, seen, name)) is not None},
        also=_also(row, seen),
        packages=packages,
        packages_pythons=_fewer_pythons(row, seen, main),
        requires=row.requires | seen.requires,
        yanked=seen.yanked,
    )


def _pythons(row: ReleaseRow, seen: SeenRelease, found: tuple[str, ...]) -> tuple[str, ...]:
    """Return the Pythons of a release.

    A wheel that names none can be installed in Pythons that nobody has tried it with: of those only what the row has.
    """
    tried = tuple(python for python in row.pythons if python in found)
    return tried if seen.unnamed and tried else found


def _has_floor(row: ReleaseRow, seen: SeenRelease, architecture: str) -> bool:
    return architecture in row.libc or architecture in seen.libc


def _floor(known: str | None, seen: str | None) -> str:
    return max(filter(None, (known, seen)), key=libc_key)


def _variant(row: ReleaseRow, seen: SeenRelease, architecture: str) -> str | None:
    """Return the variant on the main index, None where the wheels are new and could not be read."""
    build = seen.builds.get(architecture)
    if build is not None and not (build.assumed and architecture in row.default):
        return build.variant
    return row.default.get(architecture)


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
