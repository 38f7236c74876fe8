"""From a wish to a locked choice: which engine, what is resolved and locked for it, and the plan that follows.

`settle_on_ladder` does it for this machine and its engines, `settle_choice` for any machine of which facts are known.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

from envkit import __version__
from envkit.data import load_mirrors
from envkit.engines.ladder import Rung
from envkit.engines.protocol import Progress
from envkit.errors import AcceleratorUnusedError, AdditionMissingError, UnsatisfiableError
from envkit.model.address import display_url, mirrored_url
from envkit.model.availability import PUBLIC_INDEX, Availability, ImageState
from envkit.model.host import HostFacts
from envkit.model.lock import Lock
from envkit.model.matrix import Matrix
from envkit.model.plan import Mount, Plan, RunSettings, SystemPackage
from envkit.model.request import Request
from envkit.model.resolution import Chosen, Resolution, Status, Verdict
from envkit.model.sources import PackageSources
from envkit.model.value import Value, to_line
from envkit.negotiate import Ask, Settled, settle_lock, settle_resolution
from envkit.plan import Use, make_plan
from envkit.resolve.answer import UNUSED_RULE
from envkit.resolve.command import request_command
from envkit.system.constraints import read_constraints
from envkit.system.http import probe_index
from envkit.system.wheelhouse import scan_wheelhouses

if TYPE_CHECKING:
    from envkit.lock import Earlier

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
    profile: str | None = None
    system_packages: tuple[SystemPackage, ...] = ()
    run: RunSettings = RunSettings()


def known_availability(sources: PackageSources, matrix: Matrix) -> Availability:
    """Return what can be had as far as this machine's files tell, without asking any server."""
    named = mirrored_indexes(sources, matrix) | {name: row.value for name, row in sources.named_indexes.items()}
    return Availability(
        wheels=scan_wheelhouses(sources),
        constraints=read_constraints(sources),
        default_index=PUBLIC_INDEX if sources.index is None else display_url(sources.index.value),
        index_urls={name: display_url(url) for name, url in named.items()},
        offline=sources.offline or sources.no_index,
    )


def mirrored_indexes(sources: PackageSources, matrix: Matrix) -> dict[str, str]:
    """Return the addresses of the recipes' own indexes that a mirror of their server stands for, by index name."""
    if not sources.mirrors:
        return {}
    mirrors = {place: setting.value for place, setting in sources.mirrors.items()}
    places = load_mirrors().places
    found: dict[str, str] = {}
    for recipe in matrix.recipes:
        variants = tuple(dict.fromkeys(row.variant for row in recipe.variants))
        for row in recipe.indexes:
            for variant in variants if "{variant}" in row.name else ("",):
                public = row.url.replace("{variant}", variant)
                url = mirrored_url(public, mirrors, places)
                if url != public:
                    found[row.name.replace("{variant}", variant)] = url
    return found


def fingerprint_request(facts: HostFacts, wish: Wish, matrix: Matrix, engine: str) -> str:
    """Return a hash over all that decides what an environment is: request, host, data and sources."""
    host = msgspec.structs.replace(
        facts, memory_mib=None, disk_free_mib=None, engines=None, pythons=None, findings=(), evidence=(), gaps=()
    )
    sources = msgspec.structs.replace(
        wish.sources, certificate=None, proxies={}, trusted_hosts=(), timeout_seconds=None
    )
    request = msgspec.structs.replace(wish.request, as_of="", engine=None, mode=None, name=None)
    use = Use(mounts=wish.mounts, profile=wish.profile, system_packages=wish.system_packages, settings=wish.run)
    parts = (__version__, engine, matrix.revision, request, host, sources, use)
    return hashlib.sha256("\n".join(to_line(part) for part in parts).encode()).hexdigest()[:32]


