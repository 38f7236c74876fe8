"""`envkit up`: from the machine to a proven environment."""

import sys

from envkit.cli.asked import Asked
from envkit.cli.asking import environment_name, make_request, make_sources, parse_mount, read_project
from envkit.cli.checks import check_devices
from envkit.cli.hostfile import live_facts
from envkit.cli.output import Output
from envkit.cli.reporter import CommandReporter
from envkit.cli.summary import describe_daemon_hosts, describe_problems, summarise_host
from envkit.engines import load_engine
from envkit.model.environment import Report, SmokeResult
from envkit.model.value import to_json
from envkit.pipeline import Outcome, up
from envkit.resolve.present import describe_resolution
from envkit.settle import Wish


def bring_up(output: Output, asked: Asked, *, as_json: bool, assume_yes: bool, command: tuple[str, ...]) -> int:
    """Bring an environment up and, when a command is given, run that in it; returns the exit status."""
    project = read_project()
    request = make_request(asked, project)
    wish = Wish(
        name=environment_name(asked, project, request),
        request=request,
        sources=make_sources(asked, project),
        mounts=tuple(parse_mount(mount) for mount in asked.mounts),
    )
    facts = live_facts()
    check_devices(facts, request)
    with CommandReporter(output, "up", assume_yes=assume_yes) as reporter:
        reporter.stage("Detected", summarise_host(facts))
        for problem in describe_problems(facts):
            reporter.note(problem)
        for sentence in describe_daemon_hosts(facts):
            reporter.note(sentence)
        outcome = up(facts, wish, reporter)
        show_outcome(output, outcome)
    if as_json:
        output.data(to_json(outcome))
    if not command:
        return 0
    engine = load_engine(outcome.environment.engine)
    return engine.attach(outcome.environment, command, interactive=sys.stdin.isatty() and sys.stdout.isatty())


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
