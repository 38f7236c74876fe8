"""`up`: the stages in order, from the machine to a proven environment."""

import hashlib
from typing import Protocol

import msgspec

from envkit import __version__
from envkit.build import build_environment
from envkit.data import load_matrix
from envkit.engines import hold_environment
from envkit.engines.ladder import Rung, climb_ladder
from envkit.engines.protocol import BuildContext, Engine, Progress
from envkit.errors import AcceleratorUnusedError, AdditionMissingError, UnsatisfiableError, VerifyError
from envkit.lock import lock_request
from envkit.model.address import display_url
from envkit.model.availability import PUBLIC_INDEX, Availability
from envkit.model.environment import Built, Environment, Report, SmokeResult, State
from envkit.model.host import HostFacts
from envkit.model.lock import Lock
from envkit.model.matrix import Matrix
from envkit.model.plan import Mount, Plan
from envkit.model.request import Request
from envkit.model.resolution import Chosen, Resolution, Status, Verdict
from envkit.model.sources import PackageSources
from envkit.model.value import Value, to_line
from envkit.negotiate import Ask, Settled, settle_lock, settle_resolution
from envkit.plan import make_plan
from envkit.resolve.age import stale_note
from envkit.resolve.answer import UNUSED_RULE
from envkit.resolve.command import request_command
from envkit.run import run_environment
from envkit.run.records import keep_records, read_report
from envkit.system.constraints import read_constraints
from envkit.system.http import probe_index
from envkit.system.wheelhouse import scan_wheelhouses
from envkit.verify import verify_environment

_SHOWN_REASONS = 4  # `envkit resolve` shows all


class Reporter(Protocol):
    """Where the pipeline says what it does; the command line prints it, a library user may drop it."""

    terminal: bool  # an engine's own tool may draw its progress on standard error

    def stage(self, label: str, text: str) -> None:
        """Say that a stage has come to a result."""

    def note(self, text: str) -> None:
        """Say something that explains the result."""

    def progress(self, progress: Progress) -> None:
        """Show how far a long step has come."""

    def confirm(self, question: str) -> bool:
        """Ask the user; False where nobody can answer."""

    def new_log(self) -> str:
        """Make the log file of a build and return its path."""


class Wish(Value):
    """Everything that somebody asked of `up`."""

    name: str
    request: Request
    sources: PackageSources
    mounts: tuple[Mount, ...] = ()


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
        standing = _standing(rungs[0], wish, matrix)
        if standing is not None:
            return standing
        rung, settled = _settle(rungs, wish, matrix, reporter)
        plan = _plan(rung, settled, wish, matrix)
        environment, report = _realise(rung.engine, plan, wish, reporter)
        return Outcome(environment=environment, report=report, resolution=settled.resolution)


def known_availability(sources: PackageSources) -> Availability:
    """Return what can be had as far as this machine's files tell, without asking any server."""
    return Availability(
        wheels=scan_wheelhouses(sources),
        constraints=read_constraints(sources),
        default_index=PUBLIC_INDEX if sources.index is None else display_url(sources.index.value),
        index_urls={name: display_url(setting.value) for name, setting in sources.named_indexes.items()},
        offline=sources.offline or sources.no_index,
    )


def fingerprint_request(facts: HostFacts, wish: Wish, matrix: Matrix, engine: str) -> str:
    """Return a hash over all that decides what an environment is: request, host, data and sources."""
    host = msgspec.structs.replace(
        facts, memory_mib=None, disk_free_mib=None, engines=None, pythons=None, findings=(), evidence=(), gaps=()
    )
    sources = msgspec.structs.replace(
        wish.sources, certificate=None, proxies={}, trusted_hosts=(), timeout_seconds=None
    )
    request = msgspec.structs.replace(wish.request, as_of="", engine=None, mode=None, name=None)
    parts = (__version__, engine, matrix.revision, request, host, sources, wish.mounts)
    return hashlib.sha256("\n".join(to_line(part) for part in parts).encode()).hexdigest()[:32]


def _standing(rung: Rung, wish: Wish, matrix: Matrix) -> Outcome | None:
    """Return the environment when it stands, is what is asked for and was proven; a stopped one is started."""
    environment = rung.engine.find(wish.name)
    if environment is None or environment.state is State.BROKEN:
        return None
    if environment.fingerprint != fingerprint_request(rung.facts, wish, matrix, rung.engine.name):
        return None
    report = read_report(wish.name)
    if report is None or not report.passed:
        return None
    return Outcome(environment=rung.engine.resume(environment), report=report, unchanged=True)


