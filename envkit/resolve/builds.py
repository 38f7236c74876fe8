"""Recipe rows expanded into builds: every release in every variant on the main index and on the recipe's own."""

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from envkit.model.matrix import Build
from envkit.model.provenance import Source
from envkit.model.recipe import BrokenRow, IndexRow, Recipe, ReleaseRow, VariantRow
from envkit.model.reserved import DEFAULT_INDEX, IMAGE_INDEX
from envkit.model.value import Value
from envkit.resolve.versions import is_stable, within


class BuildSource(Value):
    """Where a build is taken from."""

    index: str = DEFAULT_INDEX
    url: str | None = None
    packages: tuple[str, ...] = ()
    label: str | None = None


def stable_releases(recipe: Recipe) -> tuple[ReleaseRow, ...]:
    """Return a recipe's final releases; prereleases are never offered."""
    return tuple(release for release in recipe.releases if is_stable(release.version))


def expand_release(
    recipe: Recipe,
    release: ReleaseRow,
    architecture: str,
    rows: dict[str, list[VariantRow]],
    index_urls: dict[str, str],
) -> tuple[Build, ...]:
    """Return the builds of one release for one processor architecture, whose `variant_rows` are given."""
    return tuple(_release_builds(recipe, release, architecture, rows, index_urls))


def variant_rows(recipe: Recipe, architecture: str) -> dict[str, list[VariantRow]]:
    """Return the rows of a recipe for one processor architecture, by variant."""
    rows: dict[str, list[VariantRow]] = {}
    for row in recipe.variants:
        if architecture in row.cpu_architectures and not _is_placed(row):
            rows.setdefault(row.variant, []).append(row)
    return rows


def offers(recipe: Recipe, release: ReleaseRow, architecture: str, rows: dict[str, list[VariantRow]]) -> bool:
    """Tell whether a release may have builds at all, before they are made."""
    if release.default.get(architecture) in rows or any(variant in rows for variant in release.indexed):
        return True
    if any(variant in rows for variant in release.also.get(architecture, ())):
        return True
    return bool(placed_rows(recipe.variants))


def placed_rows(rows: tuple[VariantRow, ...]) -> tuple[VariantRow, ...]:
    """Return the rows that say themselves where their builds are to be had."""
    return tuple(row for row in rows if _is_placed(row))


def find_variant(rows: list[VariantRow], release: str) -> VariantRow | None:
    """Return the row that covers a release; should several do, the one that sorts first by its range."""
    if not rows:
        return None
    fitting = [row for row in rows if within(row.releases, release)]
    return min(fitting, key=lambda row: row.releases) if fitting else None


def make_build(recipe: Recipe, release: ReleaseRow, row: VariantRow, architecture: str, source: BuildSource) -> Build:
    """Join a release, a variant and a source into one build."""
    on_own_index = source.index != DEFAULT_INDEX
    return Build(
        recipe=recipe.name,
        release=release.version,
        released=release.released,
        variant=row.variant,
        vendor=row.vendor,
        cpu_architecture=architecture,
        package=row.package or recipe.package,
        index=source.index,
        index_url=source.url,
        index_packages=source.packages,
        pythons=row.pythons or release.pythons_by_architecture.get(architecture, release.pythons),
        source="; ".join(dict.fromkeys(source_text(recipe.sources, key) for key in (release.source, row.source))),
        runtime=row.runtime,
        architectures=row.architectures,
        ptx=row.ptx if row.ptx_indexed is None or not on_own_index else row.ptx_indexed,
        libc=None if row.system == "darwin" or row.image else row.libc or release.libc.get(architecture),
        system=row.system,
        extra=row.extra,
        requirements=row.requirements,
        companions=release.packages,
        companion_pythons=release.packages_pythons,
        requires=release.requires,
        cpu_level=row.cpu_level,
        cpu_features=row.cpu_features,
        windows=tuple(
            msgspec.structs.replace(window, source=source_text(recipe.sources, window.source)) for window in row.windows
        ),
        broken=_broken_rows(recipe, release, row),
        pins=row.pins,
        label=source.label,
        image=row.image,
        yanked=release.yanked,
    )


def _broken_rows(recipe: Recipe, release: ReleaseRow, row: VariantRow) -> tuple[BrokenRow, ...]:
    """Return what is known to be broken about a release in a variant, with sources in full; in one order."""
    rows = (*release.broken, *row.broken)
    hit = (
        msgspec.structs.replace(broken, source=source_text(recipe.sources, broken.source))
        for broken in rows
        if within(broken.releases, release.version) and (broken.variants is None or row.variant in broken.variants)
    )
    return tuple(sorted(hit, key=lambda broken: (broken.architectures is not None, broken.reason)))


def source_text(sources: dict[str, Source], key: str) -> str:
    """Return the text behind a source key, or the key itself where a row names its source in full."""
    source = sources.get(key)
    return source.text if source is not None else key


def _release_builds(
    recipe: Recipe,
    release: ReleaseRow,
    architecture: str,
    rows: dict[str, list[VariantRow]],
    index_urls: dict[str, str],
) -> Iterator[Build]:
    default = release.default.get(architecture)
    for variant in (*((default,) if default is not None else ()), *release.also.get(architecture, ())):
        row = find_variant(rows.get(variant, []), release.version)
        if row is not None:
            yield make_build(recipe, release, row, architecture, BuildSource())
    for variant in release.indexed:
        row = find_variant(rows.get(variant, []), release.version)
        if row is not None:
            for index in recipe.indexes:
                if not index.own:
                    yield make_build(recipe, release, row, architecture, _own_index(index, variant, index_urls))
    for row in recipe.variants:
        if _is_placed(row) and architecture in row.cpu_architectures and within(row.releases, release.version):
            yield make_build(recipe, release, row, architecture, _named_source(recipe, row, index_urls))


def _is_placed(row: VariantRow) -> bool:
    """Tell whether a variant says by itself where it is to be had."""
    return row.index is not None or row.image is not None


def _named_source(recipe: Recipe, row: VariantRow, index_urls: dict[str, str]) -> BuildSource:
    if row.image is not None:
        return BuildSource(index=IMAGE_INDEX)
    for index in recipe.indexes:
        variant = index.variant_of(row.index or "")
        if variant is not None:
            return replace(_own_index(index, variant, index_urls), label=variant)
    return BuildSource()


def _own_index(index: IndexRow, variant: str, index_urls: dict[str, str]) -> BuildSource:
    name = index.name.replace("{variant}", variant)
    url = index_urls.get(name, index.url.replace("{variant}", variant))
    return BuildSource(index=name, url=url, packages=index.packages)
