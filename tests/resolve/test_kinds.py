"""Of releases that are alike the first speaks for all: less is looked at, and the answer is the same."""

from random import Random

import pytest
from msgspec.structs import replace

from envkit.model.availability import Availability
from envkit.model.matrix import Matrix
from envkit.model.recipe import Recipe
from envkit.model.request import Mode, Request
from envkit.resolve import parse_spec, target_facts
from envkit.resolve.agreement import Conflicts
from envkit.resolve.attempt import Attempt, attempt_vendor, find_combination
from envkit.resolve.kinds import Releases, releases_of
from envkit.resolve.options import OptionSource
from envkit.resolve.problem import Problem, find_wants
from envkit.resolve.rejected import group_refusals
from envkit.resolve.situation import Limit
from envkit.resolve.versions import within
from tests.resolve.test_judge import draw

ODD_RANGES = (
    "",
    ">1",
    ">=1.13,!=2.0.1",
    "~=2.1",
    "~=2.1.1",
    "==2.*",
    "==2.5.1",
    "===2.5.1",
    "<2.5.1.post1",
    "<=2.15",
    "!=2.*",
)
FURTHER = frozenset({"2.5.1.post2", "2.5.0.1", "1!0.5", "2.50"})
AGE = 3
CASES = 40


class OneByOne(OptionSource):
    """Options of which every release stands for itself."""

    def kinds(self, limits: tuple[Limit, ...], today: int) -> tuple[int | None, ...]:
        return tuple(None for _ in super().kinds(limits, today))


def with_older_copies(recipe: Recipe) -> Recipe:
    """Return a recipe with further releases, like its own in all but their versions."""
    further = tuple(
        replace(row, version=f"0.{number}.{position}")
        for number in range(1, AGE)
        for position, row in enumerate(recipe.releases)
    )
    variants = tuple(replace(row, releases=row.releases.replace(">=", ">=0,!=")) for row in recipe.variants)
    return replace(recipe, releases=(*recipe.releases, *further), variants=variants)


def attempt(problem: Problem, vendor: str, kind: type[OptionSource]) -> Attempt:
    wants = find_wants(problem)
    return attempt_vendor(problem, wants, tuple(kind(problem, want) for want in wants), vendor, Conflicts())


@pytest.mark.parametrize("further", [frozenset(), FURTHER, frozenset({"2.5.1+cu121", "2.4.0+cpu"})])
def test_a_range_covers_what_packaging_says(matrix: Matrix, further: frozenset[str]) -> None:
    for recipe in matrix.recipes:
        releases = Releases(recipe, further)
        ranges = sorted({*ODD_RANGES, *(row.releases for row in recipe.variants)})
        covered = releases.covered(ranges)
        for name, bits in zip(releases.names, covered, strict=True):
            found = [bool(bits >> place & 1) for place in range(len(ranges))]
            assert found == [within(text, name) for text in ranges], (recipe.name, name)


def test_releases_are_of_a_kind_when_they_differ_in_version_and_date_alone(matrix: Matrix) -> None:
    recipe = matrix.recipe("pytorch")
    assert recipe is not None
    newest = recipe.releases[0]
    alike, other = replace(newest, version="98.0", released="2026-01-01"), replace(newest, version="99.0", libc={})
    releases = Releases(replace(recipe, releases=(alike, other, newest)), frozenset({"97.0"}))
    by_name = dict(zip(releases.names, releases.numbers, strict=True))
    assert by_name["97.0"] is None  # of a wheelhouse: no row tells of it
    assert by_name["98.0"] is not None
    assert by_name["98.0"] != by_name["99.0"]


def test_a_young_release_stands_for_itself(matrix: Matrix) -> None:
    recipe = matrix.recipe("pytorch")
    assert recipe is not None
    release = recipe.releases[0]
    copies = tuple(replace(release, version=f"99.{number}", released="2026-11-20") for number in range(3))
    problem = Problem(
        facts=target_facts("h100,driver=580.65.06,os=ubuntu-24.04", matrix),
        request=Request(specs=(parse_spec("pytorch"),), as_of="2026-11-22", mode=Mode.CONTAINER),
        matrix=replace(matrix, recipes=(replace(recipe, releases=(release, *copies)),)),
        availability=Availability(),
    )
    ages = [
        entry.candidate.split("+")[0]
        for entry in attempt(problem, "nvidia", OptionSource).refused_by("release-age")
        if entry.candidate.startswith("torch 99")
    ]
    assert set(ages) == {"torch 99.0", "torch 99.1", "torch 99.2"}


def test_the_answer_is_that_of_every_release_looked_at_one_by_one(matrix: Matrix) -> None:
    pytorch = matrix.recipe("pytorch")
    assert pytorch is not None
    deep = replace(matrix, recipes=(with_older_copies(pytorch),))
    chance = Random(3)  # noqa: S311 - a sample of a grid, the same each time
    fewer = 0
    for _ in range(CASES):
        facts, request = draw(chance)
        problem = Problem(facts=facts, request=request, matrix=deep, availability=Availability())
        vendor = request.on or chance.choice(("nvidia", "amd", "cpu"))
        ours, theirs = (attempt(problem, vendor, kind) for kind in (OptionSource, OneByOne))
        assert group_refusals(ours.refused) == group_refusals(theirs.refused), (facts, request)
        assert (ours.combination and ours.combination.order) == (theirs.combination and theirs.combination.order)
        wants = find_wants(problem)
        sources = tuple(OptionSource(problem, want) for want in wants)
        again = find_combination(problem, wants, sources, vendor, Conflicts())
        assert (again and again.candidate) == (theirs.combination and theirs.combination.candidate)
        fewer += len(ours.refused) < len(theirs.refused)
    assert fewer > CASES / 4


def test_a_refusal_counts_every_release_and_grades_one_of_each_kind(matrix: Matrix) -> None:
    pytorch = matrix.recipe("pytorch")
    assert pytorch is not None
    release = next(row for row in pytorch.releases if row.version == "2.14.1")
    copies = tuple(replace(release, version=f"2.14.1.post{number}") for number in range(1, 500))
    problem = Problem(
        facts=target_facts("k80,driver=470.82.01,os=ubuntu-22.04", matrix),
        request=Request(specs=(parse_spec("pytorch"),), as_of="2026-11-22", mode=Mode.CONTAINER, on="nvidia"),
        matrix=replace(matrix, recipes=(replace(pytorch, releases=(release, *copies)),)),
        availability=Availability(),
    )
    wants = find_wants(problem)
    source = OptionSource(problem, wants[0])
    refused = attempt_vendor(problem, wants, (source,), "nvidia", Conflicts()).refused
    builds = len(source.of_vendors("2.14.1", frozenset({"nvidia"})))
    assert builds > 1
    assert sum(entry.count for entry in refused) == 500 * builds
    assert all(len(graded) < 4 * builds for graded in source.grades.values())


def test_the_releases_of_a_loaded_recipe_are_found_out_once_and_those_of_another_anew(matrix: Matrix) -> None:
    recipe = matrix.recipe("pytorch")
    assert recipe is not None
    known = releases_of(recipe, frozenset())
    assert releases_of(recipe, frozenset()) is known
    assert releases_of(recipe, frozenset({"99.0"})).names[0] == "99.0"
    fewer = replace(recipe, releases=recipe.releases[:1])
    assert releases_of(fewer, frozenset()).names == (recipe.releases[0].version,)
