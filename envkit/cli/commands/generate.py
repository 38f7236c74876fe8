"""`envkit generate`: environments in the form of other tools."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from envkit.cli.asked import Asked
from envkit.cli.asking import Asking, read_asking
from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.output import Output
from envkit.cli.reporter import CommandReporter
from envkit.data import load_matrix
from envkit.engines.ladder import usable_engines
from envkit.errors import UsageError
from envkit.generate import generate_artifacts, output_mode, takes_project
from envkit.generate.options import Dialect, Kind, Options
from envkit.generate.savings import describe_saving, find_saving
from envkit.model.artifact import Artifacts
from envkit.model.availability import ImageState
from envkit.model.host import HostFacts
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.value import Value, to_json
from envkit.project.lock_inputs import Machines, ProfileInput, profile_input, profile_names
from envkit.project.locked import locked_plan
from envkit.project.outputs import WrittenFile, write_outputs
from envkit.project.planning import FindImage, find_locked_plan, image_finder, make_fresh_plan
from envkit.project.reading import ProjectFile, current_directory
from envkit.resolve.targets import target_facts

_PRINT = "-"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the command, as they were typed."""

    format: str
    directory: str | None
    profiles: tuple[str, ...]
    host: str | None
    target: str | None
    locked: bool
    frozen: bool
    dialect: str
    image: str | None
    kind: str
    force: bool
    assume_yes: bool
    as_json: bool


class Generated(Value, tag_field="format", tag="envkit-generated/1"):
    """What `generate` wrote."""

    output: str  # dockerfile | compose …
    directory: str
    profiles: tuple[str, ...]  # empty: the project has none, or there is no project
    files: tuple[WrittenFile, ...]
    savings: tuple[str, ...] = ()  # what the images leave out, a sentence each


def generate_files(output: Output, asked: Asked, wanted: Wanted) -> int:
    """Write or print the files of a format; returns the exit status."""
    options = _options(wanted)
    several = takes_project(wanted.format)
    _check(wanted)
    asking = read_asking(asked)
    directory = _directory(wanted)
    with CommandReporter(output, "generate", assume_yes=wanted.assume_yes) as reporter:
        inputs = _inputs(asking, wanted, several=several)
        planner = _Planner(asking, wanted, directory, reporter)
        plans = tuple(planner.plan(each) for each in inputs)
        artifacts = generate_artifacts(plans, wanted.format, options)
        savings = _savings(plans)
        for sentence in savings:
            reporter.stage("Saved", sentence)
        if wanted.directory == _PRINT:
            output.data(_only_text(artifacts))
            return 0
        written = write_outputs(artifacts, directory, force=wanted.force)
        changed = sum(file.state == "written" for file in written)
        reporter.stage("Generated", f"{wanted.format}: {changed} of {len(written)} files written in {directory}")
        for interpreter in dict.fromkeys(plan.interpreter for plan in plans if plan.interpreter is not None):
            reporter.note(f"the Python that was found here: {interpreter}")
    generated = Generated(
        output=wanted.format,
        directory=str(directory),
        profiles=tuple(plan.profile for plan in plans if plan.profile is not None),
        files=written,
        savings=savings,
    )
    output.data(to_json(generated) if wanted.as_json else "\n".join(file.path for file in written))
    return 0


def _savings(plans: tuple[Plan, ...]) -> tuple[str, ...]:
    """Say what each image is smaller by than one on the vendor's own base image, each sentence once."""
    matrix = load_matrix(())
    found = (find_saving(plan, matrix.vendor(plan.vendor)) for plan in plans if plan.mode is Mode.CONTAINER)
    return tuple(dict.fromkeys(describe_saving(saving) for saving in found if saving is not None))


def _check(wanted: Wanted) -> None:
    if wanted.host is not None and wanted.target is not None:
        raise UsageError("`--host` and `--target` both name the machine to generate for: give one")
    if wanted.directory == _PRINT and wanted.as_json:
        raise UsageError("`--output -` prints the file itself: it cannot be used with `--json`")


def _options(wanted: Wanted) -> Options:
    return Options(
        dialect=Dialect(_one_of("--dialect", wanted.dialect, tuple(Dialect))),
        image=wanted.image,
        kind=Kind(_one_of("--kind", wanted.kind, tuple(Kind))),
    )