def settle_on_ladder(rungs: tuple[Rung, ...], wish: Wish, matrix: Matrix, reporter: Reporter) -> tuple[Rung, Settled]:
    """Resolve and lock on the first rung that can be satisfied.

    Raises `UnsatisfiableError` when none can, and what `settle_choice` raises.
    """
    first_refusal: UnsatisfiableError | None = None
    for rung in rungs:
        reporter.stage("Engine", rung.reason)
        request = msgspec.structs.replace(wish.request, mode=rung.mode)
        settled = settle_choice(
            rung.facts, msgspec.structs.replace(wish, request=request), matrix, rung.find_base, reporter
        )
        if settled.lock is not None:
            return rung, settled
        first_refusal = first_refusal or refusal_of(settled.resolution)
        if len(rungs) > 1:
            reporter.note(f"`{rung.engine.name}` cannot serve this request: {refusal_of(settled.resolution).message}")
    raise first_refusal or UnsatisfiableError("no engine can serve this request")


def settle_choice(
    facts: HostFacts,
    wish: Wish,
    matrix: Matrix,
    find_base: Callable[[str], ImageState] | None,
    reporter: Reporter,
    earlier: "Earlier | None" = None,
) -> Settled:
    """Resolve and lock for one machine, asking before a device is left unused; without a lock when nothing fits.

    `find_base` asks a registry for a base image, None where nobody can. Raises `AcceleratorUnusedError`,
    `AdditionMissingError`, `LockError` and `NetworkError`.
    """
    ask = ask_about(facts, wish, find_base, reporter, earlier)
    settled = settle_resolution(facts, wish.request, matrix, known_availability(wish.sources, matrix), ask)
    _accept_degraded(settled.resolution, settled.availability, reporter)
    require_additions(settled.resolution)
    settled = settle_lock(facts, wish.request, matrix, settled, ask)
    if settled.lock is not None:
        _accept_degraded(settled.resolution, settled.availability, reporter)
        require_additions(settled.resolution)
        _say_resolved(settled.resolution, reporter)
    return settled


def _say_resolved(resolution: Resolution, reporter: Reporter) -> None:
    """Say what was chosen, what ranked above it and why that was not taken, and what was left out."""
    chosen = resolution.chosen
    assert chosen is not None  # noqa: S101 - only what was chosen can have been locked
    packages = ", ".join(f"{name} {version}" for name, version in chosen.packages.items())
    base = f", on {chosen.base.image}" if chosen.base is not None else ""
    reporter.stage(
        "Resolved", f"{packages}: {chosen.variant} build for Python {chosen.python} from {chosen.source_text}{base}"
    )
    for rejected in resolution.rejected[:_SHOWN_REASONS]:
        more = f" and {rejected.count - 1} more" if rejected.count > 1 else ""
        reporter.note(f"not {rejected.candidate}{more}: {rejected.reason}")
    for note in chosen.notes:
        reporter.note(note)


def ask_about(
    facts: HostFacts,
    wish: Wish,
    find_base: Callable[[str], ImageState] | None,
    reporter: Reporter,
    earlier: "Earlier | None" = None,
) -> Ask:
    """Return the effects that a choice for this machine is tried with; versions of an `earlier` lock are preferred."""

    def lock(resolution: Resolution) -> Lock:
        chosen = resolution.chosen
        assert chosen is not None  # noqa: S101 - settle_lock locks only what was chosen
        reporter.progress(Progress(text=f"locking {chosen.candidate}", done=0))
        from envkit.lock import lock_request  # a resolution alone needs nothing of it

        return lock_request(
            resolution,
            wish.sources,
            libc=_libc(chosen, facts),
            cpu_architecture=facts.cpu.architecture if facts.cpu is not None else "x86_64",
            earlier=earlier,
        )

    return Ask(
        index=lambda name, url, package: probe_index(name, url, package, wish.sources),
        image=find_base,
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


def plan_settled(facts: HostFacts, settled: Settled, wish: Wish, matrix: Matrix, engine: str) -> Plan:
    """Return the plan of what was settled, for the engine of this name."""
    assert settled.lock is not None  # noqa: S101 - only what was locked is planned
    return make_plan(
        settled.resolution,
        settled.lock,
        facts,
        matrix,
        name=wish.name,
        fingerprint=fingerprint_request(facts, wish, matrix, engine),
        use=Use(mounts=wish.mounts, profile=wish.profile, system_packages=wish.system_packages, settings=wish.run),
    )


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
