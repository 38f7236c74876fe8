"""`envkit verify`: prove an environment again."""

from envkit.cli.commands.environments import engines, require_whole
from envkit.cli.commands.up import show_report
from envkit.cli.output import Output
from envkit.engines import hold_environment
from envkit.errors import DataError
from envkit.model.value import to_json
from envkit.pipeline import require_passed
from envkit.run import find_environment
from envkit.run.records import keep_report, read_plan
from envkit.verify import verify_environment


def verify_again(output: Output, name: str, *, as_json: bool) -> int:
    """Run an environment's smoke tests again, keep and show the report; raises `VerifyError` when it is not good."""
    engine, environment = find_environment(name, engines())
    plan = read_plan(name)
    if plan is None:
        raise DataError(
            f"the environment's plan is lost, so there is nothing to verify against: {name}",
            hints=(f"envkit up {' '.join(environment.recipes)} --name {name}",),
        )
    require_whole(environment)
    with hold_environment(name):
        report = verify_environment(engine, engine.resume(environment), plan)
        keep_report(report)
    show_report(output, report)
    if as_json:
        output.data(to_json(report))
    require_passed(report, plan.mode)
    return 0
