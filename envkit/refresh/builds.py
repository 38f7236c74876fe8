"""How the builds of releases were made, one wheel for each release and processor architecture."""

import threading
from collections.abc import Iterable

from envkit.errors import DataError
from envkit.model.deriving import BinaryRow, DeriveRow, ModuleRow
from envkit.model.host import Gap, Runtime
from envkit.model.value import Value, to_line
from envkit.refresh.devicecode import DeviceCode
from envkit.refresh.inspection import Contents, Question
from envkit.refresh.parallel import work_through
from envkit.refresh.reader import Reader
from envkit.refresh.runtimes import RuntimePackages
from envkit.refresh.wheels import Wheel, libc_key, python_key

ARCHITECTURES = ("x86_64", "aarch64")
Releases = dict[str, tuple[Wheel, ...]]  # the wheels of each version


class SeenBuild(Value):
    """The build of a release for one processor architecture."""

    variant: str
    runtime: Runtime | None = None
    code: DeviceCode | None = None  # None: not known
    libc: str | None = None  # the floor of its wheels and of the packages that they require exactly
    missing: tuple[str, ...] = ()  # what it requires exactly and the index does not have
    package: str | None = None
    extra: str | None = None
    assumed: bool = False  # nothing but the list of files was read: as the recipe says, or the release before was


class BuildForm(Value):
    """Which builds are looked at, and how they are read."""

    variant: str | None = None  # None: as `DeriveRow.runtimes` names it
    runtime: str | None = None
    version: str | None = None
    package: str | None = None
    extra: str | None = None
    own_extra: bool = False  # the extra is one of the wheels that are read, not of a package that requires them
    modules: tuple[ModuleRow, ...] = ()
    binaries: tuple[BinaryRow, ...] = ()


class Job(Value):
    """One release for one processor architecture, in one form."""

    release: str
    architecture: str
    form: BuildForm
    wheels: tuple[Wheel, ...]


def jobs_for(releases: Releases, form: BuildForm) -> list[Job]:
    """Return what has to be read to know the builds of these releases."""
    return [
        Job(release=version, architecture=architecture, form=form, wheels=fitting)
        for version, wheels in releases.items()
        for architecture in ARCHITECTURES
        if (fitting := for_architecture(wheels, architecture))
    ]


def see_builds(jobs: list[Job], derive: DeriveRow, reader: Reader) -> tuple[list[tuple[Job, SeenBuild]], list[Gap]]:
    """Return how the builds were made, and a gap for each wheel that cannot be read."""
    packages = RuntimePackages(derive, reader)
    wheels = [representative(job.wheels) for job in jobs]
    gaps: list[Gap] = []
    lock = threading.Lock()

    def read(number: int) -> SeenBuild | None:
        job, wheel = jobs[number], wheels[number]
        question = f"{reader.index.url} {job.architecture} {to_line(job.form)} {to_line(derive)}"
        try:
            return reader.kept(
                "builds", wheel, question, SeenBuild, lambda: _build(wheel, job, derive, reader, packages)
            )
        except DataError as error:
            with lock:
                gaps.append(Gap(fact=f"{job.release} {job.architecture}", source=wheel.file.name, reason=error.message))
            return None

    seen = work_through(range(len(jobs)), read, lambda number: reader.announce(wheels[number]))
    found = [(job, build) for number, job in enumerate(jobs) if (build := seen[number]) is not None]
    return found, sorted(gaps, key=lambda gap: gap.fact)


def for_architecture(wheels: Iterable[Wheel], architecture: str) -> tuple[Wheel, ...]:
    """Return the wheels that can be installed on a processor architecture."""
    return tuple(wheel for wheel in wheels if wheel.architecture in {None, architecture})


def representative(wheels: Iterable[Wheel]) -> Wheel:
    """Return the wheel that stands for all of a release: of the oldest Python, which is there from the first day."""
    return min(
        wheels,
        key=lambda wheel: (
            wheel.architecture == "aarch64",
            [python_key(python) for python in wheel.pythons[:1]],
            [-wheel.build[0], wheel.build[1]],
            wheel.file.name,
        ),
    )


def highest_libc(floors: Iterable[str | None]) -> str | None:
    """Return the highest glibc floor of those that are known."""
    return max((floor for floor in floors if floor), key=libc_key, default=None)


def _build(wheel: Wheel, job: Job, derive: DeriveRow, reader: Reader, packages: RuntimePackages) -> SeenBuild:
    form = job.form
    contents = reader.contents(wheel, Question(modules=form.modules, binaries=form.binaries))
    if _is_for_none(contents, form):
        return SeenBuild(variant=derive.without_runtime, code=DeviceCode(architectures=(), ptx=()))
    closure = packages.closure(
        contents.requirements,
        architecture=job.architecture,
        python=(*wheel.pythons, wheel.minimum_python or "3.12")[0],
        extra=form.extra if form.own_extra and form.extra else "",
        told=contents.runtime is not None,
    )
    runtime = _runtime(contents, closure.version or form.version, form.runtime or _first_runtime(derive))
    return SeenBuild(
        variant=_variant(runtime, form, derive),
        runtime=runtime,
        code=contents.code,
        libc=highest_libc((closure.libc, *(one.libc for one in job.wheels))),
        missing=closure.missing,
        package=form.package,
        extra=form.extra,
    )


def _is_for_none(contents: Contents, form: BuildForm) -> bool:
    """Tell whether a wheel is built for no runtime: a module says so, or the one that would name it does not."""
    if contents.runtime is not None or contents.told:
        return contents.runtime is None
    absent = form.variant is not None and bool(form.modules)  # a wheel of nothing but requirements
    return (contents.silent or absent) and form.version is None


def _first_runtime(derive: DeriveRow) -> str | None:
    return derive.runtimes[0].runtime if derive.runtimes else None


def _runtime(contents: Contents, required: str | None, name: str | None) -> Runtime | None:
    """Return the runtime, in major and minor version: contents go before requirements where the two disagree."""
    if contents.runtime is not None:
        return Runtime(name=contents.runtime.name, version=".".join(contents.runtime.version.split(".")[:2]))
    return None if required is None or name is None else Runtime(name=name, version=required)


def _variant(runtime: Runtime | None, form: BuildForm, derive: DeriveRow) -> str:
    if runtime is None:
        return derive.without_runtime
    named = (naming.variant for naming in derive.runtimes if naming.runtime == runtime.name)
    template = form.variant or next(named, derive.without_runtime)
    major, _, minor = runtime.version.partition(".")
    return template.replace("{major}", major).replace("{minor}", minor)
