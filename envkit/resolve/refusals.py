"""Why no better option of a spec was taken: of every option above the chosen one, and of all where there is none."""

from collections.abc import Callable

from msgspec.structs import replace

from envkit.model.value import Value
from envkit.resolve.checks.judgement import Gulf, Judgement, failed
from envkit.resolve.checks.place import counts_as_assumption
from envkit.resolve.combine import Combination, Refused
from envkit.resolve.field import Field, Kind
from envkit.resolve.grade import Graded
from envkit.resolve.options import Option
from envkit.resolve.problem import Problem
from envkit.resolve.rank import Batch, Key
from envkit.resolve.sites import Place

# What they say is grouped by release, or is about two versions: other releases of a kind have reasons of their own.
_BY_RELEASE = frozenset({"release-age", "yanked", "package-conflict"})
Reason = tuple[Judgement, Place | None]


class Outcome(Value):
    """What was chosen, for one of the specs."""

    problem: Problem
    places: tuple[Place, ...]
    best: Combination | None
    spec: int
    apart: Callable[[Option], Judgement] | None  # says what keeps an option from the other specs'; None: nothing does

    @property
    def limit(self) -> Key | None:
        """The key of the chosen option."""
        return None if self.best is None else self.best.parts[self.spec].key


class _Told:
    """What was said of the options of one release, and how many releases it holds for."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.refused: list[Refused] = []
        self.releases = 1


def explain_refusals(field: Field, outcome: Outcome) -> tuple[Refused, ...]:
    """Say of every option that ranks above the chosen one of its spec why it was not taken; once for all of a kind."""
    told: list[_Told] = []
    speaking: dict[Kind, _Told] = {}
    for batch in field.releases():
        kind = field.kind(batch)
        known = None if kind is None else speaking.get(kind)
        if known is not None and _is_above(batch, known.batch, outcome.limit):
            known.releases += 1
            continue
        found = _Told(batch)
        told.append(found)
        holds_for_all, ended = _tell(found, field, outcome)
        if ended:
            break
        if kind is not None and holds_for_all:
            speaking[kind] = found
    return tuple(entry for each in told for entry in _counted(each))


def _is_above(batch: Batch, alike: Batch, limit: Key | None) -> bool:
    """Tell whether all options of a release rank above the chosen one, by those of another of its kind."""
    if limit is None or not alike.entries:
        return True
    last = alike.entries[-1].key
    return (last[0], batch.rank, *last[2:]) <= limit


def _tell(found: _Told, field: Field, outcome: Outcome) -> tuple[bool, bool]:
    """Say why each option of a release was not taken; tell if that holds for all of its kind, and if it is the last."""
    limit, holds_for_all = outcome.limit, True
    for build in field.graded(found.batch):
        if limit is not None and build.key > limit:
            return False, True
        grades = () if build.refusal is not None else field.at_all(build)
        reason = _reason(build, grades, outcome)
        if reason is not None:
            judgement, place = reason
            name = (
                build.option.candidate(place)
                if place
                else name_somewhere(build.option, outcome.places, outcome.problem)
            )
            found.refused.append(Refused(key=build.key, candidate=name, judgement=judgement))
            holds_for_all = holds_for_all and judgement.rule not in _BY_RELEASE
        fits = build.refusal is None and any(grade.refusal is None for grade in grades)
        holds_for_all = holds_for_all and not (fits and (outcome.best is not None or outcome.apart is not None))
    return holds_for_all, False


def _counted(told: _Told) -> list[Refused]:
    return told.refused if told.releases == 1 else [replace(entry, count=told.releases) for entry in told.refused]


def _reason(build: Graded, grades: tuple[Graded, ...], outcome: Outcome) -> Reason | None:
    """Say why an option was not taken, or, if it was, why not at a better place."""
    if build.refusal is not None:
        return build.refusal, None
    places, best = outcome.places, outcome.best
    if not places:
        gulf = Gulf(seen="no Python", needed="a Python that the wheels are for", group="none")
        return failed("python", "the host has no Python to build the environment with", gulf, facts=("pythons",)), None
    if all(grade.refusal is not None for grade in grades):
        return _farthest(grades, places)
    if best is None:
        return _kept_apart(grades, outcome) or _farthest(grades, places)
    if build.key == outcome.limit:
        only_place = build.option.build.image is not None  # there are no better ones
        return _farthest(() if only_place else grades[: places.index(best.place)], places)
    return _turned_down(grades[places.index(best.place)], best.place, outcome)


def _turned_down(grade: Graded, place: Place, outcome: Outcome) -> Reason | None:
    """Say why an option was not taken at the chosen place."""
    if grade.refusal is not None:
        return grade.refusal, place
    assumption = next((judgement for judgement in grade.judgements if counts_as_assumption(judgement)), None)
    if assumption is not None:
        return assumption, place
    return None if outcome.apart is None else (outcome.apart(grade.option), place)


def _kept_apart(grades: tuple[Graded, ...], outcome: Outcome) -> Reason | None:
    """Say what keeps an option that fits somewhere from the other recipes' options."""
    if outcome.apart is None:
        return None
    rows = zip(grades, outcome.places, strict=True)
    grade, place = next((grade, place) for grade, place in rows if grade.refusal is None)
    return outcome.apart(grade.option), place


def _farthest(grades: tuple[Graded, ...], places: tuple[Place, ...]) -> Reason | None:
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


def name_somewhere(option: Option, places: tuple[Place, ...], problem: Problem) -> str:
    """Name a candidate at the first place whose Python its wheels are for."""
    fitting = next((place for place in places if place.python in option.build.pythons), None)
    return option.candidate(fitting) if fitting is not None else f"{option.name} {option.build.index} {problem.mode}"
