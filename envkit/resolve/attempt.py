"""One vendor tried: the best combination over all places, and why nothing better was taken."""

from collections.abc import Callable, Iterator
from functools import partial

from envkit.model.value import Value
from envkit.resolve.agreement import Conflicts
from envkit.resolve.checks.judgement import Gulf, Judgement, failed
from envkit.resolve.checks.place import counts_as_assumption
from envkit.resolve.combine import Combination, Refused, combine_at
from envkit.resolve.field import Assumed, Field, Firm, Fitting
from envkit.resolve.grade import Graded, judge_host
from envkit.resolve.options import Option, OptionSource
from envkit.resolve.problem import Problem, Want
from envkit.resolve.rank import Ranked, rank_options
from envkit.resolve.sites import Place, find_places
from envkit.resolve.situation import Situation, make_situation

APART = "does not go together with what the other recipes of the request can use"


class Attempt(Value):
    """What trying one vendor came to."""

    situation: Situation
    host: tuple[Judgement, ...]
    combination: Combination | None
    refused: tuple[Refused, ...]  # what ranks above the combination, best first; everything where there is none
    fields: tuple[Field, ...] = ()  # the options of each spec; none where the host itself stands in the way

    def refused_by(self, rule: str) -> tuple[Refused, ...]:
        """Return what a rule refused."""
        return tuple(entry for entry in self.refused if entry.judgement.rule == rule)


def attempt_vendor(
    problem: Problem, wants: tuple[Want, ...], options: tuple[OptionSource, ...], vendor: str, conflicts: Conflicts
) -> Attempt:
    """Find the best combination for one vendor; `options` are those of each want, of all vendors."""
    situation = make_situation(problem, wants, vendor)
    host = judge_host(situation)
    places = find_places(problem, vendor)
    barrier = next((judgement for judgement in host if judgement.fails), None)
    if barrier is not None:
        ranked = tuple(rank_options(own, situation) for own in options)
        return Attempt(
            situation=situation, host=host, combination=None, refused=_behind(barrier, ranked, places, problem)
        )
    fields = tuple(Field(own, places, situation) for own in options)
    assumed = any(counts_as_assumption(judgement) for judgement in host)
    best, turned_down = _best(fields, places, situation, conflicts, assumed=assumed)
    fronts = _fronts(fields, best, len(places))
    above: list[Refused] = []
    for spec, field in enumerate(fields):
        others = tuple(front for position, front in enumerate(fronts) if position != spec)
        apart = partial(_apart, others=others, conflicts=conflicts)
        above += _above(field, spec, places, best, problem, apart)
    refused = sorted((*above, *turned_down), key=lambda entry: (entry.key, entry.candidate))
    return Attempt(situation=situation, host=host, combination=best, refused=tuple(refused), fields=fields)


def find_combination(
    problem: Problem, wants: tuple[Want, ...], options: tuple[OptionSource, ...], vendor: str, conflicts: Conflicts
) -> Combination | None:
    """Find what `attempt_vendor` finds, without asking why nothing better was taken."""
    situation = make_situation(problem, wants, vendor)
    host = judge_host(situation)
    if any(judgement.fails for judgement in host):
        return None
    places = find_places(problem, vendor)
    fields = tuple(Field(own, places, situation, in_range=True) for own in options)
    if not all(field.fits_somewhere for field in fields):
        return None
    assumed = any(counts_as_assumption(judgement) for judgement in host)
    return _best(fields, places, situation, conflicts, assumed=assumed)[0]


def _best(
    fields: tuple[Field, ...], places: tuple[Place, ...], situation: Situation, conflicts: Conflicts, *, assumed: bool
) -> tuple[Combination | None, tuple[Refused, ...]]:
    """Return the best combination over all places: of options without assumptions, or of any where there is none."""
    turned_down: dict[str, Refused] = {}
    for kind in (Firm, Assumed):
        best: Combination | None = None
        for position, place in enumerate(places):
            fitting = tuple(kind(field, position) for field in fields)
            # What is assumed goes after what is not, whatever its key: only among the firm does a key end the search.
            limit = best.parts[0].key if best is not None and kind is Firm else None
            result = combine_at(place, fitting, situation, conflicts, assumed=assumed, limit=limit)
            turned_down |= {entry.candidate: entry for entry in result.turned_down}
            if result.combination is not None and (best is None or result.combination.order < best.order):
                best = result.combination
        if best is not None:
            return best, tuple(turned_down.values())
    return None, tuple(turned_down.values())


