"""What an index shows of a recipe now: its releases, and how their builds were made."""

import threading
from collections.abc import Iterable

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from envkit.errors import DataError
from envkit.model.address import display_url
from envkit.model.host import Gap, Runtime
from envkit.model.matrix import DeriveRow, Recipe
from envkit.model.value import Value, to_line
from envkit.refresh.companions import Pairing, pair_companions
from envkit.refresh.devicecode import DeviceCode
from envkit.refresh.inspection import Contents, Question
from envkit.refresh.parallel import work_through
from envkit.refresh.reader import Reader
from envkit.refresh.runtimes import RuntimePackages
from envkit.refresh.wheels import Wheel, libc_key, python_key, pythons_of

ARCHITECTURES = ("x86_64", "aarch64")


class SeenBuild(Value):
    """The build of a release for one processor architecture."""

    variant: str
    runtime: Runtime | None = None
    code: DeviceCode | None = None  # None: not known
    libc: str | None = None  # the floor of the packages that it requires exactly
    missing: tuple[str, ...] = ()  # what it requires exactly and the index does not have


class SeenRelease(Value):
    """One release of the main package as the index has it."""

    version: str
    released: str | None  # ISO date; None: the index does not tell
    yanked: str | None
    pythons: dict[str, tuple[str, ...]]  # by processor architecture
    libc: dict[str, str]
    builds: dict[str, SeenBuild]
    pairing: Pairing


class Observation(Value):
    """All releases that the recipe wants, newest first, and what could not be seen."""

    releases: tuple[SeenRelease, ...]
    gaps: tuple[Gap, ...] = ()


class _Job(Value):
    """One wheel to be read, for one release and processor architecture."""

    version: str
    architecture: str
    wheel: Wheel


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
    pairings, gaps = pair_companions(recipe, derive, main, reader)
    wheels = {version: main[version] for version in main}
    if derive.wheels is not None:
        binary = _by_version(reader.wheels(derive.wheels))
        wheels = {version: binary.get(pairings[version].packages.get(derive.wheels, ""), ()) for version in main}
    pythons = {*known_pythons, *(python for group in wheels.values() for wheel in group for python in wheel.pythons)}
    builds, more = _builds(derive, wheels, reader)
    releases = [
        _release(version, main[version], wheels[version], tuple(pythons), builds, pairings[version])
        for version in sorted(main, key=Version, reverse=True)
        if wheels[version]
    ]
    return Observation(releases=tuple(releases), gaps=(*gaps, *more))


def for_architecture(wheels: Iterable[Wheel], architecture: str) -> tuple[Wheel, ...]:
    """Return the wheels that can be installed on a processor architecture."""
    return tuple(wheel for wheel in wheels if wheel.architecture in {None, architecture})


def representative(wheels: Iterable[Wheel]) -> Wheel:
    """Return the wheel that stands for all of a release: of the oldest Python, which is there from the first day."""
    return min(
        wheels,
        key=lambda wheel: (
            [python_key(python) for python in wheel.pythons[:1]],
            [-wheel.build[0], wheel.build[1]],
            wheel.file.name,
        ),
    )


def _wanted(wheels: tuple[Wheel, ...], releases: str) -> dict[str, tuple[Wheel, ...]]:
    try:
        wanted = SpecifierSet(releases)
    except InvalidSpecifier as error:
        raise DataError(f"`derive.releases` is not a range of versions: {releases}") from error
    return {version: group for version, group in _by_version(wheels).items() if version in wanted}


def _by_version(wheels: tuple[Wheel, ...]) -> dict[str, tuple[Wheel, ...]]:
    groups: dict[str, list[Wheel]] = {}
    for wheel in wheels:
        # A local version is another build of the release, from an index of its own.
        if wheel.local is None:
            groups.setdefault(wheel.version, []).append(wheel)
    return {version: _not_yanked(group) for version, group in groups.items()}


def _not_yanked(wheels: list[Wheel]) -> tuple[Wheel, ...]:
    """Leave out single files that were yanked; a release that was yanked keeps all of them."""
    kept = tuple(wheel for wheel in wheels if wheel.file.yanked is None)
    return kept or tuple(wheels)


