"""Refresh one recipe: observe the index, merge, compare."""

from collections.abc import Iterable

import msgspec

from envkit.errors import DataError
from envkit.model.deriving import DeriveRow
from envkit.model.host import Gap
from envkit.model.matrix import Foundations
from envkit.model.provenance import Source
from envkit.model.recipe import Recipe, ReleaseRow
from envkit.model.value import Value
from envkit.model.vendor import Vendor
from envkit.refresh.changes import Change, compare_recipes
from envkit.refresh.indexed import merge_indexed
from envkit.refresh.merge import merge_releases
from envkit.refresh.observation import Observation, observe_recipe
from envkit.refresh.own import observe_own
from envkit.refresh.reader import Reader
from envkit.refresh.variants import MergedVariants, covering, merge_variants


class Refreshed(Value):
    """A recipe as the index has it now, and what is new in it."""

    recipe: Recipe
    changes: tuple[Change, ...]
    gaps: tuple[Gap, ...]
    observation: Observation  # what the index answered


class Facts(Value):
    """What a refresh knows beside the recipe and the index."""

    foundations: Foundations
    vendors: tuple[Vendor, ...]
    today: str  # ISO date


def refresh_recipe(recipe: Recipe, facts: Facts, reader: Reader) -> Refreshed:
    """Return the refreshed recipe, from the main index and from those that the recipe names beside it.

    Raises `DataError` for a recipe with neither `derive` nor own indexes or a package that the index does not have, and
    `IndexUnreachableError` when it does not answer.
    """
    derive = recipe.derive
    if derive is None and not recipe.indexes:
        raise DataError(
            f"the recipe does not say what its rows are derived from, field missing: `derive` of {recipe.name}"
        )
    pythons = tuple(_pythons(facts.foundations))
    main = _unread(recipe) if derive is None else _from_main(recipe, derive, reader, pythons)
    own, unread = observe_own(recipe, reader, pythons)
    indexed = merge_indexed(main.recipe, own)
    merged = msgspec.structs.replace(main.recipe, releases=indexed.releases)
    settle_days = facts.foundations.settle_days
    changes = compare_recipes(recipe, merged, facts.vendors, today=facts.today, settle_days=settle_days)
    changes += [*main.changes, *indexed.changes, *_curated(recipe, merged)]
    if merged != recipe and derive is not None:
        merged = _dated(merged, derive, facts.today)
    gaps = (*main.gaps, *unread)
    return Refreshed(recipe=merged, changes=tuple(changes), gaps=gaps, observation=main.observation)


def _unread(recipe: Recipe) -> Refreshed:
    """Return a recipe of which nothing is derived from the main index."""
    return Refreshed(recipe=recipe, changes=(), gaps=(), observation=Observation(releases=()))


def _from_main(recipe: Recipe, derive: DeriveRow, reader: Reader, pythons: tuple[str, ...]) -> Refreshed:
    if derive.source not in recipe.sources:
        raise DataError(f"`derive.source` of `{recipe.name}` is not one of its sources: {derive.source}")
    observation = observe_recipe(recipe, derive, reader, pythons)
    releases = merge_releases(recipe, derive, observation)
    variants = merge_variants(recipe, derive, releases.releases, observation)
    merged = msgspec.structs.replace(recipe, releases=releases.releases, variants=variants.variants)
    changes = [_gone(version) for version in releases.gone]
    changes += _decisions(variants)
    changes += _unsatisfiable(recipe, observation)
    gaps = (*observation.gaps, *releases.gaps)
    return Refreshed(recipe=merged, changes=tuple(changes), gaps=gaps, observation=observation)


def _pythons(foundations: Foundations) -> Iterable[str]:
    return {*foundations.python_preference, *(python for base in foundations.bases for python in base.pythons)}


def _dated(recipe: Recipe, derive: DeriveRow, today: str) -> Recipe:
    """Say that the source of the derived rows was read today."""
    source = recipe.sources[derive.source]
    return msgspec.structs.replace(
        recipe,
        sources=recipe.sources | {derive.source: Source(text=source.text, retrieved=max(source.retrieved, today))},
    )


def _gone(version: str) -> Change:
    text = "GONE: the index does not have it any more; its row is kept"
    return Change(kind="gone", release=version, text=text, loud=True)


def _decisions(variants: MergedVariants) -> list[Change]:
    """Return where the index contradicts what a person wrote."""
    changes = [
        Change(kind="variant-row", release=text.partition(" ")[0], text=f"a curated row ends here: {text}")
        for text in variants.closed
    ]
    return changes + [
        Change(kind="conflict", release=text.partition(" ")[0], text=f"a curated row disagrees: {text}", loud=True)
        for text in variants.conflicts
    ]


def _curated(old: Recipe, new: Recipe) -> list[Change]:
    """Return what new releases leave to a person, since no index tells it."""
    known = {row.version for row in old.releases}
    return [
        Change(kind="curate", release=row.version, text=text)
        for row in new.releases
        if row.version not in known
        for text in _open_questions(new, row)
    ]


def _unsatisfiable(old: Recipe, observation: Observation) -> list[Change]:
    """Return the new releases that require exactly what cannot be installed from this index."""
    known = {row.version for row in old.releases}
    return [
        Change(
            kind="missing-requirement",
            release=seen.version,
            text=f"REQUIRES WHAT THE INDEX DOES NOT HAVE on {architecture}: {', '.join(build.missing)}",
            loud=True,
        )
        for seen in observation.releases
        for architecture, build in seen.builds.items()
        if build.missing and seen.version not in known
    ]


def _open_questions(recipe: Recipe, row: ReleaseRow) -> list[str]:
    """Return what a new release leaves to a person."""
    variants = [*row.default.items(), *((name, variant) for name, group in row.also.items() for variant in group)]
    texts = [
        f"no row of `variants` covers {variant} on {architecture}"
        for architecture, variant in variants
        if covering(recipe.variants, variant, architecture, row.version) is None
    ]
    if recipe.indexes and not row.indexed:
        texts.append("the variants on the recipe's own indexes are not known: set `indexed`")
    return texts
