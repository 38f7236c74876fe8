"""Why something else was not chosen: every build that somebody asks about, put to the rules at every place."""

from envkit.model.request import Doubt
from envkit.model.reserved import CPU
from envkit.model.resolution import Objection, WhyNot
from envkit.model.value import Value
from envkit.resolve.agreement import find_conflict
from envkit.resolve.answer import Answer
from envkit.resolve.attempt import APART
from envkit.resolve.checks.judgement import Judgement
from envkit.resolve.checks.place import counts_as_assumption
from envkit.resolve.checks.source import refused
from envkit.resolve.combine import Combination
from envkit.resolve.grade import Graded, grade_build, grade_place, judge_host
from envkit.resolve.options import Option
from envkit.resolve.problem import Want
from envkit.resolve.rank import Ranked, rank_options
from envkit.resolve.sites import Place, find_places
from envkit.resolve.situation import Situation, make_situation
from envkit.resolve.versions import within
from envkit.resolve.wheelhouse import UNKNOWN_VENDOR


class _Case(Value):
    """One build at one place, or at no place in particular where it is refused everywhere."""

    option: Option
    place: Place | None
    situation: Situation
    graded: Graded
    refusal: Judgement | None


def explain_doubt(answer: Answer) -> WhyNot | None:
    """Return why the builds that the request asks about were not chosen, best first; None where it asks about none."""
    doubt = answer.problem.request.why_not
    if doubt is None:
        return None
    want = next(want for want in answer.wants if doubt.spec.recipe in {want.recipe.name, *want.recipe.aliases})
    meant = tuple(option for option in answer.options[want.position] if _is_meant(option, doubt))
    cases = [case for vendor in _vendors(meant, answer) for case in _cases(meant, want, vendor, answer)]
    if not cases:
        text = f"the matrix has no {doubt} for {answer.problem.cpu_architecture}; {_known(want, answer)}"
        return WhyNot(asked=str(doubt), text=text)
    objections = _grouped([_objection(case, answer) for case in cases])
    return WhyNot(asked=str(doubt), text=_summary(doubt, objections), objections=objections)


def _is_meant(option: Option, doubt: Doubt) -> bool:
    build = option.build
    return within(doubt.spec.range, build.release) and doubt.variant in {None, build.variant}


def _vendors(meant: tuple[Option, ...], answer: Answer) -> tuple[str, ...]:
    """Return whose builds are asked about: those of the answer and of what failed before it, or else all others."""
    own = answer.attempt.situation.vendor_name
    tried = (own, *(attempt.situation.vendor_name for attempt in answer.failed))
    named = {own if option.build.vendor == UNKNOWN_VENDOR else option.build.vendor for option in meant}
    return tuple(vendor for vendor in tried if vendor in named) or tuple(sorted(named))


def _cases(meant: tuple[Option, ...], want: Want, vendor: str, answer: Answer) -> list[_Case]:
    own = answer.attempt.situation
    situation = own if vendor == own.vendor_name else make_situation(answer.problem, answer.wants, vendor)
    asked = [
        entry
        for entry in rank_options(answer.options[want.position], situation)
        if any(entry.option is option for option in meant) and entry.option.build.vendor in {vendor, UNKNOWN_VENDOR}
    ]
    return [case for entry in asked for case in _at_places(entry, situation)]


def _at_places(entry: Ranked, situation: Situation) -> list[_Case]:
    build = grade_build(entry, situation)
    barrier = next((judgement for judgement in judge_host(situation) if judgement.fails), build.refusal)
    places = find_places(situation.problem, situation.vendor_name)
    if barrier is not None or not places:
        return [_Case(option=entry.option, place=None, situation=situation, graded=build, refusal=barrier)]
    return [_at(build, place, situation) for place in places]


def _at(build: Graded, place: Place, situation: Situation) -> _Case:
    graded = grade_place(build, place, situation)
    refusal = graded.refusal or refused(graded.option.candidate(place), situation)
    return _Case(option=graded.option, place=place, situation=situation, graded=graded, refusal=refusal)