def _builds(
    derive: DeriveRow, wheels: dict[str, tuple[Wheel, ...]], reader: Reader
) -> tuple[dict[tuple[str, str], SeenBuild], list[Gap]]:
    jobs = [
        _Job(version=version, architecture=architecture, wheel=representative(fitting))
        for version, group in wheels.items()
        for architecture in ARCHITECTURES
        if (fitting := for_architecture(group, architecture))
    ]
    if not derive.runtimes:
        builds = {(job.version, job.architecture): SeenBuild(variant=derive.without_runtime) for job in jobs}
        return builds, []
    packages = RuntimePackages(derive, reader)
    gaps: list[Gap] = []
    lock = threading.Lock()

    def read(job: _Job) -> SeenBuild | None:
        try:
            question = f"{reader.index.url} {job.architecture} {to_line(derive)}"
            return reader.kept("builds", job.wheel, question, SeenBuild, lambda: _build(job, derive, reader, packages))
        except DataError as error:
            with lock:
                fact = f"{job.version} {job.architecture}"
                gaps.append(Gap(fact=fact, source=job.wheel.file.name, reason=error.message))
            return None

    seen = work_through(jobs, read, lambda job: reader.announce(job.wheel))
    builds = {(job.version, job.architecture): build for job, build in seen.items() if build is not None}
    return builds, sorted(gaps, key=lambda gap: gap.fact)


def _build(job: _Job, derive: DeriveRow, reader: Reader, packages: RuntimePackages) -> SeenBuild:
    contents = reader.contents(job.wheel, Question(modules=derive.modules, binaries=derive.binaries))
    python = (*job.wheel.pythons, job.wheel.minimum_python or "3.12")[0]
    if contents.told and contents.runtime is None:
        return SeenBuild(variant=derive.without_runtime, code=DeviceCode(architectures=(), ptx=()))
    closure = packages.closure(
        contents.requirements, architecture=job.architecture, python=python, told=contents.runtime is not None
    )
    runtime = _runtime(contents, closure.version, derive)
    naming = next((naming for naming in derive.runtimes if runtime and naming.runtime == runtime.name), None)
    if runtime is None or naming is None:
        return SeenBuild(variant=derive.without_runtime, code=contents.code, libc=closure.libc, missing=closure.missing)
    major, _, minor = runtime.version.partition(".")
    return SeenBuild(
        variant=naming.variant.replace("{major}", major).replace("{minor}", minor),
        runtime=runtime,
        code=contents.code,
        libc=closure.libc,
        missing=closure.missing,
    )


def _runtime(contents: Contents, required: str | None, derive: DeriveRow) -> Runtime | None:
    """Return the runtime, in major and minor version: contents go before requirements where the two disagree."""
    if contents.runtime is not None:
        major, minor, *_ = (*contents.runtime.version.split("."), "0")
        return Runtime(name=contents.runtime.name, version=f"{major}.{minor}")
    return None if required is None else Runtime(name=derive.runtimes[0].runtime, version=required)


def _release(
    version: str,
    main: tuple[Wheel, ...],
    wheels: tuple[Wheel, ...],
    known: tuple[str, ...],
    builds: dict[tuple[str, str], SeenBuild],
    pairing: Pairing,
) -> SeenRelease:
    by_architecture = {name: group for name in ARCHITECTURES if (group := for_architecture(wheels, name))}
    days = [wheel.file.uploaded for wheel in main if wheel.file.uploaded]
    allowed = set(pythons_of(main, known))
    found = {name: build for name in by_architecture if (build := builds.get((version, name))) is not None}
    return SeenRelease(
        version=version,
        released=min(days, default=None),
        yanked=next((wheel.file.yanked for wheel in main if wheel.file.yanked), None),
        pythons={
            name: tuple(python for python in pythons_of(group, known) if python in allowed)
            for name, group in by_architecture.items()
        },
        libc={name: floor for name, group in by_architecture.items() if (floor := _libc(group, found.get(name)))},
        builds=found,
        pairing=pairing,
    )


def _libc(wheels: tuple[Wheel, ...], build: SeenBuild | None) -> str | None:
    floors = [wheel.libc for wheel in wheels if wheel.libc]
    floors += [build.libc] if build is not None and build.libc else []
    return max(floors, key=libc_key, default=None)
