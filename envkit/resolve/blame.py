"""Which facts make a request impossible: those that stand in the way of the nearest solvable problem's solution."""

from msgspec.structs import replace

from envkit.model.resolution import Blame
from envkit.model.version import VendorVersion
from envkit.resolve.attempt import Attempt
from envkit.resolve.changes import AGREE
from envkit.resolve.checks.broken import RULE as BROKEN_RULE
from envkit.resolve.checks.judgement import Judgement
from envkit.resolve.checks.windows import WINDOW_RULE
from envkit.resolve.grade import judge_fully
from envkit.resolve.options import Option, OptionPool
from envkit.resolve.problem import Problem
from envkit.resolve.sites import find_places
from envkit.resolve.situation import Situation
from envkit.resolve.trial import Trial, least_driver

_FACTS = {
    "amd-driver-window": "driver",
    "container-reach": "platform",
    "image-architecture": "device-architecture",
    "runtime-driver": "driver",
    "toolkit": "runtime",
    "vendor-image": "platform",
    "base-image": "index",
    "container-admission": "driver",
    "companion-index": "package-conflict",
    "constraint": "package-conflict",
    "cpu-architecture": "cpu-architecture",
    "cpu-level": "cpu-level",
    "denied": "framework",
    "device": "platform",
    "device-architecture": "device-architecture",
    "device-visibility": "platform",
    "driver-exact": "driver",
    "driver-floor": "driver",
    "driver-generation": "driver",
    "extras": "framework",
    "index-availability": "index",
    "libc": "glibc",
    "only-index": "index",
    "operating-system": "platform",
    "package-conflict": "package-conflict",
    "python": "python",
    "python-request": "python",
    "release-age": "framework",
    "request-range": "framework",
    "vendor": "framework",
    "yanked": "framework",
}
_REQUEST_RULES = frozenset({"python-request", "request-range", "release-age", "extras", "only-index"})


def find_blame(attempt: Attempt, trials: tuple[Trial, ...], pool: OptionPool) -> tuple[Blame, ...]:
    """Return the facts of the smallest sets that stand in the way, cheapest change first.

    The solution of each trial is judged by the facts as they are: what refuses it is what the change had to remove.
    What a user can change on the machine or in its settings is blamed before what cannot be changed, the device or the
    processor, and the request itself last. Where no change helps, the refusal of the best candidate is blamed.
    """
    judged = [(trial, failures) for trial in trials if (failures := failures_of(trial, attempt.situation))]
    if not judged:
        # A recipe without builds for the vendor decides, whatever else is refused of the others; then what only an
        # image has and nothing else speaks against.
        decisive = next((found for rule in ("vendor", "vendor-image") if (found := attempt.refused_by(rule))), ())
        decisive = decisive or attempt.refused
        judgements = [entry.judgement for entry in decisive[:1]]
        return tuple(_blame(judgement, attempt.situation) for judgement in judgements)
    best = min(_bearing(trial, failures) for trial, failures in judged)
    grouped = [_by_fact(failures) for trial, failures in judged if _bearing(trial, failures) == best]
    smallest = min(map(len, grouped))
    blames: dict[str, Blame] = {}
    for by_fact in grouped:
        if len(by_fact) == smallest:
            for fact, judgements in by_fact.items():
                blames.setdefault(fact, _joined(judgements, attempt.situation, pool))
    return tuple(blames.values())


def _bearing(trial: Trial, failures: tuple[Judgement, ...]) -> int:
    if any(judgement.rule in _REQUEST_RULES for judgement in failures):
        return 2
    return 0 if trial.offered else 1


def _by_fact(failures: tuple[Judgement, ...]) -> dict[str, list[Judgement]]:
    by_fact: dict[str, list[Judgement]] = {}
    for judgement in failures:
        by_fact.setdefault(_fact(judgement), []).append(judgement)
    return by_fact


