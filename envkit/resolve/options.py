"""Options: builds that may serve one spec, with the packages that come along."""

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envkit.model.matrix import Build
from envkit.model.recipe import Recipe, VariantRow
from envkit.model.reserved import ANY_VARIANT, CPU, DEFAULT_INDEX, WHEELHOUSE_INDEX
from envkit.model.value import Value
from envkit.model.version import VendorVersion
from envkit.resolve.builds import expand_release, offers, placed_rows, variant_rows
from envkit.resolve.companions import (
    Companions,
    companions_at,
    find_named,
    image_companions,
    index_companions,
    wheelhouse_companions,
)
from envkit.resolve.devices import vendor_names
from envkit.resolve.kinds import releases_of
from envkit.resolve.problem import Problem, Want
from envkit.resolve.routing import find_routes
from envkit.resolve.sites import Place, known_pythons
from envkit.resolve.versions import day_number, python_tag
from envkit.resolve.wheelhouse import UNKNOWN_VENDOR, wheel_builds

if TYPE_CHECKING:
    from envkit.resolve.agreement import Conflicts
    from envkit.resolve.grade import Alike, Graded, Judged
    from envkit.resolve.rank import Ranking
    from envkit.resolve.situation import Limit


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
        if not self.companions.pythons:
            return self
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

    def __init__(self, problem: Problem, want: Want, like: "OptionSource | None" = None) -> None:
        """Make the options of a spec; `like` has the same builds, see `shares_builds`."""
        self._problem = problem
        self._want = want
        self._like = like
        self.expanded: dict[tuple[str, str, tuple[str, str]], tuple[Build, ...]] = {} if like is None else like.expanded
        self.rankings: dict[tuple[str, VendorVersion | None, bool], Ranking] = {}  # by vendor, ceiling, in range
        # By the facts that they rest on; the keys within are the `id` of an option and the number of a place.
        self.grades: dict[bytes, dict[tuple[int, int], Graded]] = {}
        self.judged: dict[bytes, dict[Alike, Judged]] = {} if like is None else like.judged  # by the same facts
        self._wheels: dict[str, list[Option]] = {}
        for option in _wheelhouse_options(problem, want):
            self._wheels.setdefault(option.build.release, []).append(option)
        self._made: dict[tuple[str, str, tuple[str, str]], tuple[Option, ...]] = {}
        self._foreign: dict[str, bool] = {}
        self._named = find_named(want)
        self._offered: dict[tuple[str, str, str], tuple[Build, ...]] = {}  # of companions, see `find_routes`
        self._variants: dict[tuple[str, str], tuple[Recipe, dict[str, list[VariantRow]]]] = {}
        wheels = frozenset(self._wheels)
        self.known = releases_of(want.recipe, wheels)
        self._kinds: dict[tuple[tuple[str, ...], int], tuple[int | None, ...]] = {}

    @property
    def releases(self) -> tuple[str, ...]:
        """The releases, the newest first."""
        return self.known.names

    def serves(self, problem: Problem, want: Want) -> bool:
        """Tell whether the options are those of another problem too, which may have other facts and wishes."""
        ours = self._problem
        return (
            want.recipe is self._want.recipe
            and (want.position, want.spec) == (self._want.position, self._want.spec)
            and problem.availability is ours.availability
            and problem.matrix is ours.matrix
            and (problem.cpu_architecture, problem.system) == self._platform
            and _meant_vendors(problem) == _meant_vendors(ours)
        )

    def shares_builds(self, problem: Problem, want: Want) -> bool:
        """Tell whether the builds from indexes are those of another problem too, whatever is chosen of them there."""
        ours = self._problem.availability.index_urls
        return want.recipe is self._want.recipe and problem.availability.index_urls == ours

    def has_companions_of(self, problem: Problem, want: Want) -> bool:
        """Tell whether, beside the builds, what comes along is the same for another problem: it differs in a range."""
        ours, platform = self._problem, (problem.cpu_architecture, problem.system)
        same = problem.availability is ours.availability and problem.matrix is ours.matrix
        return same and want.spec.extras == self._want.spec.extras and platform == self._platform

    def serves_any(self, vendors: frozenset[str]) -> bool:
        """Tell whether an option is for one of some vendors."""
        return bool(self._vendors & vendors) and any(self.of_vendors(release, vendors) for release in self._speaking)

    def kinds(self, limits: "tuple[Limit, ...]", today: int) -> tuple[int | None, ...]:
        """Return the kind of each release: what a rule says of a release's options, it says of all of that kind.

        `limits` are those of the situation, `today` is the day of the request. None: the release stands for itself.
        """
        recipe = self._want.recipe
        main = {recipe.package, *(row.package for row in recipe.variants)}
        asked = tuple(limit.range for limit in limits if limit.package in main)
        if (asked, today) not in self._kinds:
            self._kinds[asked, today] = self._find_kinds((self._want.spec.range, *asked), today)
        return self._kinds[asked, today]

    def _find_kinds(self, ranges: tuple[str, ...], today: int) -> tuple[int | None, ...]:
        if any("+" in text or "===" in text for text in ranges):
            return (None,) * len(self.releases)  # which wheels these are about their labels tell, not their releases
        settled = today - self._problem.matrix.foundations.settle_days
        numbers: dict[tuple[int | None, int], int] = {}
        return tuple(
            None
            if number is None or release in self._wheels or day_number(self.known.rows[release].released) > settled
            else numbers.setdefault((number, bits), len(numbers))
            for release, number, bits in zip(self.releases, self.known.numbers, self.known.covered(ranges), strict=True)
        )

    @cached_property
    def _speaking(self) -> tuple[str, ...]:
        """One release of each kind, and those that stand for themselves: what none of them has, no other has."""
        first: dict[object, str] = {}
        for release, number in zip(self.releases, self.known.numbers, strict=True):
            first.setdefault(release if number is None or release in self._wheels else number, release)
        return tuple(first.values())

    @property
    def has_range(self) -> bool:
        """Whether the request asks for a range."""
        return bool(self._want.spec.range)

    def excludes(self, release: str) -> bool:
        """Tell whether the request's range excludes a release, whatever label its wheels have."""
        return release in self._outside and release not in self._wheels

    @cached_property
    def _outside(self) -> frozenset[str]:
        """The releases that the request's range excludes, whatever label their wheels have."""
        asked = self._want.spec.range
        if not asked or "+" in asked:
            return frozenset()
        covered = self.known.covered((asked,))
        return frozenset(release for release, bits in zip(self.releases, covered, strict=True) if not bits)

    def at_release(self, release: str) -> tuple[Option, ...]:
        """Return the options of a release, of all vendors."""
        return self.of_vendors(release, self._vendors)

    def of_vendors(self, release: str, vendors: frozenset[str]) -> tuple[Option, ...]:
        """Return the options of a release that are for one of some vendors."""
        return tuple(option for vendor in sorted(vendors) for option in self._of_vendor(release, vendor))

    def beside(self, release: str, vendors: frozenset[str]) -> tuple[Option, ...]:
        """Return the options of a release that are for other vendors than these, and for the host's processor."""
        made = (
            option
            for vendor in sorted(self._vendors - vendors)
            for option in self._of_vendor(release, vendor, home=True)
        )
        return tuple(made)

    def __iter__(self) -> Iterator[Option]:
        """Yield all options, the newest release first."""
        for release in self.releases:
            yield from self.at_release(release)

    def _of_vendor(self, release: str, vendor: str, *, home: bool = False) -> tuple[Option, ...]:
        """Return the options of a release for a vendor; `home`: for the host's platform alone."""
        found = self._made_for(release, vendor, self._platform)
        if home or not self._is_foreign(vendor):
            return found
        others = (self._made_for(release, vendor, platform) for platform in self._other_platforms)
        return (*found, *(option for options in others for option in options))

    def _made_for(self, release: str, vendor: str, platform: tuple[str, str]) -> tuple[Option, ...]:
        key = (release, vendor, platform)
        if key not in self._made:
            like = self._like
            if like is not None and like.has_companions_of(self._problem, self._want):
                made = like._made_for(release, vendor, platform)  # noqa: SLF001 - of the same class
                self._made[key] = tuple(replace(option, want=self._want) for option in made)
            else:
                self._made[key] = self._make(release, vendor, platform)
        return self._made[key]

    def _make(self, release: str, vendor: str, platform: tuple[str, str]) -> tuple[Option, ...]:
        wheels = self._wheels.get(release, ()) if platform == self._platform else ()
        builds = self._builds(release, vendor, platform)
        return (
            *(option for option in wheels if option.build.vendor == vendor),
            *(option for build in builds for option in self._routed(build)),
        )

    def _builds(self, release: str, vendor: str, platform: tuple[str, str]) -> tuple[Build, ...]:
        key = (release, vendor, platform)
        if key not in self.expanded:
            self.expanded[key] = self._expand(release, vendor, platform)
        return self.expanded[key]

    def _expand(self, release: str, vendor: str, platform: tuple[str, str]) -> tuple[Build, ...]:
        row = self.known.rows.get(release)
        if row is None or (vendor, *platform) not in self._rows_known:
            return ()
        architecture, system = platform
        key = (architecture, vendor)
        if key not in self._variants:
            self._variants[key] = _rows_for(self._want.recipe, architecture, vendor)
        recipe, rows = self._variants[key]
        if not offers(recipe, row, architecture, rows):
            return ()
        builds = expand_release(recipe, row, architecture, rows, self._problem.availability.index_urls)
        return tuple(build for build in builds if build.system == system and build.vendor == vendor)

    def _routed(self, build: Build) -> Iterator[Option]:
        """Yield a build with each way to take its companions."""
        if build.image is not None:
            companions = image_companions(self._named, self._want)
            yield Option(want=self._want, build=build, version=build.release, companions=companions)
            return
        companions = index_companions(self._named, self._want, build)
        urls = self._problem.availability.index_urls
        for route in find_routes(build, companions.pins, self._problem.matrix, urls, self._offered):
            chosen = companions if not (route.builds or route.lost) else replace(companions, route=route)
            yield Option(want=self._want, build=build, version=build.release, companions=chosen)

    @cached_property
    def _platform(self) -> tuple[str, str]:
        """The processor architecture and the operating system that builds have to be for."""
        return self._problem.cpu_architecture, self._problem.system

    @cached_property
    def _rows_known(self) -> frozenset[tuple[str, str, str]]:
        """For which vendors, processor architectures and operating systems there are rows."""
        rows = self._want.recipe.variants
        return frozenset((row.vendor, name, row.system) for row in rows for name in row.cpu_architectures)

    @cached_property
    def _vendors(self) -> frozenset[str]:
        """The vendors of all rows and wheels."""
        wheels = {option.build.vendor for options in self._wheels.values() for option in options}
        return frozenset({row.vendor for row in self._want.recipe.variants} | wheels)

    @cached_property
    def _other_platforms(self) -> tuple[tuple[str, str], ...]:
        named = {(name, row.system) for row in self._want.recipe.variants for name in row.cpu_architectures}
        return tuple(sorted(named - {self._platform}))

    def _is_foreign(self, vendor: str) -> bool:
        """Tell whether a vendor has no option for the host's platform; of another system's, only those it is about."""
        if vendor not in self._foreign:
            system = self._problem.system
            meant = _meant_vendors(self._problem)
            rows = (row for row in self._want.recipe.variants if row.vendor == vendor)
            listed = any(row.system == system or vendor in meant for row in rows)
            wheels = (option for options in self._wheels.values() for option in options)
            here = any(option.build.vendor == vendor for option in wheels) or any(
                self._builds(release, vendor, self._platform) for release in self._speaking
            )
            self._foreign[vendor] = listed and not here
        return self._foreign[vendor]