def _one_of(option: str, text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise UsageError(f"`{option}` takes {' or '.join(f'`{name}`' for name in known)}: {text}")
    return text


def _directory(wanted: Wanted) -> Path:
    here = current_directory()
    return here if wanted.directory in (None, _PRINT) else here / Path(wanted.directory or "").expanduser()


def _only_text(artifacts: Artifacts) -> str:
    if len(artifacts.files) != 1:
        raise UsageError(
            f"`{artifacts.output}` has {len(artifacts.files)} files, and `--output -` prints one",
            hints=("the same command with `--output DIRECTORY`",),
        )
    return artifacts.files[0].text


def _inputs(asking: Asking, wanted: Wanted, *, several: bool) -> tuple[ProfileInput, ...]:
    """Return what is planned: each profile that was named, else all; where specs were typed, what they ask for."""
    machines = Machines(recorded=read_host, here=_here(wanted))
    names = tuple(dict.fromkeys(wanted.profiles))
    if asking.file is not None and (names or not asking.typed.request.specs):
        names = names or profile_names(asking.file)
        if len(names) > 1 and not several:
            raise UsageError(
                f"`{wanted.format}` describes one environment, and the project has several profiles: {' '.join(names)}",
                hints=tuple(f"--profile {name}" for name in names),
            )
        inputs = (profile_input(asking.file, name, asking.typed, asking.sources, machines) for name in names)
        return tuple(_placed(each, wanted, machines) for each in inputs)
    wished = asking.wish(next(iter(names), None))
    each = ProfileInput(
        name=wished.wish.name, wish=wished.wish, facts=machines.here(), asked={}, here=True, notes=wished.notes
    )
    return (_placed(each, wanted, machines),)


def _here(wanted: Wanted) -> Callable[[], HostFacts]:
    """Return how the machine is known for which something is generated that names none itself."""
    host, target = wanted.host, wanted.target
    if host is not None:
        return cache(lambda: read_host(host))
    if target is not None:
        return cache(lambda: target_facts(target, load_matrix(())))
    return cache(live_facts)


def _placed(each: ProfileInput, wanted: Wanted, machines: Machines) -> ProfileInput:
    """Put a wish on the machine that was typed, and in a container or not, as the format has it."""
    request = each.wish.request
    mode = output_mode(wanted.format) or request.mode or Mode.CONTAINER
    if takes_project(wanted.format):
        mode = request.mode or mode
    typed = wanted.host is not None or wanted.target is not None
    facts = machines.here() if typed else each.facts
    if mode is Mode.CONTAINER:
        usable = usable_engines(facts.engines or ())
        facts = facts.for_engine(request.engine or next(iter(usable), None))
    request = msgspec.structs.replace(request, mode=mode)
    return msgspec.structs.replace(each, facts=facts, wish=msgspec.structs.replace(each.wish, request=request))


class _Planner:
    """Makes the plan of each profile, asking engine and registry for base images where nothing is locked."""

    def __init__(self, asking: Asking, wanted: Wanted, directory: Path, reporter: CommandReporter) -> None:
        self._file: ProjectFile | None = asking.file if not asking.typed.request.specs else None
        self._asking = asking
        self._wanted = wanted
        self._directory = directory
        self._reporter = reporter

    def plan(self, each: ProfileInput) -> Plan:
        for note in each.notes:
            self._reporter.note(note)
        plan = self._locked(each) or make_fresh_plan(each, self._home, self._finder(each), self._reporter)
        return msgspec.structs.replace(plan, directory=str(self._directory))

    @property
    def _home(self) -> Path:
        return self._directory if self._file is None else self._file.directory

    def _locked(self, each: ProfileInput) -> Plan | None:
        strict = self._wanted.locked or self._wanted.frozen
        if self._file is None:
            if strict:
                raise UsageError("`--locked` and `--frozen` take what a project has locked: give no SPEC")
            return None
        if self._wanted.host is not None or self._wanted.target is not None:
            return None
        if strict:
            return locked_plan(self._home, each, engine=None, frozen=self._wanted.frozen, elsewhere=True)
        return find_locked_plan(each, self._home, self._reporter)

    def _finder(self, each: ProfileInput) -> FindImage | None:
        if each.wish.request.mode is Mode.NATIVE or self._asking.sources.offline:
            return None
        from envkit.system.registry import Registry

        mirrors = {place: setting.value for place, setting in self._asking.sources.mirrors.items()}
        registry = Registry(self._asking.sources, mirrors=mirrors)
        return image_finder(registry.image, _engine_finder(), self._reporter)


def _engine_finder() -> Callable[[str], ImageState] | None:
    """Return how the container engine of this machine finds base images, None where there is none."""
    from envkit.engines import load_engine

    for name in usable_engines(live_facts().engines or ()):
        find = getattr(load_engine(name), "find_base", None)
        if find is not None:
            return find  # type: ignore[no-any-return]
    return None
