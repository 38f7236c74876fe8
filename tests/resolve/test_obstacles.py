"""Changes that cannot help are not tried, and no other: what is left out would have found nothing."""

from random import Random

import pytest

from envkit.model.availability import Availability
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request
from envkit.model.resolution import Status
from envkit.resolve import parse_spec, resolve_request, target_facts
from envkit.resolve.agreement import Conflicts
from envkit.resolve.answer import find_answer
from envkit.resolve.changes import find_changes
from envkit.resolve.checks import BUILD_RULES, HOST_RULES, PLACE_RULES
from envkit.resolve.checks.inputs import RULES
from envkit.resolve.obstacles import Obstacles
from envkit.resolve.options import OptionPool
from envkit.resolve.problem import Problem
from envkit.resolve.trial import Trial, find_trials
from tests.resolve.test_judge import draw

REFUSED = 12


class Nothing(Obstacles):
    """Obstacles of which every change is thought to remove some."""

    def can_be_removed(self, reached: int) -> bool:
        return reached >= 0


def told(trials: tuple[Trial, ...]) -> list[tuple[tuple[str, ...], str]]:
    return [(trial.kinds, trial.combination.candidate) for trial in trials]


def test_the_inputs_of_every_rule_are_listed() -> None:
    assert {rule.__name__ for rule in (*HOST_RULES, *BUILD_RULES, *PLACE_RULES)} == RULES.keys()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_left_out_would_have_found_nothing(matrix: Matrix, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - a sample of a grid, the same each time
    refused = 0
    while refused < REFUSED:
        facts, request = draw(chance)
        problem = Problem(facts=facts, request=request, matrix=matrix, availability=Availability())
        answer = find_answer(problem)
        for attempt in answer.failed or ((answer.attempt,) if answer.status is Status.UNSATISFIABLE else ()):
            refused += 1
            vendor = attempt.situation.vendor_name
            changes, pool = find_changes(problem, vendor), OptionPool(answer.options, Conflicts())
            pruned = find_trials(problem, vendor, changes, pool, Obstacles(attempt, answer.options))
            tried = find_trials(problem, vendor, changes, pool, Nothing(attempt, answer.options))
            assert told(pruned) == told(tried), (facts, request)


def test_a_refused_request_tries_few_changes(matrix: Matrix) -> None:
    """Of the hundreds of pairs nearly all cannot help: they are not solved again."""
    facts, request = next(
        (facts, request)
        for facts, request in (draw(Random(seed)) for seed in range(100))  # noqa: S311 - as above
        if resolve_request(facts, request, matrix, Availability()).status is Status.UNSATISFIABLE
    )
    problem = Problem(facts=facts, request=request, matrix=matrix, availability=Availability())
    answer = find_answer(problem)
    vendor = answer.attempt.situation.vendor_name
    obstacles = Obstacles(answer.attempt, answer.options)
    applied = (change.apply(problem, vendor) for change in find_changes(problem, vendor))
    reaches = [obstacles.reach(changed) for changed in applied if changed is not None]
    assert sum(obstacles.can_be_removed(reach) for reach in reaches) < len(reaches) / 2


def test_a_change_reaches_a_rule_about_devices_only_if_it_changes_them(matrix: Matrix) -> None:
    facts = target_facts("k80,driver=450.80.02,os=ubuntu-22.04", matrix)
    request = Request(specs=(parse_spec("pytorch>=2.9"),), as_of="2026-11-22", mode=Mode.CONTAINER, on="nvidia")
    problem = Problem(facts=facts, request=request, matrix=matrix, availability=Availability())
    answer = find_answer(problem)
    obstacles = Obstacles(answer.attempt, answer.options)
    changes = {change.kind: change.apply(problem, "nvidia") for change in find_changes(problem, "nvidia")}
    helps = {kind: obstacles.can_be_removed(obstacles.reach(changed)) for kind, changed in changes.items() if changed}
    assert not helps["change-driver"]  # no wheel has code for the device, whatever its driver
    assert not helps["other-processor"]  # the wheels are the same for every processor of the architecture
    assert helps["other-device"]