def _meant_vendors(problem: Problem) -> set[str]:
    asked = problem.request.on
    return {CPU, *vendor_names(problem), *(() if asked is None else (asked,))}


class OptionPool:
    """All option sources made so far: a problem that is solved again makes anew only what its changes touch."""

    def __init__(self, sources: tuple[OptionSource, ...], conflicts: "Conflicts") -> None:
        self._sources = list(sources)
        self.conflicts = conflicts

    def find(self, problem: Problem, want: Want) -> OptionSource:
        """Return the options of a spec."""
        known = next((source for source in self._sources if source.serves(problem, want)), None)
        if known is not None:
            return known
        like = next((source for source in self._sources if source.shares_builds(problem, want)), None)
        made = OptionSource(problem, want, like)
        self._sources.append(made)
        return made


def _rows_for(recipe: Recipe, architecture: str, vendor: str) -> tuple[Recipe, dict[str, list[VariantRow]]]:
    """Leave out of a recipe the variants that a vendor has no part in, so that no builds are made of them.

    The recipe keeps the rows that say themselves where they are to be had; the others come by variant.
    """
    own = tuple(row for row in recipe.variants if row.vendor == vendor)
    named = {row.variant for row in own}
    # Which row covers a release is decided among all rows of a variant, whatever their vendors.
    rows = {name: every for name, every in variant_rows(recipe, architecture).items() if name in named}
    return replace(recipe, variants=placed_rows(own)), rows


def vendor_tiers(source: OptionSource, vendor: str, problem: Problem) -> Iterator[Callable[[str], tuple[Option, ...]]]:
    """Yield which options of a release can serve a vendor's environment, the better ones first.

    A recipe that has no builds for the vendor on any processor architecture stands in with those for the processor, and
    where it has none either, all others are there to be refused for what they are. On a machine without accelerator the
    builds of other vendors that the main index or a wheelhouse has remain as a last resort.
    """
    own = frozenset({vendor, UNKNOWN_VENDOR})
    if vendor != CPU:
        served = (vendors for vendors in (own, frozenset({CPU})) if source.serves_any(vendors))
        fitting = next(served, None)
        yield source.at_release if fitting is None else partial(source.of_vendors, vendors=fitting)
        return
    resort, here = {DEFAULT_INDEX, WHEELHOUSE_INDEX}, problem.cpu_architecture
    yield partial(source.of_vendors, vendors=own)
    yield lambda release: tuple(
        option
        for option in source.beside(release, own)
        if (option.build.index in resort or not any(row.default for row in option.want.recipe.releases))
        and option.build.cpu_architecture == here
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
