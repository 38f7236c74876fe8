"""What stands in the way of each option, so that only changes that can remove all of it are solved again.

Nothing is decided here: a change that passes may still not help. One that does not pass leaves every option of some
spec refused by a rule that it does not reach, or makes no option possible that was not possible before.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final, NamedTuple

from envkit.resolve.attempt import Attempt
from envkit.resolve.checks import BUILD_RULES, HOST_RULES, PLACE_RULES
from envkit.resolve.checks.inputs import DEVICE_FIELDS, DEVICES, MODE, OPEN_MODE, PLACES, RULES
from envkit.resolve.checks.judgement import Judgement
from envkit.resolve.devices import accelerators
from envkit.resolve.field import Field
from envkit.resolve.options import Option, OptionSource
from envkit.resolve.problem import Problem
from envkit.resolve.rank import rank_releases
from envkit.resolve.sites import Place, find_places
from envkit.resolve.situation import Situation
from envkit.resolve.spec import named_package

# Sets of rules are the bits of a number, in this order; one more is for which places there are.
_ORDER: Final = tuple(rule.__name__ for rule in (*HOST_RULES, *BUILD_RULES, *PLACE_RULES))
_BITS: Final = {name: 1 << position for position, name in enumerate(_ORDER)}
_BUILD_BITS: Final = tuple(_BITS[rule.__name__] for rule in BUILD_RULES)
_PLACE_BITS: Final = tuple(_BITS[rule.__name__] for rule in PLACE_RULES)
_PLACES: Final = 1 << len(_ORDER)
_EVERYTHING: Final = (_PLACES << 1) - 1
# On these it depends which options there are, or which combinations were turned down: no rule tells.
_UNTOLD: Final = frozenset({"availability.index_urls", "availability.refusals", "availability.wheels"})


class _Candidate(NamedTuple):
    """An option, alone or at a place, and how many of the rules about the one or the other it was put to."""

    option: Option
    place: Place | None
    asked: int


class _Refusals:
    """The options of one spec by the rules that are known to refuse them."""

    def __init__(self, entries: Iterable[tuple[int, _Candidate]], situation: Situation) -> None:
        self._situation = situation
        self._waiting: dict[int, list[_Candidate]] = {}
        self._settled: set[int] = set()  # all that refuses some option at some place
        for refusing, candidate in reversed(tuple(entries)):  # the best is taken first, from the end
            self._wait(refusing, candidate)

    def admits(self, reached: int, *, refused: bool = False) -> bool:
        """Tell whether some option is refused by no other rules than these; `refused`: and by one of them at least."""
        known = {*self._settled, *self._waiting} - ({0} if refused else set())
        within = sorted(refusing for refusing in known if not refusing & ~reached)
        if any(refusing in self._settled for refusing in within):
            return True
        return any(self._advance(refusing, reached) for refusing in within)

    def _advance(self, refusing: int, reached: int) -> bool:
        """Put options to further rules until one gets past all that a change does not reach."""
        open_ones = [(refusing, candidate) for candidate in self._waiting.pop(refusing)]
        while open_ones:
            if self._passes(*open_ones.pop(), reached, open_ones):
                for entry in open_ones:
                    self._wait(*entry)
                return True
        return False

    def _passes(
        self, refusing: int, candidate: _Candidate, reached: int, open_ones: list[tuple[int, _Candidate]]
    ) -> bool:
        found, asked = self._refused_by(candidate, reached)
        refusing, candidate = refusing | found, candidate._replace(asked=asked)
        if refusing & ~reached:
            self._wait(refusing, candidate)
            return False
        if reached & _PLACES:
            self._wait(refusing, candidate)
            return True
        if candidate.place is None:
            if not self._places:
                self._wait(refusing | _PLACES, candidate)
                return False
            option = candidate.option
            open_ones += ((refusing, _Candidate(option.at(place), place, 0)) for place in reversed(self._places))
            return False
        self._settled.add(refusing)
        return True

    def _refused_by(self, candidate: _Candidate, reached: int) -> tuple[int, int]:
        """Return which further rules refuse a candidate, up to the first not reached, and how many were asked."""
        option, place, asked = candidate
        found = 0
        if place is None:
            for bit, about_build in zip(_BUILD_BITS[asked:], BUILD_RULES[asked:], strict=True):
                asked += 1
                if _refuses(about_build(option, self._situation)):
                    found |= bit
                    if bit & ~reached:
                        break
            return found, asked
        for bit, about_place in zip(_PLACE_BITS[asked:], PLACE_RULES[asked:], strict=True):
            asked += 1
            if _refuses(about_place(option, place, self._situation)):
                found |= bit
                if bit & ~reached:
                    break
        return found, asked

    def _wait(self, refusing: int, candidate: _Candidate) -> None:
        self._waiting.setdefault(refusing, []).append(candidate)

    @cached_property
    def _places(self) -> tuple[Place, ...]:
        return find_places(self._situation.problem, self._situation.vendor_name)


class Obstacles:
    """The rules that refuse the options of a failed attempt, found as far as somebody asks."""

    def __init__(self, attempt: Attempt, sources: tuple[OptionSource, ...]) -> None:
        situation = attempt.situation
        self._problem = situation.problem
        self._vendor, self._every_device = situation.vendor_name, situation.every_device
        self._host = sum(_BITS[rule.__name__] for rule in HOST_RULES if _refuses(rule(situation)))
        if attempt.fields:
            entries = [_graded(field) for field in attempt.fields]
        else:
            entries = [_ungraded(source, situation) for source in sources]
        self._specs = tuple(_Refusals(own, situation) for own in entries)
        self._known: dict[int, bool] = {_EVERYTHING: True}

    def reach(self, changed: Problem) -> int:
        """Return the rules whose refusals a change may remove."""
        written = _written(self._problem, changed)
        elsewhere = bool(written & (MODE | (OPEN_MODE if self._mode_is_open else frozenset())))
        if elsewhere and self._problem.facts.masks:
            written |= {"facts.masks"}  # a container does not have them
        if written & DEVICE_FIELDS and not self._same_devices(changed):
            written |= {DEVICES}
        foreign = self._problem.system != "linux" or changed.system != "linux"
        if written & _UNTOLD or (foreign and elsewhere) or not self._same_options(changed):
            return _EVERYTHING
        reached = sum(_BITS[rule] for rule, inputs in RULES.items() if inputs & written)
        return reached | (_PLACES | sum(_PLACE_BITS) if elsewhere or written & PLACES or self._by_name(written) else 0)

    @property
    def _mode_is_open(self) -> bool:
        request, engines = self._problem.request, self._problem.facts.engines or ()
        asked = (request.mode, request.base_image, request.engine)
        return asked == (None, None, None) and any(engine.usable for engine in engines)

    def _by_name(self, written: frozenset[str]) -> bool:
        """Tell whether a free-threaded Python is no longer asked for: there are places for it only if it is."""
        return "request.python" in written and (self._problem.request.python or "").endswith("t")

    def can_be_removed(self, reached: int) -> bool:
        """Tell whether changes that reach some rules may make the problem solvable."""
        if reached not in self._known:
            self._known[reached] = self._judge(reached)
        return self._known[reached]

    def _judge(self, reached: int) -> bool:
        if self._host & ~reached or not all(own.admits(reached) for own in self._specs):
            return False
        return bool(self._host or reached & _PLACES) or any(own.admits(reached, refused=True) for own in self._specs)

    def _same_options(self, changed: Problem) -> bool:
        """Tell whether two problems differ in no more of their specs than ranges, and are about the same wheels."""
        ours, theirs = self._problem.request.specs, changed.request.specs
        same = [(spec.recipe, spec.extras) for spec in ours] == [(spec.recipe, spec.extras) for spec in theirs]
        same = same and self._named_packages(changed) == self._named_packages(self._problem)
        return same and changed.cpu_architecture == self._problem.cpu_architecture

    @staticmethod
    def _named_packages(problem: Problem) -> frozenset[str | None]:
        """Return the names of the further packages: some may be companions, which options are made with."""
        return frozenset(map(named_package, problem.request.packages))

    def _same_devices(self, changed: Problem) -> bool:
        """Tell whether the devices are the same as the rules see them, and the same of them are asked for.

        What two changes do together to a device one of them does alone, for each of its properties.
        """
        asked = changed.request.devices == self._problem.request.devices
        return asked and accelerators(changed, self._vendor) == self._every_device


def _graded(field: Field) -> Iterator[tuple[int, _Candidate]]:
    for build in field.speaking():
        refusing = 0 if build.refusal is None else _BUILD_BITS[build.asked - 1]
        yield refusing, _Candidate(build.option, None, build.asked)


def _ungraded(source: OptionSource, situation: Situation) -> Iterator[tuple[int, _Candidate]]:
    kinds = source.kinds(situation.limits, situation.today)
    speaking = rank_releases(source, situation).speaking(kinds)
    return ((0, _Candidate(entry.option, None, 0)) for batch in speaking for entry in batch.entries)


def _refuses(judgement: Judgement | None) -> bool:
    return judgement is not None and judgement.fails


def _written(before: Problem, after: Problem) -> frozenset[str]:
    """Return the paths of the fields in which two problems differ."""
    records = (
        ("facts", before.facts, after.facts),
        ("request", before.request, after.request),
        ("availability", before.availability, after.availability),
    )
    return frozenset(
        f"{name}.{field}"
        for name, old, new in records
        if old is not new
        for field in old.__struct_fields__
        if getattr(old, field) is not getattr(new, field) and getattr(old, field) != getattr(new, field)
    )
