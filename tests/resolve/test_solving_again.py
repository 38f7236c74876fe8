"""Solving again, as remedies do it, finds what an attempt from scratch finds, whatever was solved before."""

from random import Random

from envkit.model.availability import Availability
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request
from envkit.resolve import parse_spec, target_facts
from envkit.resolve.agreement import Conflicts
from envkit.resolve.attempt import attempt_vendor
from envkit.resolve.options import OptionPool, OptionSource
from envkit.resolve.problem import Problem, find_wants
from envkit.resolve.trial import solve_again
from tests.resolve.test_judge import draw

CASES = 150


def test_options_that_are_kept_give_the_same_answer_as_new_ones(matrix: Matrix) -> None:
    availability, pool = Availability(), OptionPool((), Conflicts())
    chance = Random(7)  # noqa: S311 - a sample of a grid, the same each time
    solved = 0
    for _ in range(CASES):
        facts, request = draw(chance)
        problem = Problem(facts=facts, request=request, matrix=matrix, availability=availability)
        wants = find_wants(problem)
        vendor = request.on or "nvidia"
        sources = tuple(OptionSource(problem, want) for want in wants)
        anew = attempt_vendor(problem, wants, sources, vendor, Conflicts()).combination
        again = solve_again(problem, vendor, pool)
        assert (again and again.order) == (anew and anew.order), (facts, request)
        assert (again and again.candidate) == (anew and anew.candidate), (facts, request)
        solved += again is not None
    assert 0 < solved < CASES


def test_another_range_takes_the_builds_that_were_made(matrix: Matrix) -> None:
    facts = target_facts("h100,driver=580.65.06,os=ubuntu-24.04", matrix)
    availability, pool = Availability(), OptionPool((), Conflicts())

    def source_for(text: str) -> OptionSource:
        request = Request(specs=(parse_spec(text),), as_of="2026-11-22", mode=Mode.CONTAINER)
        problem = Problem(facts=facts, request=request, matrix=matrix, availability=availability)
        return pool.find(problem, find_wants(problem)[0])

    plain, ranged = source_for("pytorch"), source_for("pytorch>=2.13")
    release = plain.releases[0]
    builds = [option.build for option in plain.at_release(release)]
    assert builds
    assert all(ours.build is build for ours, build in zip(ranged.at_release(release), builds, strict=True))
    assert ranged.excludes("2.12.0")
    assert not plain.excludes("2.12.0")
    assert source_for("pytorch") is plain
