"""`envkit generate`: environments in the form of other tools."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from envkit.cli.asked import Asked
from envkit.cli.asking import read_asking
from envkit.cli.output import Output
from envkit.cli.planned import Placing, Planner, describe_savings, planned_inputs
from envkit.cli.reporter import CommandReporter
from envkit.data import load_pipelines
from envkit.errors import UsageError
from envkit.generate import generate_artifacts, output_mode, takes_project
from envkit.generate.options import Dialect, Kind, Options
from envkit.model.artifact import Artifacts
from envkit.model.request import Mode, Request
from envkit.model.value import Value, to_json
from envkit.project.outputs import WrittenFile, write_outputs
from envkit.project.reading import current_directory

_PRINT = "-"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the command, as they were typed."""

    format: str
    directory: str | None
    placing: Placing
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
    _check(wanted)
    asking = read_asking(asked)
    directory = _directory(wanted)
    with CommandReporter(output, "generate", assume_yes=wanted.assume_yes) as reporter:
        single = None if takes_project(wanted.format) else wanted.format
        inputs = planned_inputs(asking, wanted.placing, _mode(wanted.format), single=single)
        planner = Planner(asking, wanted.placing, reporter, outside=directory)
        plans = tuple(msgspec.structs.replace(planner.plan(each), directory=str(directory)) for each in inputs)
        artifacts = generate_artifacts(plans, wanted.format, options)
        savings = describe_savings(plans)
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


def _check(wanted: Wanted) -> None:
    wanted.placing.check()
    if wanted.directory == _PRINT and wanted.as_json:
        raise UsageError("`--output -` prints the file itself: it cannot be used with `--json`")


def _options(wanted: Wanted) -> Options:
    return Options(
        dialect=Dialect(_one_of("--dialect", wanted.dialect, tuple(Dialect))),
        image=wanted.image,
        kind=Kind(_one_of("--kind", wanted.kind, tuple(Kind))),
        pipelines=load_pipelines(),
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


def _mode(output_format: str) -> Callable[[Request], Mode]:
    """Return how a format has a request: in a container or natively, or as the request says where it takes both."""
    own = output_mode(output_format)

    def mode_of(request: Request) -> Mode:
        mode = own or request.mode or Mode.CONTAINER
        return (request.mode or mode) if takes_project(output_format) else mode

    return mode_of
