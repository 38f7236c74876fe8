"""`envkit up`: from the machine to a proven environment."""

import sys

from envkit.cli.asked import Asked
from envkit.cli.asking import Asking, read_asking
from envkit.cli.checks import check_devices
from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.output import Output
from envkit.cli.reporter import CommandReporter
from envkit.cli.summary import describe_daemon_hosts, describe_problems, summarise_host
from envkit.engines import load_engine
from envkit.errors import UsageError
from envkit.model.environment import Report, SmokeResult
from envkit.model.host import HostFacts
from envkit.model.value import to_json
from envkit.pipeline import Outcome, up
from envkit.project.lock_inputs import DEFAULT_PROFILE, Machines, profile_input, require_project
from envkit.project.locked import bring_up_locked
from envkit.project.mounts import check_sources
from envkit.project.profiles import fitting_profile
from envkit.resolve.present import describe_resolution


def bring_up(output: Output, asked: Asked, *, as_json: bool, assume_yes: bool, command: tuple[str, ...]) -> int:
    """Bring an environment up and, when a command is given, run that in it; returns the exit status."""
    asking = read_asking(asked)
    taken = asked.locked or asked.frozen
    if taken:
        _check_locked(asked)
    facts = live_facts()
    wished = asking.wish_for(facts)
    wish = wished.wish
    check_sources(wish.mounts)
    check_devices(facts, wish.request)
    with CommandReporter(output, "up", assume_yes=assume_yes) as reporter:
        reporter.stage("Detected", summarise_host(facts))
        for problem in describe_problems(facts):
            reporter.note(problem)
        for sentence in (*describe_daemon_hosts(facts), *wished.notes):
            reporter.note(sentence)
        outcome = _up_locked(asking, facts, asked, reporter) if taken else up(facts, wish, reporter)
        show_outcome(output, outcome)
    if as_json:
        output.data(to_json(outcome))
    if not command:
        return 0
    engine = load_engine(outcome.environment.engine)
    return engine.attach(outcome.environment, command, interactive=sys.stdin.isatty() and sys.stdout.isatty())


def _check_locked(asked: Asked) -> None:
    given = (asked.specs, asked.packages, asked.python, asked.on, asked.devices, asked.only_index, asked.base_image)
    if any(given) or asked.os is not None or asked.flavor is not None:
        raise UsageError(
            "`--locked` and `--frozen` take what is locked: SPEC and what else would change it cannot be given",
            hints=("envkit up --locked", "envkit lock"),
        )


def _up_locked(asking: Asking, facts: HostFacts, asked: Asked, reporter: CommandReporter) -> Outcome:
    file = require_project(asking.file)
    name = asking.profile
    if name is None and file.project.profiles:
        fitting = fitting_profile(file, facts, read_host)
        name = None if fitting is None else fitting.profile
        if name is None:
            reason = "" if fitting is None else fitting.reason
            raise UsageError("no profile of the project is for this machine: name one", facts=(reason,))
    machines = Machines(recorded=read_host, here=lambda: facts)
    each = profile_input(file, name or DEFAULT_PROFILE, asking.typed, asking.sources, machines)
    return bring_up_locked(file, each, facts, reporter, frozen=asked.frozen)


def show_outcome(output: Output, outcome: Outcome) -> None:
    """Say what stands now and what proves it."""
    environment = outcome.environment
    if outcome.resolution is not None and output.verbose:
        for line in describe_resolution(outcome.resolution, verbose=True).splitlines():
            output.note(line)
    show_report(output, outcome.report)
    if outcome.unchanged:
        output.stage("Unchanged", f"{environment.name} stands already; the report above is of its last proof")
    output.stage("Ready", f"{environment.name} ({environment.engine}); use it with")
    output.note(f"envkit exec {environment.name} -- python    or    envkit shell {environment.name}")


def show_report(output: Output, report: Report) -> None:
    """Show what verification saw, a line for each computation."""
    for result in report.results:
        output.stage("Verified" if result.passed else "Failed", _describe_result(result))
    equal = report.packages_checked - len(report.differences)
    output.note(
        f"{equal} of {report.packages_checked} packages equal the lock; Python {report.python}, uid {report.user}"
    )


def _describe_result(result: SmokeResult) -> str:
    title = f"{result.recipe} on {result.device}"
    if result.error:
        return f"{title}: {result.error.strip().splitlines()[-1]}"
    seconds = f", {result.seconds:.1f} s" if result.seconds is not None else ""
    outcome = "ok" if result.passed else "FAILED"
    return (
        f"{title} ({result.device_name or 'unknown device'}): {outcome}, "
        f"expected {result.expected}, got {result.observed}{seconds}"
    )
