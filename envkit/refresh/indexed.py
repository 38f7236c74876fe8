"""`indexed` of releases, and the rows of variants, held against what a recipe's own indexes have."""

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.model.recipe import Recipe, ReleaseRow, VariantRow
from envkit.model.value import Value
from envkit.refresh.changes import Change
from envkit.refresh.own import SeenIndex, SeenWheels
from envkit.refresh.variants import covering
from envkit.refresh.wheels import python_key

_NOTHING = SeenWheels(pythons={})


class MergedIndexed(Value):
    """The releases of a recipe with what its own indexes have, and what people have to look at."""

    releases: tuple[ReleaseRow, ...]
    changes: tuple[Change, ...]


def merge_indexed(recipe: Recipe, seen: tuple[SeenIndex, ...]) -> MergedIndexed:
    """Fill `indexed` of derived releases that have none; compare the others, which people wrote, and keep them."""
    listed = {one.index.variant: one for one in seen if not one.index.own}
    releases: list[ReleaseRow] = []
    changes = _unknown_releases(recipe, seen)
    for place, row in enumerate(recipe.releases):
        found = tuple(variant for variant, one in listed.items() if row.version in one.releases)
        if row.derived and not row.indexed:
            before = next((other.indexed for other in recipe.releases[place + 1 :] if other.indexed), ())
            filled, news = _filled(recipe, row, found, before)
        else:
            filled, news = row, _compared(row, found, tuple(listed))
        releases.append(filled)
        changes += news
        for variant in filled.indexed:
            if variant in found:
                changes += _pythons(recipe, filled, variant, listed[variant].releases[row.version])
    changes += [change for one in seen if one.index.own for change in _placed(recipe, one)]
    return MergedIndexed(releases=tuple(releases), changes=tuple(changes))


def _filled(
    recipe: Recipe, row: ReleaseRow, found: tuple[str, ...], before: tuple[str, ...]
) -> tuple[ReleaseRow, list[Change]]:
    """Return a release with the variants that rows describe, in the order of the release before it."""
    described = [name for name in found if _is_described(recipe, name, row.version)]
    ordered = tuple(dict.fromkeys([*(name for name in before if name in described), *described]))
    changes = [
        _curate(row, f"no row of `variants` covers {name}, which its index has")
        for name in found
        if name not in described
    ]
    if ordered:
        text = f"indexed none → {' '.join(ordered)}"
        changes.insert(0, Change(kind="changed-release", release=row.version, text=text))
    return msgspec.structs.replace(row, indexed=ordered), changes


def _is_described(recipe: Recipe, variant: str, release: str) -> bool:
    places = {name for row in recipe.variants if row.variant == variant for name in row.cpu_architectures}
    return any(covering(recipe.variants, variant, place, release) is not None for place in places)


def _compared(row: ReleaseRow, found: tuple[str, ...], read: tuple[str, ...]) -> list[Change]:
    missing = [name for name in row.indexed if name in read and name not in found]
    more = [name for name in found if name not in row.indexed]
    changes = [
        _conflict(row, f"`indexed` has {name}, the index has no wheel of it; the row is kept") for name in missing
    ]
    return changes + [_conflict(row, f"`indexed` lacks {name}, which the index has; the row is kept") for name in more]


def _pythons(recipe: Recipe, release: ReleaseRow, variant: str, seen: SeenWheels) -> list[Change]:
    """Compare the processor architectures and Pythons that a build is offered for with those that have a wheel."""
    changes: list[Change] = []
    places = {name for row in recipe.variants if row.variant == variant for name in row.cpu_architectures}
    for place in sorted(places | set(seen.pythons)):
        row = covering(recipe.variants, variant, place, release.version)
        if row is None:
            changes.append(_curate(release, f"no row of `variants` covers {variant} on {place}, which its index has"))
        elif place not in seen.pythons:
            changes.append(_conflict(release, f"a row covers {variant} on {place}, the index has no wheel for it"))
        else:
            changes += _python_changes(release, row, place, seen)
    return changes


def _python_changes(release: ReleaseRow, row: VariantRow, place: str, seen: SeenWheels) -> list[Change]:
    ours = row.pythons or release.pythons_by_architecture.get(place, release.pythons)
    found = set(seen.pythons[place])
    missing, more = set(ours) - found, found - set(ours)
    where = f"{row.variant} on {place}"
    changes = []
    if missing:
        text = f"{where}: the index has no wheel for Python {_sorted(missing)}, the row has it"
        changes.append(_conflict(release, text))
    if more and not seen.unnamed:
        text = f"{where}: the index has wheels for Python {_sorted(more)}, which the row has not"
        changes.append(_curate(release, text))
    return changes


def _sorted(pythons: set[str]) -> str:
    return ", ".join(sorted(pythons, key=python_key))


def _placed(recipe: Recipe, seen: SeenIndex) -> list[Change]:
    """Compare rows that name their index with it: each of their releases must be there."""
    changes: list[Change] = []
    for row in recipe.variants:
        if row.index != seen.index.name:
            continue
        for release in recipe.releases:
            if not SpecifierSet(row.releases).contains(release.version, prereleases=True):
                continue
            wheels = seen.releases.get(release.version, _NOTHING)
            for place in row.cpu_architectures:
                if place in wheels.pythons:
                    changes += _python_changes(release, row, place, wheels)
                else:
                    text = f"a row has {row.variant} on {place} from `{row.index}`, which has no wheel of it"
                    changes.append(_conflict(release, text))
    return changes


def _unknown_releases(recipe: Recipe, seen: tuple[SeenIndex, ...]) -> list[Change]:
    """Return the releases on own indexes that are newer than all of the recipe's."""
    newest = max((Version(row.version) for row in recipe.releases), default=Version("0"))
    found: dict[str, list[str]] = {}
    for one in seen:
        for version in one.releases:
            if Version(version) > newest:
                found.setdefault(version, []).append(one.index.name)
    return [
        Change(kind="curate", release=version, text=f"on {', '.join(names)} and not in the recipe")
        for version, names in found.items()
    ]


def _conflict(row: ReleaseRow, text: str) -> Change:
    return Change(kind="conflict", release=row.version, text=f"OWN INDEX DISAGREES: {text}", loud=True)


def _curate(row: ReleaseRow, text: str) -> Change:
    return Change(kind="curate", release=row.version, text=text)
