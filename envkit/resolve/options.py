"""Options: builds that may serve one spec, with the packages that come along."""

from collections.abc import Callable, Iterator
from functools import cached_property

from msgspec.structs import replace

from envkit.model.matrix import Build
from envkit.model.recipe import VariantRow
from envkit.model.reserved import ANY_VARIANT, CPU, DEFAULT_INDEX, WHEELHOUSE_INDEX
from envkit.model.value import Value
from envkit.resolve.builds import expand_release, stable_releases, variant_rows
from envkit.resolve.companions import Companions, companions_at, index_companions, wheelhouse_companions
from envkit.resolve.devices import vendor_names
from envkit.resolve.problem import Problem, Want
from envkit.resolve.routing import find_routes
from envkit.resolve.sites import Place, known_pythons
from envkit.resolve.versions import parse_version, python_tag
from envkit.resolve.wheelhouse import UNKNOWN_VENDOR, wheel_builds


class Option(Value):
    """A build for a spec; `version` is what is pinned, with a wheel's local label where the file has one."""

    want: Want
    build: Build
    version: str
    companions: Companions

    @property
    def name(self) -> str:
        """Name release and variant: `torch 2.13.0+cpu`."""
        return f"{self.build.package} {self.build.release}+{self.build.variant}"

    @property
    def pins(self) -> dict[str, str]:
        """The exact versions that this option installs, by package."""
        return {self.build.package: self.version, **self.companions.pins, **self.build.pins}

    def at(self, place: Place) -> "Option":
        """Return this option as it is at a place: without the default companions that have no wheel for its Python."""
        companions = companions_at(self.companions, self.want, place.python)
        return self if companions is self.companions else replace(self, companions=companions)

    def candidate(self, place: Place) -> str:
        """Return the stable id of this option at a place: `torch 2.13.0+cpu cp311 wheelhouse native`."""
        indexes = "+".join((self.build.index, *(index.name for index in self.companions.route.indexes)))
        return f"{self.name} {python_tag(place.python)} {indexes} {place.site.label}"


