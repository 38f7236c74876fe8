"""One option for each spec at one place: the best combination whose packages go together."""

from collections.abc import Iterable, Iterator

from envkit.model.value import Value
from envkit.resolve.agreement import Conflicts
from envkit.resolve.checks.judgement import Judgement
from envkit.resolve.checks.source import refused
from envkit.resolve.grade import Graded
from envkit.resolve.rank import Key
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation


class Combination(Value):
    """One option for each spec, in the order of the request, at one place."""

    parts: tuple[Graded, ...]
    place: Place
    assumed: bool  # something is assumed, for the host or for an option

    @property
    def candidate(self) -> str:
        """The stable id of the combination."""
        return "; ".join(part.option.candidate(self.place) for part in self.parts)

    @property
    def order(self) -> tuple[bool, tuple[tuple[bool, Key], ...], tuple[int, ...], str]:
        """The sort key of combinations; see `rank`."""
        keys = tuple((part.assumed, part.key) for part in self.parts)
        return (self.assumed, keys, self.place.rank, self.place.image or "")


class Refused(Value):
    """A candidate with the judgement that refused it, and its place in the order."""

    key: Key
    candidate: str
    judgement: Judgement
    count: int = 1  # of candidates, this one and those after it, for which the same holds


class Combined(Value):
    """What combining came to at one place."""

    combination: Combination | None
    turned_down: tuple[Refused, ...]  # combinations that a later stage could not lock


def combine_at(
    place: Place,
    fields: tuple[Iterable[Graded], ...],
    situation: Situation,
    conflicts: Conflicts,
    *,
    assumed: bool,
    limit: Key | None,
) -> Combined:
    """Return the best combination of the options that fit a place.

    `assumed`: the host rests on assumptions; `limit`: the key of the first option above which nothing is wanted.
    """
    turned_down: dict[str, Refused] = {}
    for parts in _compatible(fields, (), conflicts, limit):
        combination = Combination(parts=parts, place=place, assumed=assumed or any(part.assumed for part in parts))
        judgement = refused(combination.candidate, situation)
        if judgement is None:
            return Combined(combination=combination, turned_down=tuple(turned_down.values()))
        name = combination.candidate
        turned_down[name] = Refused(key=parts[0].key, candidate=name, judgement=judgement)
    return Combined(combination=None, turned_down=tuple(turned_down.values()))


def _compatible(
    fields: tuple[Iterable[Graded], ...], chosen: tuple[Graded, ...], conflicts: Conflicts, limit: Key | None
) -> Iterator[tuple[Graded, ...]]:
    """Yield combinations best first; an option that does not agree with those already chosen is passed over."""
    if len(chosen) == len(fields):
        yield chosen
        return
    for entry in fields[len(chosen)]:
        if limit is not None and not chosen and entry.key > limit:
            return
        apart = any(conflicts.between(part.option, entry.option) is not None for part in chosen)
        if not apart and _may_be_completed(entry, fields[len(chosen) + 1 :], conflicts):
            yield from _compatible(fields, (*chosen, entry), conflicts, limit)


def _may_be_completed(entry: Graded, further: tuple[Iterable[Graded], ...], conflicts: Conflicts) -> bool:
    """Tell whether every further spec has an option that goes with this one; without, a search has no end in sight."""
    return all(any(conflicts.between(entry.option, other.option) is None for other in field) for field in further)
