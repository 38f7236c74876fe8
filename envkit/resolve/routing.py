"""Which index serves a companion that has a recipe of its own: the one whose builds are for the same runtime."""

from envkit.model.matrix import Build, Matrix, Recipe, ReleaseRow
from envkit.model.resolution import PackageIndex
from envkit.model.value import Value
from envkit.model.version import VendorVersion
from envkit.resolve.builds import expand_release, variant_rows
from envkit.resolve.versions import parse_version


class Route(Value):
    """The indexes of some companions, and those for which no index has a build of the right runtime."""

    indexes: tuple[PackageIndex, ...] = ()
    lost: tuple[str, ...] = ()  # a sentence each


def route_companions(build: Build, pins: dict[str, str], matrix: Matrix, index_urls: dict[str, str]) -> Route:
    """Choose the index of every pinned companion that is the main package of another recipe of the matrix.

    The main index serves where its build is for the same major version of the runtime; otherwise the recipe's own index
    with the same variant, or with the newest runtime of that major version. A build of no runtime leaves it open.
    """
    if build.runtime is None:
        return Route()
    indexes: list[PackageIndex] = []
    lost: list[str] = []
    for package, version in sorted(pins.items()):
        recipe = matrix.recipe(package)
        if (
            recipe is None
            or recipe.package != package
            or recipe.name == build.recipe
            or package in build.index_packages
        ):
            continue
        release = next((row for row in recipe.releases if parse_version(row.version) == parse_version(version)), None)
        if release is not None:
            index, reason = _choose(build, recipe, release, index_urls)
            indexes += [index] if index is not None else []
            lost += [reason] if reason is not None else []
    return Route(indexes=tuple(indexes), lost=tuple(lost))


def _choose(
    build: Build, recipe: Recipe, release: ReleaseRow, index_urls: dict[str, str]
) -> tuple[PackageIndex | None, str | None]:
    """Return the index that is needed beside the main one, or why there is none; neither where the main one will do."""
    architecture = build.cpu_architecture
    offered = expand_release(recipe, release, architecture, variant_rows(recipe, architecture), index_urls)
    fitting = [other for other in offered if _same_runtime(build, other)]
    if any(other.index_url is None for other in fitting):
        return None, None
    if not fitting:
        there = ", ".join(sorted({other.variant for other in offered})) or "none"
        wanted = f"{build.runtime.name} {build.runtime.version}" if build.runtime is not None else build.variant
        return None, f"no index has {recipe.package} {release.version} for {wanted}; there is {there}"
    best = min(fitting, key=lambda other: (other.variant != build.variant, _age(other), other.index))
    return PackageIndex(name=best.index, url=best.index_url or "", packages=best.index_packages), None


def _same_runtime(build: Build, other: Build) -> bool:
    ours, theirs = build.runtime, other.runtime
    if ours is None or theirs is None or build.vendor != other.vendor or ours.name != theirs.name:
        return False
    return VendorVersion(ours.version).major == VendorVersion(theirs.version).major


def _age(build: Build) -> tuple[int, ...]:
    """Sort key of a runtime, the newest first."""
    numbers = [] if build.runtime is None else build.runtime.version.split(".")
    return tuple(-int(number) for number in numbers if number.isdigit())