def _joined(judgements: list[Judgement], situation: Situation, pool: OptionPool) -> Blame:
    """Blame a fact once: the first rule speaks for it, but all that is needed of a driver is."""
    first = judgements[0]
    if _fact(first) == "driver":
        return _driver_blame(judgements, situation, pool)
    own = tuple(judgement.needed for judgement in judgements if judgement.rule == first.rule)
    return replace(_blame(first, situation), needed=strictest(own))


def _driver_blame(judgements: list[Judgement], situation: Situation, pool: OptionPool) -> Blame:
    ordered = sorted(judgements, key=lambda judgement: judgement.rule == "kernel-module")
    needed = strictest(tuple(judgement.needed for judgement in ordered))
    number, joint, rest = needed.partition(" and ")
    if number.startswith(">=") and "," not in number:
        # What was judged is the solution for the newest driver; an older one may be enough for another.
        least = least_driver(situation.problem, situation.vendor_name, pool)
        needed = needed if least is None else f">={least}{joint}{rest}"
    seen = " and ".join(dict.fromkeys(judgement.seen for judgement in ordered))
    return replace(_blame(ordered[0], situation), seen=seen, needed=needed)


def strictest(needs: tuple[str, ...]) -> str:
    """Join what is needed, of several lower ends only the highest: `>=580.65.06` of that and `>=455`."""
    simple = [need for need in needs if need.startswith(">=") and "," not in need]
    highest = max(simple, key=lambda need: VendorVersion(need.removeprefix(">=")), default=None)
    others = [need for need in needs if need not in simple]
    return " and ".join(dict.fromkeys(need for need in (highest, *others) if need is not None))


def failures_of(trial: Trial, situation: Situation) -> tuple[Judgement, ...]:
    """Return what refuses a trial's solution under the facts as they are."""
    if trial.kinds == (AGREE,):
        return ()
    places = find_places(situation.problem, situation.vendor_name)
    wanted = trial.combination.place
    same = [place for place in places if place.python == wanted.python]
    place = (*same, *places, wanted)[0]
    found: dict[tuple[str, str], Judgement] = {}
    for part in trial.combination.parts:
        option = _as_wanted(part.option, situation)
        for judgement in judge_fully(option, place, situation):
            if judgement.fails:
                found.setdefault((judgement.rule, judgement.seen), judgement)
    return tuple(found.values())


def _as_wanted(option: Option, situation: Situation) -> Option:
    want = next((want for want in situation.wants if want.position == option.want.position), option.want)
    return replace(option, want=want)


def _fact(judgement: Judgement) -> str:
    if judgement.rule == "kernel-module":
        return "device-architecture" if judgement.group == "mixed" else "driver"
    if judgement.rule == WINDOW_RULE:
        return judgement.group.partition(" ")[0]
    if judgement.rule == BROKEN_RULE:
        return "device-architecture" if judgement.group.startswith("device ") else "framework"
    return _FACTS[judgement.rule]


def _blame(judgement: Judgement, situation: Situation) -> Blame:
    return Blame(
        fact=_fact(judgement),
        seen=judgement.seen,
        needed=judgement.needed,
        source=_where_read(judgement, situation.problem),
    )


def _where_read(judgement: Judgement, problem: Problem) -> str:
    """Return where the host fact behind a refusal was read, else the fact's own path, else the request or index."""
    if judgement.rule in _REQUEST_RULES:
        return "the request"
    for fact in judgement.check.facts:
        for evidence in problem.facts.evidence:
            if evidence.fact in _spellings(fact, problem):
                return evidence.source
    sources = (*judgement.check.facts, *judgement.check.sources)
    return sources[0] if sources else "index"


def _spellings(fact: str, problem: Problem) -> tuple[str, ...]:
    """Return the ways to write a fact's path: stacks by vendor name, as overrides do, or by position."""
    parts = fact.split(".")
    if parts[0] != "stacks" or len(parts) < 2:  # noqa: PLR2004, a path of one part has no vendor
        return (fact,)
    positions = [str(place) for place, stack in enumerate(problem.facts.stacks or ()) if stack.vendor == parts[1]]
    return (fact, *(f"stacks[{place}].{'.'.join(parts[2:])}" for place in positions))