class OptionSource:
    """The options of one spec, of all vendors, by release; those of a release are made when it is first asked for.

    Options of other processor architectures are among them for a vendor that has none for the host's, so that they are
    refused for what they are.
    """

    def __init__(self, problem: Problem, want: Want) -> None:
        self._problem = problem
        self._want = want
        self._rows = {row.version: row for row in stable_releases(want.recipe)}
        self._wheels: dict[str, list[Option]] = {}
        for option in _wheelhouse_options(problem, want):
            self._wheels.setdefault(option.build.release, []).append(option)
        self._made: dict[str, tuple[Option, ...]] = {}
        self._variants: dict[str, dict[str, list[VariantRow]]] = {}
        names = {*self._rows, *self._wheels}
        self.releases = tuple(sorted(names, key=lambda name: (parse_version(name), name), reverse=True))

    def serves(self, problem: Problem, want: Want) -> bool:
        """Tell whether the options are those of another problem too, which may have other facts and wishes."""
        ours = self._problem
        return (
            want.recipe is self._want.recipe
            and (want.position, want.spec) == (self._want.position, self._want.spec)
            and problem.availability is ours.availability
            and problem.matrix is ours.matrix
            and (problem.cpu_architecture, problem.system) == self._platform
            and (problem.request.on, vendor_names(problem)) == (ours.request.on, vendor_names(ours))
        )

    def may_serve(self, vendors: frozenset[str]) -> bool:
        """Tell whether a row or a wheel is for one of some vendors, whichever releases it covers."""
        wheels = (option for options in self._wheels.values() for option in options)
        rows = {row.vendor for row in self._want.recipe.variants}
        return bool(rows & vendors) or any(option.build.vendor in vendors for option in wheels)

    def at_release(self, release: str) -> tuple[Option, ...]:
        """Return the options of a release."""
        if release not in self._made:
            self._made[release] = (*self._wheels.get(release, ()), *self._indexed(release))
        return self._made[release]

    def __iter__(self) -> Iterator[Option]:
        """Yield all options, the newest release first."""
        for release in self.releases:
            yield from self.at_release(release)

    def _indexed(self, release: str) -> Iterator[Option]:
        for build in self._builds(release, self._platform):
            yield from self._routed(build)
        foreign = self._foreign_vendors
        others = self._other_platforms if foreign else ()
        for platform in others:
            builds = self._builds(release, platform)
            yield from (option for build in builds if build.vendor in foreign for option in self._routed(build))

    def _builds(self, release: str, platform: tuple[str, str]) -> tuple[Build, ...]:
        row = self._rows.get(release)
        if row is None:
            return ()
        architecture, system = platform
        rows = self._variants.get(architecture)
        if rows is None:
            rows = self._variants[architecture] = variant_rows(self._want.recipe, architecture)
        builds = expand_release(self._want.recipe, row, architecture, rows, self._problem.availability.index_urls)
        return tuple(build for build in builds if build.system == system)

    def _routed(self, build: Build) -> Iterator[Option]:
        """Yield a build with each way to take its companions."""
        companions = index_companions(self._want, build)
        urls = self._problem.availability.index_urls
        for route in find_routes(build, companions.pins, self._problem.matrix, urls):
            chosen = companions if not (route.builds or route.lost) else replace(companions, route=route)
            yield Option(want=self._want, build=build, version=build.release, companions=chosen)

    @property
    def _platform(self) -> tuple[str, str]:
        """The processor architecture and the operating system that builds have to be for."""
        return self._problem.cpu_architecture, self._problem.system

    @cached_property
    def _other_platforms(self) -> tuple[tuple[str, str], ...]:
        named = {(name, row.system) for row in self._want.recipe.variants for name in row.cpu_architectures}
        return tuple(sorted(named - {self._platform}))

    @cached_property
    def _foreign_vendors(self) -> frozenset[str]:
        """The vendors that have no option for the host's platform; of another system's, only those it is about."""
        variants = self._want.recipe.variants
        architecture, system = self._platform
        meant = {CPU, self._problem.request.on, *vendor_names(self._problem)}
        missing = {row.vendor for row in variants if row.system == system or row.vendor in meant}
        missing -= {option.build.vendor for options in self._wheels.values() for option in options}
        here = {row.vendor for row in variants if architecture in row.cpu_architectures and row.system == system}
        for release in self.releases:
            if not missing & here:
                break
            missing -= {build.vendor for build in self._builds(release, self._platform)}
        return frozenset(missing)


def vendor_tiers(source: OptionSource, vendor: str, problem: Problem) -> Iterator[Callable[[Option], bool]]:
    """Yield which options can serve a vendor's environment, the better ones first.

    A recipe that has no builds for the vendor on any processor architecture stands in with those for the processor, and
    where it has none either, all others are there to be refused for what they are. On a machine without accelerator the
    builds of other vendors that the main index or a wheelhouse has remain as a last resort.
    """
    own = frozenset({vendor, UNKNOWN_VENDOR})
    if vendor != CPU:
        known = source.may_serve(own) and any(option.build.vendor in own for option in source)
        stands_in = not known and any(option.build.vendor == CPU for option in source)
        fitting = own if known else {CPU}
        yield lambda option: option.build.vendor in fitting or not (known or stands_in)
        return
    resort, here = {DEFAULT_INDEX, WHEELHOUSE_INDEX}, problem.cpu_architecture
    yield lambda option: option.build.vendor in own
    yield (
        lambda option: (
            option.build.vendor not in own
            and (option.build.index in resort or not any(row.default for row in option.want.recipe.releases))
            and option.build.cpu_architecture == here
        )
    )


def serves_vendor(want: Want, vendor: str) -> bool:
    """Tell whether a recipe has builds for a vendor at all, or computes on its devices through what it requires."""
    neutral = any(row.variant == ANY_VARIANT for row in want.recipe.variants)
    return any(row.vendor == vendor for row in want.recipe.variants) or (
        neutral and vendor in want.recipe.smoke.devices
    )


def _wheelhouse_options(problem: Problem, want: Want) -> tuple[Option, ...]:
    wheels = problem.availability.wheels
    pythons = known_pythons(problem.matrix.foundations)
    return tuple(
        Option(
            want=want,
            build=found.build,
            version=found.wheel.version,
            companions=wheelhouse_companions(want, found, wheels, pythons),
        )
        for found in wheel_builds(want.recipe, problem.cpu_architecture, wheels, pythons)
    )
