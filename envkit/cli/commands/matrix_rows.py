"""The rows that `envkit matrix show` prints, joined from the matrix."""

from collections.abc import Iterable

from msgspec.structs import replace

from envkit.data.checking.forms import vendor_version_fault
from envkit.data.faults import Path
from envkit.data.origins import Origins
from envkit.errors import UsageError
from envkit.model.host import Runtime
from envkit.model.matrix import Build, Matrix
from envkit.model.provenance import Source
from envkit.model.recipe import Recipe, ReleaseRow, VariantRow
from envkit.model.shown import (
    MatrixIndex,
    RecipeTable,
    ShownArchitecture,
    ShownBuild,
    ShownFloor,
    ShownRecipe,
    ShownRecipeOfVendor,
    ShownVendor,
    VendorTable,
)
from envkit.model.vendor import Vendor
from envkit.model.version import VendorVersion
from envkit.resolve.builds import expand_release, variant_rows
from envkit.resolve.checks.driver import find_floor
from envkit.resolve.versions import within


def index_of(matrix: Matrix) -> MatrixIndex:
    """Return all recipes and vendors in short."""
    return MatrixIndex(
        revision=matrix.revision,
        newest_source=matrix.newest_source,
        recipes=tuple(
            ShownRecipe(
                name=recipe.name,
                title=recipe.title,
                newest=recipe.releases[0].version if recipe.releases else None,
                oldest=recipe.releases[-1].version if recipe.releases else None,
                releases=len(recipe.releases),
                vendors=tuple(dict.fromkeys(row.vendor for row in recipe.variants)),
                retrieved=_newest(recipe.sources),
                files=Origins("recipes", recipe.name).files,
            )
            for recipe in matrix.recipes
        ),
        vendors=tuple(
            ShownVendor(
                name=vendor.name,
                title=vendor.title,
                runtime=vendor.runtime,
                models=sum(len(model.names) for model in vendor.models),
                recipes=tuple(
                    recipe.name
                    for recipe in matrix.recipes
                    if any(row.vendor == vendor.name for row in recipe.variants)
                ),
                retrieved=_newest(vendor.sources),
                files=Origins("vendors", vendor.name).files,
            )
            for vendor in matrix.vendors
        ),
    )


def _newest(sources: dict[str, Source]) -> str:
    return max((source.retrieved for source in sources.values()), default="")


def recipe_table(matrix: Matrix, recipe: Recipe, release: str | None) -> RecipeTable:
    """Return the builds of a recipe, or of one of its releases; raises `UsageError` for a release that is not there."""
    rows = [row for row in recipe.releases if release in {None, row.version}]
    if release is not None and not rows:
        known = ", ".join(row.version for row in recipe.releases)
        raise UsageError(f"{recipe.name} has no such release in the matrix: {release}", hints=(f"one of {known}",))
    origins = Origins("recipes", recipe.name)
    return RecipeTable(
        recipe=recipe.name,
        title=recipe.title,
        package=recipe.package,
        files=origins.files,
        builds=tuple(build for row in rows for build in _release_builds(matrix, recipe, row, origins)),
    )


def _release_builds(matrix: Matrix, recipe: Recipe, row: ReleaseRow, origins: Origins) -> list[ShownBuild]:
    architectures = dict.fromkeys(name for variant in recipe.variants for name in variant.cpu_architectures)
    alike: dict[ShownBuild, list[str]] = {}
    for architecture in architectures:
        for build in expand_release(recipe, row, architecture, variant_rows(recipe, architecture), {}):
            found = _shown_build(matrix, recipe, row, build, origins)
            alike.setdefault(found, []).append(architecture)
    return [_with_architectures(build, names) for build, names in alike.items()]


def _with_architectures(build: ShownBuild, names: Iterable[str]) -> ShownBuild:
    return replace(build, cpu_architectures=tuple(dict.fromkeys(names)))


def _shown_build(matrix: Matrix, recipe: Recipe, row: ReleaseRow, build: Build, origins: Origins) -> ShownBuild:
    paths: list[Path] = [("releases", recipe.releases.index(row))]
    paths += [("variants", number) for number, variant in enumerate(recipe.variants) if _describes(variant, build)]
    return ShownBuild(
        release=build.release,
        released=build.released,
        variant=build.variant,
        vendor=build.vendor,
        index=build.index,
        cpu_architectures=(),
        pythons=build.pythons,
        source=build.source,
        origins=tuple(dict.fromkeys(origins.of(path) for path in paths)),
        runtime=build.runtime,
        driver_floor=_floor(matrix.vendor(build.vendor), build.runtime),
        architectures=build.architectures,
        ptx=build.ptx,
        yanked=build.yanked,
    )


