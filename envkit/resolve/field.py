"""The options of one spec put to the rules as far as anybody looks: best first, and each at most once."""

from collections.abc import Callable, Iterator

from envkit.resolve.grade import Graded, grade_build, grade_place
from envkit.resolve.options import OptionSource
from envkit.resolve.rank import rank_options
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation


class Field:
    """Graded options in their order; a hundred old releases cost nothing where a new one fits."""

    def __init__(
        self, source: OptionSource, places: tuple[Place, ...], situation: Situation, *, in_range: bool = False
    ) -> None:
        """Take the options of a source; `in_range`: without the releases that the request's range excludes."""
        self._ranked = rank_options(source, situation, in_range=in_range)
        self._places = places
        self._situation = situation
        # Most changes of a problem leave what the rules look at as it is, and with it the grades.
        self._known_builds = source.grades.setdefault(situation.build_facts, {})
        self._known_placed = source.grades.setdefault(situation.place_facts, {})
        self._builds: list[Graded] = []
        self._fitting: list[int] = []  # the numbers of those that no rule about builds refuses
        # By place, what was not yet looked at there; the second is for what rests on no assumption as a build.
        self._waiting = tuple((self._fitting_numbers(), self._firm_numbers()) for _ in places)
        self._found: tuple[tuple[list[Graded], list[Graded]], ...] = tuple(([], []) for _ in places)

    def builds(self) -> Iterator[tuple[int, Graded]]:
        """Yield every option, graded as a build, with its number."""
        number = 0
        while number < len(self._builds) or self._grow():
            yield number, self._builds[number]
            number += 1

    def fits(self, place: int, *, firm: bool = False) -> Iterator[Graded]:
        """Yield what fits a place, graded there; `firm`: without what rests on an assumption already as a build."""
        found = self._found[place][firm]
        position = 0
        while position < len(found) or self._look_further(place, firm=firm):
            yield found[position]
            position += 1

    def at(self, number: int, place: int) -> Graded:
        """Return an option that no rule about builds refuses, graded at a place; both by number."""
        key = (id(self._builds[number].option), place)
        if key not in self._known_placed:
            self._known_placed[key] = grade_place(self._builds[number], self._places[place], self._situation)
        return self._known_placed[key]

    def at_all(self, number: int) -> tuple[Graded, ...]:
        """Return an option graded at every place."""
        return tuple(self.at(number, place) for place in range(len(self._places)))

    @property
    def fits_somewhere(self) -> bool:
        """Whether an option fits any of the places."""
        return any(found or self._look_further(place, firm=False) for place, (found, _) in enumerate(self._found))

    def _look_further(self, place: int, *, firm: bool) -> bool:
        """Find one more option that fits a place; false where there is none."""
        python = self._places[place].python
        for number in self._waiting[place][firm]:
            if python not in self._builds[number].option.build.pythons:
                continue  # as the rule about it says; it is only asked to say so where somebody wants to know
            graded = self.at(number, place)
            if graded.refusal is None:
                self._found[place][firm].append(graded)
                return True
        return False

    def _fitting_numbers(self) -> Iterator[int]:
        """Yield the numbers of the options that no rule about builds refuses."""
        position = 0
        while True:
            while position == len(self._fitting):
                if not self._grow():
                    return
            yield self._fitting[position]
            position += 1

    def _firm_numbers(self) -> Iterator[int]:
        return (number for number in self._fitting_numbers() if not self._builds[number].assumed)

    def _grow(self) -> bool:
        """Grade one more option as a build; false where there is none."""
        entry = next(self._ranked, None)
        if entry is None:
            return False
        key = (id(entry.option), 0)
        build = self._known_builds.get(key)
        if build is None:
            build = self._known_builds[key] = grade_build(entry, self._situation)
        if build.refusal is None:
            self._fitting.append(len(self._builds))
        self._builds.append(build)
        return True


class Fitting:
    """What fits a place, in the order of the options; `wanted` says which of it."""

    def __init__(
        self, field: Field, place: int, wanted: Callable[[Graded], bool] | None = None, *, firm: bool = False
    ) -> None:
        self._field = field
        self._place = place
        self._wanted = wanted
        self._is_firm = firm

    def __iter__(self) -> Iterator[Graded]:
        """Return what fits, graded at the place."""
        return filter(self._wanted, self._field.fits(self._place, firm=self._is_firm))


class Firm(Fitting):
    """What fits a place without any assumption."""

    def __init__(self, field: Field, place: int) -> None:
        super().__init__(field, place, lambda graded: not graded.assumed, firm=True)


class Assumed(Fitting):
    """What fits a place: first what does without an assumption, then the rest."""

    def __init__(self, field: Field, place: int) -> None:
        super().__init__(field, place, lambda graded: graded.assumed)
        self._firm = Firm(field, place)

    def __iter__(self) -> Iterator[Graded]:
        """Yield what fits, graded at the place."""
        yield from self._firm
        yield from super().__iter__()
