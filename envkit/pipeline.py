"""`up`: the stages in order, from the machine to a proven environment."""

import re
from shutil import which

import msgspec

from envkit.build import build_environment
from envkit.data import load_matrix
from envkit.data.settings import mirror_variables
from envkit.engines import hold_environment
from envkit.engines.ladder import Rung, climb_ladder
from envkit.engines.protocol import BuildContext, Engine, Progress
from envkit.errors import VerifyError
from envkit.model.environment import Built, Environment, Report, SmokeResult, State
from envkit.model.host import HostFacts
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.resolution import Resolution, Status
from envkit.model.sources import PackageSources
from envkit.model.value import Value
from envkit.negotiate import settle_resolution
from envkit.resolve.age import stale_note
from envkit.run import run_environment
from envkit.run.records import keep_records, read_report
from envkit.settle import (
    Reporter,
    Wish,
    ask_about,
    fingerprint_request,
    known_availability,
    plan_settled,
    settle_on_ladder,
)
from envkit.verify import verify_environment

# As the dynamic loader of glibc says it.
_MISSING_LIBRARY = re.compile(r"(\S+\.so[.0-9]*): cannot open shared object file")


class Outcome(Value, tag_field="format", tag="envkit-up/1"):
    """What `up` ended with."""

    environment: Environment
    report: Report
    unchanged: bool = False  # the environment stood already
    resolution: Resolution | None = None  # None when nothing had to be resolved


def up(facts: HostFacts, wish: Wish, reporter: Reporter) -> Outcome:
    """Bring the environment that is wished for into being and prove it; one that stands already is left as it is.

    Raises an `EnvkitError` that says which stage failed; an environment of the same name stays as it was until the new
    one is proven.
    """
    matrix = load_matrix(tuple(spec.recipe for spec in wish.request.specs))
    stale = stale_note(matrix, wish.request.as_of)
    if stale is not None:
        reporter.note(f"warning: {stale}")
    rungs = climb_ladder(facts, wish.request, wish.name)
    with hold_environment(wish.name):
        fingerprint = fingerprint_request(rungs[0].facts, wish, matrix, rungs[0].engine.name)
        standing = _standing(rungs[0], wish.name, fingerprint)
        if standing is not None:
            return standing
        rung, settled = settle_on_ladder(rungs, wish, matrix, reporter)
        plan = plan_settled(rung.facts, settled, wish, matrix, rung.engine.name)
        environment, report = realise_plan(rung.engine, plan, wish.sources, reporter)
        return Outcome(environment=environment, report=report, resolution=settled.resolution)


def up_planned(rung: Rung, plan: Plan, sources: PackageSources, reporter: Reporter) -> Outcome:
    """Bring the environment of a plan into being and prove it; one that stands already is left as it is."""
    with hold_environment(plan.name):
        standing = _standing(rung, plan.name, plan.fingerprint)
        if standing is not None:
            return standing
        environment, report = realise_plan(rung.engine, plan, sources, reporter)
        return Outcome(environment=environment, report=report)


def _standing(rung: Rung, name: str, fingerprint: str) -> Outcome | None:
    """Return the environment when it stands, is what is asked for and was proven; a stopped one is started."""
    environment = rung.engine.find(name)
    if environment is None or environment.state is State.BROKEN or environment.fingerprint != fingerprint:
        return None
    report = read_report(name)
    if report is None or not report.passed:
        return None
    return Outcome(environment=rung.engine.resume(environment), report=report, unchanged=True)


def realise_plan(engine: Engine, plan: Plan, sources: PackageSources, reporter: Reporter) -> tuple[Environment, Report]:
    """Build, start, verify, and only then put in place; whatever fails, the candidate goes and the old one stays."""
    plan = msgspec.structs.replace(plan, network_environment=mirror_variables(sources))
    reporter.stage("Locked", f"{len(plan.lock.packages)} packages for Python {plan.python}, {plan.lock.platform}")
    context = BuildContext(
        sources=sources,
        log=reporter.new_log(),
        terminal=reporter.terminal,
        progress=reporter.progress,
        note=reporter.note,
    )
    built = build_environment(engine, plan, context)
    try:
        return _prove(engine, plan, built, reporter)
    except VerifyError:
        if not built.reused:
            raise
        # What was built earlier may have been damaged since: a new build decides.
        reporter.note("what was built before did not pass, so it is built anew")
        built = build_environment(engine, plan, msgspec.structs.replace(context, fresh=True))
        return _prove(engine, plan, built, reporter)


def _prove(engine: Engine, plan: Plan, built: Built, reporter: Reporter) -> tuple[Environment, Report]:
    try:
        reporter.stage("Built", f"{built.reference}{' (reused)' if built.reused else ''}")
        candidate = run_environment(engine, plan, built, reporter.note)
        reporter.progress(Progress(text="running the smoke test"))
        report = verify_environment(engine, candidate, plan)
        require_passed(report, plan.mode)
        environment = engine.commit(plan, candidate)
    except BaseException:
        engine.discard(plan, built)
        raise
    keep_records(plan, report)
    return environment, report


def require_passed(report: Report, mode: Mode) -> None:
    """Raise `VerifyError` with every failed computation and differing version, unless the report is good.

    Where a library of this machine is missing, it names the command that installs it.
    """
    if report.passed:
        return
    facts = [
        f"{result.recipe} on {result.device}: {_outcome(result)}" for result in report.results if not result.passed
    ]
    facts += [
        f"{difference.package}: locked {difference.locked}, installed {difference.installed or 'not at all'}"
        for difference in report.differences
    ]
    hints = _library_hints(report) if mode is Mode.NATIVE else ()
    raise VerifyError(f"the proof failed for environment: {report.name}", facts=tuple(facts), hints=hints)


def _library_hints(report: Report) -> tuple[str, ...]:
    errors = " ".join(result.error or "" for result in report.results)
    missing = sorted(set(_MISSING_LIBRARY.findall(errors)))
    return tuple(
        f"{manager.name} install {manager.libraries[file]}"
        for manager in load_matrix(()).package_managers
        for file in missing
        if file in manager.libraries and which(manager.name) is not None
    )


def _outcome(result: SmokeResult) -> str:
    lines = (result.error or "").strip().splitlines()
    return lines[-1] if lines else f"expected {result.expected}, got {result.observed}"


def resolve_here(facts: HostFacts, wish: Wish, reporter: Reporter) -> Resolution:
    """Resolve for this machine as `up` would, asking indexes and registries, without building anything."""
    matrix = load_matrix(tuple(spec.recipe for spec in wish.request.specs))
    first: Resolution | None = None
    for rung in climb_ladder(facts, wish.request, wish.name):
        request = msgspec.structs.replace(wish.request, mode=rung.mode)
        ask = ask_about(rung.facts, wish, rung.find_base, reporter)
        resolution = settle_resolution(
            rung.facts, request, matrix, known_availability(wish.sources, matrix), ask
        ).resolution
        if resolution.status is not Status.UNSATISFIABLE:
            return resolution
        first = first or resolution
    assert first is not None  # noqa: S101 - the ladder has at least one rung
    return first
