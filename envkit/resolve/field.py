"""The options of one spec put to the rules as far as anybody looks: best first, and each at most once."""

from collections.abc import Callable, Iterator
from functools import cached_property

from envkit.resolve.grade import Graded, grade_build, grade_place
from envkit.resolve.options import OptionSource
from envkit.resolve.rank import Batch, Ranked, rank_releases
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation

Kind = tuple[int, int]  # the tier of a release's options, and its number among the kinds of the source


class Field:
    """Graded options in their order; a hundred old releases cost nothing where a new one fits.

    Nor do they where none fits: of releases of a kind, the first speaks for all.
    """

    def __init__(
        self, source: OptionSource, places: tuple[Place, ...], situation: Situation, *, in_range: bool = False
    ) -> None:
        """Take the options of a source; `in_range`: without the releases that the request's range excludes."""
        self._ranking = rank_releases(source, situation, in_range=in_range)
        self._kinds = source.kinds(situation.limits, situation.today)
        self._first: dict[Kind, Batch] = {}
        self._hopeless: dict[Kind, bool] = {}
        self._ungraded = self._hopeful()
        self._places = places
        self._situation = situation
        # Most changes of a problem leave what the rules look at as it is, and with it the grades.
        self._known_builds = source.grades.setdefault(situation.build_facts, {})
        self._judged = source.judged.setdefault(situation.build_facts, {})
        self._known_placed = source.grades.setdefault(situation.place_facts, {})
        self._builds: list[Graded] = []  # without those of kinds of which nothing fits
        self._fitting: list[int] = []  # the numbers of those that no rule about builds refuses
        # By place, what was not yet looked at there; the second is for what rests on no assumption as a build.
        self._waiting = tuple((self._fitting_numbers(), self._firm_numbers()) for _ in places)
        self._found: tuple[tuple[list[Graded], list[Graded]], ...] = tuple(([], []) for _ in places)

    def releases(self) -> Iterator[Batch]:
        """Yield the options of every release."""
        return iter(self._ranking)

    def speaking(self) -> Iterator[Graded]:
        """Yield the options of the first release of each kind, graded as builds."""
        for batch in self._ranking.speaking(self._kinds):
            yield from self.graded(batch)

    def kind(self, batch: Batch) -> Kind | None:
        """Return the kind of a release; None: it stands for itself."""
        number = self._kinds[batch.rank]
        return None if number is None else (batch.tier, number)

    def graded(self, batch: Batch) -> tuple[Graded, ...]:
        """Return the options of a release, graded as builds."""
        return tuple(self._grade(entry) for entry in batch.entries)

    def fits(self, place: int, *, firm: bool = False) -> Iterator[Graded]:
        """Yield what fits a place, graded there; `firm`: without what rests on an assumption already as a build."""
        found = self._found[place][firm]
        position = 0
        while position < len(found) or self._look_further(place, firm=firm):
            yield found[position]
            position += 1

    def at(self, build: Graded, place: int) -> Graded:
        """Return an option that no rule about builds refuses, graded at a place by its number."""
        key = (id(build.option), place)
        if key not in self._known_placed:
            self._known_placed[key] = grade_place(build, self._places[place], self._situation)
        return self._known_placed[key]

    def at_all(self, build: Graded) -> tuple[Graded, ...]:
        """Return an option graded at every place."""
        return tuple(self.at(build, place) for place in range(len(self._places)))

    @cached_property
    def fits_somewhere(self) -> bool:
        """Whether an option fits any of the places."""
        return any(self._fits(build) for build in self.speaking())

    @cached_property
    def fits_firmly(self) -> bool:
        """Whether an option fits any of the places without an assumption."""
        return any(not build.assumed and self._fits(build, firm=True) for build in self.speaking())

    def is_hopeless(self, kind: Kind) -> bool:
        """Tell whether no option of a kind that was met fits any of the places."""
        if kind not in self._hopeless:
            self._hopeless[kind] = not any(self._fits(build) for build in self.graded(self._first[kind]))
        return self._hopeless[kind]

    def _fits(self, build: Graded, *, firm: bool = False) -> bool:
        if build.refusal is not None:
            return False
        pythons = build.option.build.pythons
        open_places = (number for number, place in enumerate(self._places) if place.python in pythons)
        graded = (self.at(build, number) for number in open_places)
        return any(grade.refusal is None and not (firm and grade.assumed) for grade in graded)

    def _look_further(self, place: int, *, firm: bool) -> bool:
        """Find one more option that fits a place; false where there is none."""
        python = self._places[place].python
        for number in self._waiting[place][firm]:
            if python not in self._builds[number].option.build.pythons:
                continue  # as the rule about it says; it is only asked to say so where somebody wants to know
            graded = self.at(self._builds[number], place)
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
        entry = next(self._ungraded, None)
        if entry is None:
            return False
        build = self._grade(entry)
        if build.refusal is None:
            self._fitting.append(len(self._builds))
        self._builds.append(build)
        return True

    def _grade(self, entry: Ranked) -> Graded:
        key = (id(entry.option), 0)
        build = self._known_builds.get(key)
        if build is None:
            build = self._known_builds[key] = grade_build(entry, self._situation, self._judged)
        return build

    def _hopeful(self) -> Iterator[Ranked]:
        """Yield the options without those of a kind of which the first release has none that fits."""
        for batch in self._ranking:
            kind = self.kind(batch)
            if kind is None or self._first.setdefault(kind, batch) is batch or not self.is_hopeless(kind):
                yield from batch.entries


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

    def __iter__(self) -> Iterator[Graded]:
        """Return what fits, graded at the place; it is not looked for where there is none at any place."""
        return super().__iter__() if self._field.fits_firmly else iter(())


class Assumed(Fitting):
    """What fits a place: first what does without an assumption, then the rest."""

    def __init__(self, field: Field, place: int) -> None:
        super().__init__(field, place, lambda graded: graded.assumed)
        self._firm = Firm(field, place)

    def __iter__(self) -> Iterator[Graded]:
        """Yield what fits, graded at the place."""
        yield from self._firm
        yield from super().__iter__()
