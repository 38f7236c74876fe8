"""`envkit resolve`: what would be installed, and why."""

import msgspec

from envkit.cli.asked import Asked
from envkit.cli.asking import read_asking
from envkit.cli.checks import check_devices
from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.output import Output
from envkit.cli.reporter import CommandReporter
from envkit.data import load_matrix
from envkit.errors import ExitStatus, UsageError
from envkit.model.host import HostFacts
from envkit.model.request import Mode, Request
from envkit.model.resolution import Resolution, Status
from envkit.model.text import check_text
from envkit.model.value import to_json
from envkit.resolve import override_facts, resolve_request
from envkit.resolve.present import describe_resolution
from envkit.resolve.targets import target_facts
from envkit.settle import Wish, known_availability


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """The machine to resolve for, when it is not this one."""

    host: str | None = None
    target: str | None = None


def show_resolution(
    output: Output, asked: Asked, elsewhere: Elsewhere, *, as_json: bool, check_indexes: bool | None
) -> int:
    """Resolve for this machine, a recorded one or a named target, and print the answer; 3 when there is none."""
    if elsewhere.host is not None and elsewhere.target is not None:
        raise UsageError("`--host` and `--target` both name the machine to resolve for: give one")
    asking = read_asking(asked)
    there = _named_facts(elsewhere) or asking.named_facts()
    here = there is None
    facts = _overridden(live_facts() if there is None else there, asked)
    wished = asking.wish_for(facts)
    wish = wished.wish
    for sentence in wished.notes:
        output.note(sentence)
    check_devices(facts, wish.request)
    if check_indexes if check_indexes is not None else here:
        from envkit.pipeline import resolve_here  # a resolution from files alone needs nothing of it

        with CommandReporter(output, "resolve") as reporter:
            resolution = resolve_here(facts, wish, reporter)
    else:
        resolution = _resolve_from_files(facts, wish)
    output.data(to_json(resolution) if as_json else describe_resolution(resolution, verbose=output.verbose))
    return int(ExitStatus.UNSATISFIABLE if resolution.status is Status.UNSATISFIABLE else ExitStatus.OK)


def _named_facts(elsewhere: Elsewhere) -> HostFacts | None:
    if elsewhere.host is not None:
        return read_host(elsewhere.host)
    return None if elsewhere.target is None else target_facts(elsewhere.target, load_matrix(()))


def _overridden(facts: HostFacts, asked: Asked) -> HostFacts:
    if not asked.facts:
        return facts
    for text in asked.facts:
        check_text(text, "`--fact`")
    return override_facts(facts, asked.facts, load_matrix(()))


def _resolve_from_files(facts: HostFacts, wish: Wish) -> Resolution:
    matrix = load_matrix(tuple(spec.recipe for spec in wish.request.specs))
    there = _where(facts, wish.request)
    return resolve_request(there, wish.request, matrix, known_availability(wish.sources, matrix))


def _where(facts: HostFacts, request: Request) -> HostFacts:
    """Return the facts of the machine on which the environment would be made."""
    usable = (engine.name for engine in facts.engines or () if engine.usable)
    return facts if request.mode is Mode.NATIVE else facts.for_engine(request.engine or next(usable, None))
