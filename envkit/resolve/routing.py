"""Which index serves a companion that has a recipe of its own: one whose builds are for the same runtime."""

from itertools import product

from envkit.model.matrix import Build, Matrix
from envkit.model.recipe import Recipe
from envkit.model.resolution import PackageIndex
from envkit.model.value import Value
from envkit.model.version import VendorVersion
from envkit.resolve.builds import expand_release, variant_rows
from envkit.resolve.versions import parse_version


class Route(Value):
    """One way to take all companions: their builds, and the indexes that are needed beside the main one."""

    builds: tuple[Build, ...] = ()
    lost: tuple[str, ...] = ()  # companions that no index has for the runtime: a sentence each

    @property
    def indexes(self) -> tuple[PackageIndex, ...]:
        """The indexes beside the main one."""
        return tuple(
            PackageIndex(name=build.index, url=build.index_url, packages=build.index_packages)
            for build in self.builds
            if build.index_url is not None
        )


def find_routes(
    build: Build,
    pins: dict[str, str],
    matrix: Matrix,
    index_urls: dict[str, str],
    known: dict[tuple[str, str, str], tuple[Build, ...]],
) -> tuple[Route, ...]:
    """Return the ways to take the pinned companions that are the main packages of other recipes, the plainest first.

    A companion's build has to be for the same major version of the runtime. The main index's goes first; beside it the
    recipe's own index counts where its build, of the same variant or else of the newest runtime, serves other devices.
    A build of no runtime leaves its companions open. What a companion's release offers is kept in `known`, by package,
    version and processor architecture.
    """
    ways: list[tuple[Build, ...]] = []
    lost: list[str] = []
    for package, version in sorted(pins.items()) if build.runtime is not None else ():
        recipe = None if package in build.index_packages else matrix.recipe(package)
        if recipe is None or recipe.package != package or recipe.name == build.recipe:
            continue
        key = (package, version, build.cpu_architecture)
        if key not in known:
            known[key] = _offered(build.cpu_architecture, recipe, version, index_urls)
        offered = known[key]
        fitting = _alternatives(build, tuple(other for other in offered if _same_runtime(build, other)))
        if fitting:
            ways.append(fitting)
        elif offered:
            there = ", ".join(sorted({other.variant for other in offered}))
            lost.append(f"no index has {package} {version} for the runtime of {build.variant}; there is {there}")
    return tuple(Route(builds=builds, lost=tuple(lost)) for builds in product(*ways))


def _offered(architecture: str, recipe: Recipe, version: str, index_urls: dict[str, str]) -> tuple[Build, ...]:
    release = next((row for row in recipe.releases if parse_version(row.version) == parse_version(version)), None)
    if release is None:
        return ()
    return expand_release(recipe, release, architecture, variant_rows(recipe, architecture), index_urls)


def _alternatives(build: Build, fitting: tuple[Build, ...]) -> tuple[Build, ...]:
    main = tuple(other for other in fitting if other.index_url is None)
    own = sorted(
        (other for other in fitting if other.index_url is not None),
        key=lambda other: (other.variant != build.variant, _newest_first(other), other.index),
    )
    if not main:
        return tuple(own[:1])
    return (main[0], *(other for other in own[:1] if other.architectures != main[0].architectures))


def _same_runtime(build: Build, other: Build) -> bool:
    ours, theirs = build.runtime, other.runtime
    if ours is None or theirs is None or build.vendor != other.vendor or ours.name != theirs.name:
        return False
    return VendorVersion(ours.version).major == VendorVersion(theirs.version).major


def _newest_first(build: Build) -> tuple[int, ...]:
    numbers = [] if build.runtime is None else build.runtime.version.split(".")
    return tuple(-int(number) for number in numbers if number.isdigit())