def _describes(row: VariantRow, build: Build) -> bool:
    here = row.variant == build.variant and build.cpu_architecture in row.cpu_architectures
    return here and within(row.releases, build.release)


def _floor(vendor: Vendor | None, runtime: Runtime | None) -> str | None:
    floor = None if vendor is None or runtime is None else find_floor(vendor, runtime)
    return None if floor is None else floor.minimum


def vendor_table(matrix: Matrix, vendor: Vendor, runtime: str | None) -> VendorTable:
    """Return what is known of a vendor; with `runtime`, only the drivers and builds for that.

    Raises `UsageError` for a runtime of which nothing is known.
    """
    _check_version(runtime)
    origins = Origins("vendors", vendor.name)
    floors = tuple(floor for floor in _floors(vendor, origins) if runtime is None or _is_for(floor, runtime))
    recipes = tuple(row for recipe in matrix.recipes for row in _recipe_of_vendor(recipe, vendor, runtime))
    if runtime is not None and not (floors or recipes):
        raise UsageError(
            f"nothing is known of this runtime of {vendor.name}: {runtime}",
            hints=(f"envkit matrix show {vendor.name}",),
        )
    return VendorTable(
        vendor=vendor.name,
        title=vendor.title,
        files=origins.files,
        architectures=_architectures(vendor, origins) if runtime is None else (),
        floors=floors,
        recipes=recipes,
    )


def _check_version(text: str | None) -> None:
    if text is not None and vendor_version_fault(text) is not None:
        raise UsageError(f"not a version of a runtime: {text}")


def _is_for(floor: ShownFloor, runtime: str) -> bool:
    if floor.exact:
        return VendorVersion(floor.runtime) == VendorVersion(runtime)
    return VendorVersion(floor.runtime).major == VendorVersion(runtime).major


def _floors(vendor: Vendor, origins: Origins) -> Iterable[ShownFloor]:
    for place, floor in enumerate(vendor.driver_floors):
        origin = origins.of(("driver_floors", place))
        yield ShownFloor(runtime=str(floor.runtime_major), driver=floor.minimum, origin=origin, exact=False)
    for place, row in enumerate(vendor.driver_rows):
        yield ShownFloor(runtime=row.runtime, driver=row.minimum, origin=origins.of(("driver_rows", place)), exact=True)


def _architectures(vendor: Vendor, origins: Origins) -> tuple[ShownArchitecture, ...]:
    rows = {row.architecture: (place, row) for place, row in enumerate(vendor.architectures)}
    models = {model.architecture: None for model in vendor.models}
    shown: list[ShownArchitecture] = []
    for name in dict.fromkeys([*rows, *models]):
        paths: list[Path] = [
            ("models", place) for place, model in enumerate(vendor.models) if model.architecture == name
        ]
        place, row = rows.get(name, (None, None))
        if place is not None:
            paths.append(("architectures", place))
        shown.append(
            ShownArchitecture(
                architecture=name,
                models=tuple(title for model in vendor.models if model.architecture == name for title in model.names),
                origins=tuple(dict.fromkeys(origins.of(path) for path in paths)),
                generation=None if row is None else row.generation,
                first_driver=None if row is None else row.first_driver,
                last_driver=None if row is None else row.last_driver,
                first_runtime=None if row is None else row.first_runtime,
                last_runtime=None if row is None else row.last_runtime,
            )
        )
    return tuple(shown)


def _recipe_of_vendor(recipe: Recipe, vendor: Vendor, runtime: str | None) -> Iterable[ShownRecipeOfVendor]:
    variants = [row for row in recipe.variants if row.vendor == vendor.name and _has_runtime(row, runtime)]
    releases = [row.version for row in recipe.releases if any(within(item.releases, row.version) for item in variants)]
    if variants and releases:
        names = tuple(dict.fromkeys(row.variant for row in variants))
        yield ShownRecipeOfVendor(recipe=recipe.name, newest=releases[0], oldest=releases[-1], variants=names)


def _has_runtime(row: VariantRow, runtime: str | None) -> bool:
    if runtime is None:
        return True
    return row.runtime is not None and VendorVersion(row.runtime.version) == VendorVersion(runtime)
