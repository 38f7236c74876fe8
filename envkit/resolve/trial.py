"""The problem solved again with changes: single ones, or pairs where no single one is enough."""

from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

from msgspec.structs import replace

from envkit.model.matrix import Build
from envkit.model.request import Spec
from envkit.model.reserved import CPU
from envkit.model.value import Value
from envkit.resolve.attempt import find_combination
from envkit.resolve.changes import AGREE, Change, driver_steps, with_driver
from envkit.resolve.combine import Combination
from envkit.resolve.obstacles import Obstacles
from envkit.resolve.options import OptionPool
from envkit.resolve.problem import Problem, find_wants
from envkit.resolve.versions import day_number, python_allowed, within


class Trial(Value):
    """Changes that make the problem solvable, the problem as a user would pose it then, and its solution."""

    changes: tuple[Change, ...]
    problem: Problem
    combination: Combination

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the changes, cheapest first."""
        return tuple(change.kind for change in self.changes)

    @property
    def cost(self) -> int:
        """What the changes cost together."""
        return sum(change.cost for change in self.changes)

    @property
    def offered(self) -> bool:
        """Whether a user can make all of these changes."""
        return all(change.offered for change in self.changes)


class _Step(NamedTuple):
    """A change, the problem after it, and the rules that it reaches; None where there is nothing to change yet."""

    change: Change
    after: Problem | None
    reach: int | None


def find_trials(
    problem: Problem, vendor: str, changes: tuple[Change, ...], pool: OptionPool, obstacles: Obstacles
) -> tuple[Trial, ...]:
    """Return the single changes that make the problem solvable for a vendor, or the pairs when no single one does.

    A change to the processor is tried for itself only and does not stop the search for pairs. The pool has the options
    of the problem, which most changes leave as they are; the obstacles tell which changes need not be tried.
    """
    steps = tuple(_step(change, problem, vendor, obstacles) for change in changes)
    helpful = (step for step in steps if step.change.kind == AGREE or _may_help(step, obstacles))
    singles = _solved(((step.after, (step.change,)) for step in helpful), problem, vendor, pool)
    if any(trial.kinds != (AGREE,) for trial in singles):
        return singles
    pairs = combinations((step for step in steps if step.change.kind != AGREE), 2)
    posed = (
        (second.change.apply(first.after, vendor), (first.change, second.change))
        for first, second in pairs
        if first.after is not None and _may_help_together(first, second, obstacles)
    )
    found = (*_solved(posed, problem, vendor, pool), *singles)
    return tuple(sorted(found, key=lambda trial: trial.cost))


def _step(change: Change, problem: Problem, vendor: str, obstacles: Obstacles) -> _Step:
    after = change.apply(problem, vendor)
    return _Step(change, after, None if after is None else obstacles.reach(after))


def _may_help(step: _Step, obstacles: Obstacles) -> bool:
    return step.reach is not None and obstacles.can_be_removed(step.reach)


def _may_help_together(first: _Step, second: _Step, obstacles: Obstacles) -> bool:
    """Tell whether two changes may help; what the second one reaches where it needs the first is not known before."""
    if first.reach is None or second.reach is None:
        return True
    return obstacles.can_be_removed(first.reach | second.reach)


def _solved(
    posed: Iterable[tuple[Problem | None, tuple[Change, ...]]], problem: Problem, vendor: str, pool: OptionPool
) -> tuple[Trial, ...]:
    tried = (_try(changed, problem, vendor, changes, pool) for changed, changes in posed if changed is not None)
    return tuple(trial for trial in tried if trial is not None)


def solve_again(problem: Problem, vendor: str, pool: OptionPool) -> Combination | None:
    """Return the best combination of a changed problem for one vendor; new options go into the pool."""
    wants = find_wants(problem)
    return find_combination(problem, wants, tuple(pool.find(problem, want) for want in wants), vendor, pool.conflicts)


def _pin(asked: Spec, build: Build, original: Problem) -> str:
    """Return the range that takes a release: as it was asked for where that does, else the release exactly."""
    age = day_number(original.request.as_of) - day_number(build.released) if build.released else None
    waits = age is not None and age < original.matrix.foundations.settle_days
    return f"=={build.release}" if waits or not within(asked.range, build.release) else asked.range


def least_driver(problem: Problem, vendor: str, pool: OptionPool) -> str | None:
    """Return the oldest driver above the present one that makes the problem solvable by itself; None: none is known."""
    for step in driver_steps(problem, vendor):
        if solve_again(with_driver(problem, vendor, step), vendor, pool) is not None:
            return step
    return None


def _try(
    changed: Problem, problem: Problem, vendor: str, changes: tuple[Change, ...], pool: OptionPool
) -> Trial | None:
    """Solve a changed problem, and once more as a user would pose it."""
    goal = CPU if changes[0].kind == AGREE else vendor
    combination = solve_again(changed, goal, pool)
    if combination is None:
        return None
    posed = _as_posed(changed, problem, changes, combination)
    settled = combination if posed == changed else solve_again(posed, goal, pool)
    return None if settled is None else Trial(changes=changes, problem=posed, combination=settled)


def _as_posed(changed: Problem, original: Problem, changes: tuple[Change, ...], combination: Combination) -> Problem:
    """Turn what was left open for the search into what a user would write: exact releases, a named Python."""
    kinds = {change.kind for change in changes}
    request = replace(changed.request, as_of=original.request.as_of)
    facts = changed.facts
    if "pin-framework" in kinds:
        parts = combination.parts[: len(request.specs)]  # without those that nobody asked for
        rows = zip(request.specs, original.request.specs, parts, strict=True)
        specs = (replace(spec, range=_pin(asked, part.option.build, original)) for spec, asked, part in rows)
        request = replace(request, specs=tuple(specs))
    place = combination.place
    if kinds & {"change-python", "install-python"} and not python_allowed(
        original.request.python, place.python, place.python_version
    ):
        request = replace(request, python=place.python)
    return replace(changed, request=request, facts=facts)