def _fronts(fields: tuple[Field, ...], best: Combination | None, places: int) -> tuple[Option, ...]:
    """Return for each spec the option that others have to go with: the chosen one, or the best that fits somewhere."""
    if best is not None:
        return tuple(part.option for part in best.parts)
    fitting = (
        next((graded.option for place in range(places) for graded in Fitting(field, place)), None) for field in fields
    )
    found = tuple(option for option in fitting if option is not None)
    return found if len(found) == len(fields) else ()


def _apart(option: Option, *, others: tuple[Option, ...], conflicts: Conflicts) -> Judgement | None:
    """Say with which of the other recipes' options one does not go together; None where there are no others."""
    if not others:
        return None
    known = (conflicts.between(option, other) for other in others)
    reason = next((text for text in known if text is not None), APART)
    gulf = Gulf(seen=reason, needed="packages that go together", group="conflict")
    return failed("package-conflict", reason, gulf)


def _behind(
    barrier: Judgement, ranked: tuple[Iterator[Ranked], ...], places: tuple[Place, ...], problem: Problem
) -> tuple[Refused, ...]:
    entries = sorted((entry for own in ranked for entry in own), key=lambda entry: entry.key)
    return tuple(
        Refused(key=entry.key, candidate=_name(entry.option, places, problem), judgement=barrier) for entry in entries
    )


def _above(
    field: Field,
    spec: int,
    places: tuple[Place, ...],
    best: Combination | None,
    problem: Problem,
    apart: Callable[[Option], Judgement | None],
) -> Iterator[Refused]:
    """Say of every option that ranks above the chosen one of its spec why it was not taken."""
    limit = None if best is None else best.parts[spec].key
    for number, build in field.builds():
        if limit is not None and build.key > limit:
            return
        if build.refusal is not None:
            yield Refused(key=build.key, candidate=_name(build.option, places, problem), judgement=build.refusal)
            continue
        reason = _reason(field.at_all(number), places, best, apart, chosen=build.key == limit)
        if reason is not None:
            judgement, place = reason
            name = build.option.candidate(place) if place else _name(build.option, places, problem)
            yield Refused(key=build.key, candidate=name, judgement=judgement)


def _reason(
    grades: tuple[Graded, ...],
    places: tuple[Place, ...],
    best: Combination | None,
    apart: Callable[[Option], Judgement | None],
    *,
    chosen: bool,
) -> tuple[Judgement, Place | None] | None:
    """Say why an option that no rule about builds refuses was not taken, or, if it was, why not at a better place."""
    if not places:
        gulf = Gulf(seen="no Python", needed="a Python that the wheels are for", group="none")
        return failed("python", "the host has no Python to build the environment with", gulf, facts=("pythons",)), None
    if all(grade.refusal is not None for grade in grades):
        return _farthest(grades, places)
    if best is None:
        return _kept_apart(grades, places, apart) or _farthest(grades, places)
    if chosen:
        return _farthest(grades[: places.index(best.place)], places)
    return _turned_down(grades[places.index(best.place)], best.place, apart)


def _turned_down(
    grade: Graded, place: Place, apart: Callable[[Option], Judgement | None]
) -> tuple[Judgement, Place] | None:
    """Say why an option was not taken at the chosen place."""
    if grade.refusal is not None:
        return grade.refusal, place
    assumption = next((judgement for judgement in grade.judgements if counts_as_assumption(judgement)), None)
    if assumption is not None:
        return assumption, place
    judgement = apart(grade.option)
    return None if judgement is None else (judgement, place)


def _kept_apart(
    grades: tuple[Graded, ...], places: tuple[Place, ...], apart: Callable[[Option], Judgement | None]
) -> tuple[Judgement, Place] | None:
    """Say what keeps an option that fits somewhere from the other recipes' options."""
    grade, place = next((grade, place) for grade, place in zip(grades, places, strict=True) if grade.refusal is None)
    judgement = apart(grade.option)
    return None if judgement is None else (judgement, place)


def _farthest(grades: tuple[Graded, ...], places: tuple[Place, ...]) -> tuple[Judgement, Place] | None:
    """Return the refusal at the place where the most rules were passed, for that is the nearest miss."""
    refusals = [
        (len(grade.judgements), grade.refusal, place)
        for grade, place in zip(grades, places, strict=False)
        if grade.refusal is not None
    ]
    if not refusals:
        return None
    _, refusal, place = max(refusals, key=lambda entry: entry[0])
    return refusal, place


def _name(option: Option, places: tuple[Place, ...], problem: Problem) -> str:
    """Name a candidate at the first place whose Python its wheels are for."""
    fitting = next((place for place in places if place.python in option.build.pythons), None)
    return option.candidate(fitting) if fitting is not None else f"{option.name} {option.build.index} {problem.mode}"
