"""Options: builds that may serve one spec, with the packages that come along."""

from msgspec.structs import replace

from envkit.model.matrix import CPU, DEFAULT_INDEX, WHEELHOUSE_INDEX, Build
from envkit.model.value import Value
from envkit.resolve.builds import expand_builds, expand_other_architectures
from envkit.resolve.companions import Companions, companions_at, index_companions, wheelhouse_companions
from envkit.resolve.problem import Problem, Want
from envkit.resolve.routing import route_companions
from envkit.resolve.sites import Place, known_pythons
from envkit.resolve.versions import python_tag
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
        return {self.build.package: self.version, **self.companions.pins}

    def at(self, place: Place) -> "Option":
        """Return this option as it is at a place: without the default companions that have no wheel for its Python."""
        companions = companions_at(self.companions, self.want, place.python)
        return self if companions is self.companions else replace(self, companions=companions)

    def candidate(self, place: Place) -> str:
        """Return the stable id of this option at a place: `torch 2.13.0+cpu cp311 wheelhouse native`."""
        return f"{self.name} {python_tag(place.python)} {self.build.index} {place.site.label}"


def all_options(problem: Problem, want: Want) -> tuple[Option, ...]:
    """Return every option for a spec, of all vendors.

    Those of other processor architectures are there for a vendor that has none for the host's, so that they are refused
    for what they are.
    """
    urls = problem.availability.index_urls
    builds = expand_builds(want.recipe, problem.cpu_architecture, urls)
    wheels = _wheelhouse_options(problem, want)
    served = {build.vendor for build in (*builds, *(wheel.build for wheel in wheels))}
    if not {row.vendor for row in want.recipe.variants} <= served:
        foreign = expand_other_architectures(want.recipe, urls)
        builds = (*builds, *(build for build in foreign if build.vendor not in served))
    indexed = tuple(
        Option(want=want, build=build, version=build.release, companions=_companions(want, build, problem))
        for build in builds
    )
    return (*wheels, *indexed)


def vendor_options(options: tuple[Option, ...], vendor: str, problem: Problem) -> tuple[Option, ...]:
    """Return the options that can serve a vendor's environment.

    A recipe that has no builds for the vendor on any processor architecture stands in with those for the processor. On
    a machine without accelerator the builds of other vendors that the main index or a wheelhouse has remain as a last
    resort.
    """
    if vendor != CPU:
        fitting = tuple(option for option in options if option.build.vendor in {vendor, UNKNOWN_VENDOR})
        return fitting or tuple(option for option in options if option.build.vendor == CPU)
    own, resort = {CPU, UNKNOWN_VENDOR}, {DEFAULT_INDEX, WHEELHOUSE_INDEX}
    here = problem.cpu_architecture
    return tuple(
        option
        for option in options
        if option.build.vendor in own or (option.build.index in resort and option.build.cpu_architecture == here)
    )


def serves_vendor(want: Want, vendor: str) -> bool:
    """Tell whether a recipe has builds for a vendor at all."""
    return any(row.vendor == vendor for row in want.recipe.variants)


def _companions(want: Want, build: Build, problem: Problem) -> Companions:
    companions = index_companions(want, build)
    route = route_companions(build, companions.pins, problem.matrix, problem.availability.index_urls)
    if not route.indexes and not route.lost:
        return companions
    return replace(companions, indexes=route.indexes, lost=route.lost)


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
