"""One vendor tried: the best combination over all places, and why nothing better was taken."""

from collections import Counter
from functools import partial

from envkit.model.value import Value
from envkit.resolve.agreement import Conflicts
from envkit.resolve.checks.judgement import Gulf, Judgement, failed
from envkit.resolve.checks.place import counts_as_assumption
from envkit.resolve.combine import Combination, Refused, combine_at
from envkit.resolve.field import Assumed, Field, Firm, Fitting
from envkit.resolve.grade import judge_host
from envkit.resolve.options import Option, OptionSource
from envkit.resolve.problem import Problem, Want
from envkit.resolve.rank import rank_releases
from envkit.resolve.refusals import Outcome, explain_refusals, name_somewhere
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
        behind = _behind(barrier, options, places, situation)
        return Attempt(situation=situation, host=host, combination=None, refused=behind)
    fields = tuple(Field(own, places, situation) for own in options)
    assumed = any(counts_as_assumption(judgement) for judgement in host)
    best: Combination | None = None
    turned_down: tuple[Refused, ...] = ()
    if all(field.fits_somewhere for field in fields):
        best, turned_down = _best(fields, places, situation, conflicts, assumed=assumed)
    fronts = _fronts(fields, best, len(places))
    above: list[Refused] = []
    for spec, field in enumerate(fields):
        others = tuple(front for position, front in enumerate(fronts) if position != spec)
        apart = partial(_apart, others=others, conflicts=conflicts) if others else None
        outcome = Outcome(problem=problem, places=places, best=best, spec=spec, apart=apart)
        above += explain_refusals(field, outcome)
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
    for kind in (Firm, Assumed) if all(field.fits_firmly for field in fields) else (Assumed,):
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


def _apart(option: Option, *, others: tuple[Option, ...], conflicts: Conflicts) -> Judgement:
    """Say with which of the other recipes' options one does not go together."""
    known = (conflicts.between(option, other) for other in others)
    reason = next((text for text in known if text is not None), APART)
    gulf = Gulf(seen=reason, needed="packages that go together", group="conflict")
    return failed("package-conflict", reason, gulf)


def _behind(
    barrier: Judgement, options: tuple[OptionSource, ...], places: tuple[Place, ...], situation: Situation
) -> tuple[Refused, ...]:
    refused: list[Refused] = []
    for source in options:
        ranking, kinds = rank_releases(source, situation), source.kinds(situation.limits, situation.today)
        counts = Counter((batch.tier, kinds[batch.rank]) for batch in ranking)
        for batch in ranking.speaking(kinds):
            kind = kinds[batch.rank]
            count = 1 if kind is None else counts[batch.tier, kind]
            for entry in batch.entries:
                name = name_somewhere(entry.option, places, situation.problem)
                refused.append(Refused(key=entry.key, candidate=name, judgement=barrier, count=count))
    return tuple(sorted(refused, key=lambda entry: entry.key))
