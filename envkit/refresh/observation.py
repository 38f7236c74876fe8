"""What an index shows of a recipe now: its releases, and how their builds were made."""

from collections.abc import Iterable

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from envkit.errors import DataError
from envkit.model.address import display_url
from envkit.model.deriving import DeriveRow
from envkit.model.host import Gap
from envkit.model.recipe import Recipe
from envkit.model.value import Value
from envkit.refresh.also import also_jobs, requirements_of
from envkit.refresh.builds import (
    ARCHITECTURES,
    BuildForm,
    Job,
    SeenBuild,
    for_architecture,
    highest_libc,
    jobs_for,
    see_builds,
)
from envkit.refresh.companions import Pairing, pair_companions
from envkit.refresh.metadata import find_requirement, requirements_for
from envkit.refresh.reader import Reader
from envkit.refresh.required import required_by
from envkit.refresh.wheels import Wheel, by_version, pythons_of


class SeenRelease(Value):
    """One release of the main package as the index has it."""

    version: str
    released: str | None  # ISO date; None: the index does not tell
    yanked: str | None
    pythons: dict[str, tuple[str, ...]]  # by processor architecture
    libc: dict[str, str]
    pairing: Pairing
    unnamed: bool = False  # the wheels name no Pythons: `pythons` are all that their requirements allow
    builds: dict[str, SeenBuild] = {}
    also: dict[str, tuple[SeenBuild, ...]] = {}
    requires: dict[str, str] = {}


class Observation(Value):
    """All releases that the recipe wants, newest first, and what could not be seen."""

    releases: tuple[SeenRelease, ...]
    gaps: tuple[Gap, ...] = ()


def observe_recipe(recipe: Recipe, derive: DeriveRow, reader: Reader, known_pythons: Iterable[str]) -> Observation:
    """Read the index for a recipe.

    Raises `DataError` when it does not have the package, and `IndexUnreachableError` when it does not answer; a wheel
    that cannot be read is a gap.
    """
    main = _wanted(reader.wheels(recipe.package), derive.releases)
    if not main:
        raise DataError(
            f"the index has no release of `{recipe.package}` that the recipe wants (`{derive.releases}`): "
            + display_url(reader.index.url),
            hints=("an index of one variant, whose wheels have local versions, says nothing about the main index",),
        )
    pairings, gaps = pair_companions(recipe, main, reader)
    wheels = {version: main[version] for version in main}
    if derive.wheels is not None:
        binary = by_version(reader.wheels(derive.wheels))
        wheels = {version: binary.get(pairings[version].packages.get(derive.wheels, ""), ()) for version in main}
    pythons = {*known_pythons, *(python for group in wheels.values() for wheel in group for python in wheel.pythons)}
    required, unread = requirements_of(main, reader) if derive.requires or derive.also else ({}, [])
    belongs, unknown = _belongs(recipe, derive, tuple(main), reader)
    jobs, absent = also_jobs(recipe, derive, required, reader)
    main_form = BuildForm(modules=derive.modules, binaries=derive.binaries)
    if _reads_contents(derive):
        jobs = [*jobs_for(wheels, main_form), *jobs]
    builds, more = see_builds(jobs, derive, reader)
    releases = [
        msgspec.structs.replace(
            _release(version, main[version], wheels[version], tuple(pythons), pairings[version]),
            builds=_main_builds(version, wheels[version], main_form, builds, derive),
            also=_also_builds(version, main_form, builds),
            requires=_requires(required.get(version, ()), derive) | belongs.get(version, {}),
        )
        for version in sorted(main, key=Version, reverse=True)
        if wheels[version]
    ]
    gaps += [*unread, *unknown, *absent, *more]
    return Observation(releases=tuple(_with_floors(one) for one in releases), gaps=tuple(gaps))


def _wanted(wheels: tuple[Wheel, ...], releases: str) -> dict[str, tuple[Wheel, ...]]:
    try:
        wanted = SpecifierSet(releases)
    except InvalidSpecifier as error:
        raise DataError(f"`derive.releases` is not a range of versions: {releases}") from error
    return {version: group for version, group in by_version(wheels).items() if version in wanted}


def _belongs(
    recipe: Recipe, derive: DeriveRow, versions: tuple[str, ...], reader: Reader
) -> tuple[dict[str, dict[str, str]], tuple[Gap, ...]]:
    """Return the releases of another package that each release belongs to."""
    other = derive.required_by
    if other is None:
        return {}, ()
    ranges, gaps = required_by(recipe.package, other, versions, reader)
    return {version: {other: text} for version, text in ranges.items()}, gaps


def _release(
    version: str, main: tuple[Wheel, ...], wheels: tuple[Wheel, ...], known: tuple[str, ...], pairing: Pairing
) -> SeenRelease:
    by_architecture = {name: group for name in ARCHITECTURES if (group := for_architecture(wheels, name))}
    days = [wheel.file.uploaded for wheel in main if wheel.file.uploaded]
    allowed = set(pythons_of(main, known))
    floors = {name: highest_libc(wheel.libc for wheel in group) for name, group in by_architecture.items()}
    return SeenRelease(
        version=version,
        released=min(days, default=None),
        yanked=next((wheel.file.yanked for wheel in main if wheel.file.yanked), None),
        pythons={
            name: tuple(python for python in pythons_of(group, known) if python in allowed)
            for name, group in by_architecture.items()
        },
        libc={name: floor for name, floor in floors.items() if floor},
        pairing=pairing,
        unnamed=not any(wheel.pythons for wheel in wheels),
    )


def _reads_contents(derive: DeriveRow) -> bool:
    """Tell whether the wheels of the main package are looked into, and not only their names."""
    return bool(derive.runtimes) and bool(derive.modules or derive.binaries or derive.requirements)


def _main_builds(
    version: str, wheels: tuple[Wheel, ...], form: BuildForm, builds: list[tuple[Job, SeenBuild]], derive: DeriveRow
) -> dict[str, SeenBuild]:
    if not _reads_contents(derive):
        plain = SeenBuild(variant=derive.without_runtime, assumed=True)
        return {name: plain for name in ARCHITECTURES if for_architecture(wheels, name)}
    return {job.architecture: build for job, build in builds if (job.release, job.form) == (version, form)}


def _also_builds(
    version: str, form: BuildForm, builds: list[tuple[Job, SeenBuild]]
) -> dict[str, tuple[SeenBuild, ...]]:
    found: dict[str, tuple[SeenBuild, ...]] = {}
    for job, build in builds:
        if job.release == version and job.form != form and build.runtime is not None:
            found[job.architecture] = (*found.get(job.architecture, ()), build)
    return found


def _requires(texts: tuple[str, ...], derive: DeriveRow) -> dict[str, str]:
    held = requirements_for(texts, architecture=ARCHITECTURES[0], python="3.12", extra=derive.requires_extra or "")
    ranges = {package: find_requirement(held, package) for package in derive.requires}
    return {package: str(found) for package, found in ranges.items() if found is not None and str(found)}


def _with_floors(seen: SeenRelease) -> SeenRelease:
    """Count what the builds require exactly: its floor may be higher than what their own names say."""
    floors = {name: highest_libc((seen.libc.get(name), build.libc)) for name, build in seen.builds.items()}
    return msgspec.structs.replace(seen, libc=seen.libc | {name: floor for name, floor in floors.items() if floor})