def _settle(rungs: tuple[Rung, ...], wish: Wish, matrix: Matrix, reporter: Reporter) -> tuple[Rung, Settled]:
    """Resolve and lock on the first rung that can be satisfied."""
    first_refusal: UnsatisfiableError | None = None
    for rung in rungs:
        reporter.stage("Engine", rung.reason)
        request = msgspec.structs.replace(wish.request, mode=rung.mode)
        ask = _ask(rung, wish, reporter)
        settled = settle_resolution(rung.facts, request, matrix, known_availability(wish.sources), ask)
        _accept_degraded(settled.resolution, settled.availability, reporter)
        require_additions(settled.resolution)
        settled = settle_lock(rung.facts, request, matrix, settled, ask)
        if settled.lock is not None:
            _accept_degraded(settled.resolution, settled.availability, reporter)
            require_additions(settled.resolution)
            _say_resolved(settled.resolution, reporter)
            return rung, settled
        first_refusal = first_refusal or refusal_of(settled.resolution)
        if len(rungs) > 1:
            reporter.note(f"`{rung.engine.name}` cannot serve this request: {refusal_of(settled.resolution).message}")
    raise first_refusal or UnsatisfiableError("no engine can serve this request")


def _say_resolved(resolution: Resolution, reporter: Reporter) -> None:
    """Say what was chosen, what ranked above it and why that was not taken, and what was left out."""
    chosen = resolution.chosen
    assert chosen is not None  # noqa: S101 - only what was chosen can have been locked
    packages = ", ".join(f"{name} {version}" for name, version in chosen.packages.items())
    places = ", ".join(f"{index.name} ({index.url})" for index in chosen.indexes) or "the main index"
    base = f", on {chosen.base.image}" if chosen.base is not None else ""
    reporter.stage("Resolved", f"{packages}: {chosen.variant} build for Python {chosen.python} from {places}{base}")
    for rejected in resolution.rejected[:_SHOWN_REASONS]:
        more = f" and {rejected.count - 1} more" if rejected.count > 1 else ""
        reporter.note(f"not {rejected.candidate}{more}: {rejected.reason}")
    for note in chosen.notes:
        reporter.note(note)


def _ask(rung: Rung, wish: Wish, reporter: Reporter) -> Ask:
    facts = rung.facts

    def lock(resolution: Resolution) -> Lock:
        chosen = resolution.chosen
        assert chosen is not None  # noqa: S101 - settle_lock locks only what was chosen
        reporter.progress(Progress(text=f"locking {chosen.candidate}", done=0))
        return lock_request(
            resolution,
            wish.sources,
            libc=_libc(chosen, facts),
            cpu_architecture=facts.cpu.architecture if facts.cpu is not None else "x86_64",
        )

    return Ask(
        index=lambda name, url, package: probe_index(name, url, package, wish.sources),
        image=rung.find_base,
        lock=lock,
        refused=lambda sentence: reporter.progress(Progress(text=sentence)),
    )


def _libc(chosen: Chosen, facts: HostFacts) -> str | None:
    """Return the glibc version that the wheels will meet: the base image's, or the host's."""
    if chosen.base is not None:
        return chosen.base.libc
    if facts.os is None or facts.os.libc is None:
        return None
    return facts.os.libc.version


def _plan(rung: Rung, settled: Settled, wish: Wish, matrix: Matrix) -> Plan:
    assert settled.lock is not None  # noqa: S101 - _settle returns only what was locked
    return make_plan(
        settled.resolution,
        settled.lock,
        rung.facts,
        matrix,
        name=wish.name,
        fingerprint=fingerprint_request(rung.facts, wish, matrix, rung.engine.name),
        mounts=wish.mounts,
    )