def _objection(case: _Case, answer: Answer) -> Objection:
    option, place = case.option, case.place
    name = option.candidate(place) if place is not None else f"{option.name} {option.build.index}"
    if case.refusal is not None or place is None:
        check = None if case.refusal is None else case.refusal.check
        return Objection(
            candidate=name,
            outcome="refused",
            reason="there is no Python to make an environment with" if check is None else check.reason,
            rule="python" if check is None else check.rule,
            sources=() if check is None else check.sources,
        )
    combination = answer.attempt.combination
    if combination is None:
        return Objection(candidate=name, outcome="refused", rule="package-conflict", reason=_ALONE)
    chosen = combination.parts[option.want.position]
    if place == combination.place and case.graded.key == chosen.key and _same_vendor(case, answer):
        return Objection(candidate=name, outcome="chosen", reason="this is what was chosen")
    return Objection(candidate=name, outcome="outranked", reason=_rank_reason(case, place, combination, answer))


_ALONE = "fits by itself, but nothing can be made of it and the other recipes of the request"
_ORDER = (
    "a build for the devices goes first",
    "{chosen} is newer than {option}",
    "the runtime of {chosen} is the driver's own or older, that of {option} is newer",
    "the runtime of {chosen} is newer than that of {option}",
    "builds from index `{chosen_index}` go before those from `{index}`",
    "{chosen} comes first by name",
)


def _same_vendor(case: _Case, answer: Answer) -> bool:
    return case.situation.vendor_name == answer.attempt.situation.vendor_name


def _rank_reason(case: _Case, place: Place, combination: Combination, answer: Answer) -> str:
    """Say what decides between a possible candidate and the chosen one, in the documented order."""
    used = answer.attempt.situation
    if not _same_vendor(case, answer):
        whose = "the processor" if used.vendor_name == CPU else used.title
        return f"the environment is made for {whose}; `--on {case.situation.vendor_name}` asks for this one"
    chosen = combination.parts[case.option.want.position]
    if case.graded.assumed and not combination.assumed:
        assumed = next(entry for entry in case.graded.judgements if counts_as_assumption(entry))
        return f"it rests on an assumption: {assumed.check.reason}"
    if case.graded.key < chosen.key:
        alone = len(combination.parts) == 1
        return f"{chosen.option.name} rests on fewer assumptions" if alone else _conflict(case.option, combination)
    names = {
        "chosen": chosen.option.name,
        "option": case.option.name,
        "chosen_index": chosen.option.build.index,
        "index": case.option.build.index,
    }
    for words, mine, theirs in zip(_ORDER, case.graded.key, chosen.key, strict=True):
        if mine != theirs:
            return words.format(**names)
    if place.python != combination.place.python:
        return f"Python {combination.place.python} is preferred to {place.python}"
    return f"{combination.place.image} comes before {place.image} by name"


def _conflict(option: Option, combination: Combination) -> str:
    others = (part.option for part in combination.parts if part.option.want.position != option.want.position)
    return next((text for other in others if (text := find_conflict(option, other)) is not None), APART)


def _grouped(objections: list[Objection]) -> tuple[Objection, ...]:
    """Join what one reason holds for; what is possible goes before what is refused."""
    groups: dict[tuple[str, str | None, str], list[Objection]] = {}
    for entry in objections:
        groups.setdefault((entry.outcome, entry.rule, entry.reason), []).append(entry)
    outcomes = ("chosen", "outranked", "refused")
    joined = [
        Objection(
            candidate=entries[0].candidate,
            outcome=entries[0].outcome,
            reason=entries[0].reason,
            rule=entries[0].rule,
            sources=entries[0].sources,
            count=len(entries),
        )
        for entries in groups.values()
    ]
    return tuple(sorted(joined, key=lambda entry: outcomes.index(entry.outcome)))


def _summary(doubt: Doubt, objections: tuple[Objection, ...]) -> str:
    first = objections[0]
    match first.outcome:
        case "chosen":
            return f"{doubt} is what was chosen: {first.candidate}"
        case "outranked":
            return f"{doubt} is possible as {first.candidate}, but {first.reason}"
        case "refused":
            return f"{doubt} is refused by {first.rule}: {first.reason}"


def _known(want: Want, answer: Answer) -> str:
    options = answer.options[want.position]
    variants = sorted({option.build.variant for option in options})
    releases = [release.version for release in want.recipe.releases]
    return f"it knows releases {releases[-1]} to {releases[0]}, and variants {', '.join(variants)}"
