"""The options of one spec put to the rules as far as anybody looks: best first, and each at most once."""

from collections.abc import Callable, Iterator

from envkit.resolve.grade import Graded, grade_build, grade_place
from envkit.resolve.rank import Ranked
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation


class Field:
    """Graded options in their order; a hundred old releases cost nothing where a new one fits."""

    def __init__(self, ranked: Iterator[Ranked], places: tuple[Place, ...], situation: Situation) -> None:
        self._ranked = ranked
        self._places = places
        self._situation = situation
        self._builds: list[Graded] = []
        self._placed: dict[tuple[int, int], Graded] = {}

    def builds(self) -> Iterator[tuple[int, Graded]]:
        """Yield every option, graded as a build, with its number."""
        number = 0
        while True:
            if number == len(self._builds):
                entry = next(self._ranked, None)
                if entry is None:
                    return
                self._builds.append(grade_build(entry, self._situation))
            yield number, self._builds[number]
            number += 1

    def at(self, number: int, place: int) -> Graded:
        """Return an option that no rule about builds refuses, graded at a place; both by number."""
        key = (number, place)
        if key not in self._placed:
            self._placed[key] = grade_place(self._builds[number], self._places[place], self._situation)
        return self._placed[key]

    def at_all(self, number: int) -> tuple[Graded, ...]:
        """Return an option graded at every place."""
        return tuple(self.at(number, place) for place in range(len(self._places)))


class Fitting:
    """What fits a place, in the order of the options; `wanted` says which of it."""

    def __init__(self, field: Field, place: int, wanted: Callable[[Graded], bool] = lambda _: True) -> None:
        self._field = field
        self._place = place
        self._wanted = wanted

    def __iter__(self) -> Iterator[Graded]:
        """Yield what fits, graded at the place."""
        for number, build in self._field.builds():
            if build.refusal is None:
                graded = self._field.at(number, self._place)
                if graded.refusal is None and self._wanted(graded):
                    yield graded


class Firm(Fitting):
    """What fits a place without any assumption."""

    def __init__(self, field: Field, place: int) -> None:
        super().__init__(field, place, lambda graded: not graded.assumed)


class Assumed(Fitting):
    """What fits a place: first what does without an assumption, then the rest."""

    def __init__(self, field: Field, place: int) -> None:
        super().__init__(field, place, lambda graded: graded.assumed)
        self._firm = Firm(field, place)

    def __iter__(self) -> Iterator[Graded]:
        """Yield what fits, graded at the place."""
        yield from self._firm
        yield from super().__iter__()