def _realise(engine: Engine, plan: Plan, wish: Wish, reporter: Reporter) -> tuple[Environment, Report]:
    """Build, start, verify, and only then put in place; whatever fails, the candidate goes and the old one stays."""
    reporter.stage("Locked", f"{len(plan.lock.packages)} packages for Python {plan.python}, {plan.lock.platform}")
    context = BuildContext(
        sources=wish.sources, log=reporter.new_log(), terminal=reporter.terminal, progress=reporter.progress
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
        candidate = run_environment(engine, plan, built)
        reporter.progress(Progress(text="running the smoke test"))
        report = verify_environment(engine, candidate, plan)
        require_passed(report)
        environment = engine.commit(plan, candidate)
    except BaseException:
        engine.discard(plan, built)
        raise
    keep_records(plan, report)
    return environment, report


def require_passed(report: Report) -> None:
    """Raise `VerifyError` with every failed computation and differing version, unless the report is good."""
    if report.passed:
        return
    facts = [
        f"{result.recipe} on {result.device}: {_outcome(result)}" for result in report.results if not result.passed
    ]
    facts += [
        f"{difference.package}: locked {difference.locked}, installed {difference.installed or 'not at all'}"
        for difference in report.differences
    ]
    raise VerifyError(f"the proof failed for environment: {report.name}", facts=tuple(facts))


def _outcome(result: SmokeResult) -> str:
    lines = (result.error or "").strip().splitlines()
    return lines[-1] if lines else f"expected {result.expected}, got {result.observed}"


def _accept_degraded(resolution: Resolution, availability: Availability, reporter: Reporter) -> None:
    """Ask before an accelerator is left unused; raises `AcceleratorUnusedError` unless somebody agrees."""
    unused = next((check for check in resolution.checks if check.rule == UNUSED_RULE), None)
    if resolution.status is not Status.DEGRADED or unused is None or unused.verdict is Verdict.PASS:
        return
    if reporter.confirm(f"{unused.reason}. Go on without it?"):
        return
    on_cpu = request_command(msgspec.structs.replace(resolution.request, on="cpu", devices=None), availability)
    hints = (*(remedy.command for remedy in resolution.remedies), on_cpu)
    raise AcceleratorUnusedError(unused.reason, hints=tuple(dict.fromkeys(hints)))


def require_additions(resolution: Resolution) -> None:
    """Raise `AdditionMissingError` where the choice needs what neither envkit nor this machine brings.

    An image that the user names may bring it: the proof decides there.
    """
    chosen, request = resolution.chosen, resolution.request
    if chosen is None or request.base_image is not None:
        return
    missing = tuple(addition for addition in chosen.additions if not addition.provided)
    if missing:
        names = ", ".join(f"`{addition.package}`" for addition in missing)
        strict = msgspec.structs.replace(request, allow=())
        where = "load it before `envkit up --native`, or name an image that has it and Python with `--base-image`"
        raise AdditionMissingError(
            f"forward compatibility needs what envkit does not install: {names}",
            facts=tuple(f"{addition.reason} ({addition.source})" for addition in missing),
            hints=(where, request_command(strict, Availability(), verb="resolve")),
        )


def refusal_of(resolution: Resolution) -> UnsatisfiableError:
    """Return the error that tells why a resolution has no answer and what would help."""
    specs = " ".join(str(spec) for spec in resolution.request.specs)
    facts = tuple(
        f"{blame.fact}: needs {blame.needed}, seen {blame.seen} ({blame.source})" for blame in resolution.blame
    )
    rejected = tuple(f"{rejected.candidate}: {rejected.reason}" for rejected in resolution.rejected[:5])
    return UnsatisfiableError(
        f"nothing that this machine can run satisfies: {specs}",
        facts=facts or rejected,
        hints=tuple(f"{remedy.text}\n{remedy.command}" for remedy in resolution.remedies),
    )


def resolve_here(facts: HostFacts, wish: Wish, reporter: Reporter) -> Resolution:
    """Resolve for this machine as `up` would, asking indexes and registries, without building anything."""
    matrix = load_matrix(tuple(spec.recipe for spec in wish.request.specs))
    first: Resolution | None = None
    for rung in climb_ladder(facts, wish.request, wish.name):
        request = msgspec.structs.replace(wish.request, mode=rung.mode)
        ask = _ask(rung, wish, reporter)
        resolution = settle_resolution(rung.facts, request, matrix, known_availability(wish.sources), ask).resolution
        if resolution.status is not Status.UNSATISFIABLE:
            return resolution
        first = first or resolution
    assert first is not None  # noqa: S101 - the ladder has at least one rung
    return first
