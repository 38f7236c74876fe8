"""What holds between recipes: a name means one of them, and none needs itself."""

from collections.abc import Iterator, Mapping

from envkit.data.checking.report import Problem
from envkit.data.checking.subject import Subject
from envkit.data.faults import Path
from envkit.model.recipe import Recipe

Needs = Mapping[str, Mapping[str, Path]]
"""By recipe: the recipes that its releases pin packages of, and where."""


def relation_problems(recipes: Mapping[str, tuple[Subject, Recipe]]) -> Iterator[tuple[Subject, Problem]]:
    """Say which names clash and which recipes need each other in a circle."""
    yield from _clashes(recipes)
    needs = {name: _needs(recipe, recipes) for name, (_, recipe) in recipes.items()}
    for circle in _circles(needs):
        first, second, *_ = circle
        text = f"recipes pin each other in a circle, {' → '.join(circle)}; see"
        yield recipes[first][0], Problem(needs[first][second], "circle", text)


def _clashes(recipes: Mapping[str, tuple[Subject, Recipe]]) -> Iterator[tuple[Subject, Problem]]:
    owners: dict[str, list[str]] = {name: [name] for name in recipes}
    for name, (_, recipe) in sorted(recipes.items()):
        for alias in recipe.aliases:
            owners.setdefault(alias, []).append(name)
    for name, (subject, recipe) in sorted(recipes.items()):
        for place, alias in enumerate(recipe.aliases):
            others = [owner for owner in owners[alias] if owner != name]
            if others:
                text = f"`{alias}` is a name of the recipe `{others[0]}` as well; see"
                yield subject, Problem(("aliases", place), "alias", text)


def _needs(recipe: Recipe, recipes: Mapping[str, tuple[Subject, Recipe]]) -> dict[str, Path]:
    owners = {
        package: name
        for name, (_, other) in recipes.items()
        for package in (other.package, *(row.package for row in other.companions))
    }
    own = {recipe.package, *(row.package for row in recipe.companions)}
    found: dict[str, Path] = {}
    for place, release in enumerate(recipe.releases):
        for field, packages in (("requires", release.requires), ("packages", release.packages)):
            for package in packages:
                owner = owners.get(package)
                if owner is not None and owner != recipe.name and package not in own:
                    found.setdefault(owner, ("releases", place, field, package))
    return found


def _circles(needs: Needs) -> Iterator[tuple[str, ...]]:
    """Return for each recipe the shortest circle in which its name sorts first: where many are tangled, not all."""
    for start in sorted(needs):
        circle = _shortest(start, needs)
        if circle is not None:
            yield circle


def _shortest(start: str, needs: Needs) -> tuple[str, ...] | None:
    """Return the shortest way from a recipe back to itself, over names that sort after it."""
    reached = {start}
    ways: list[tuple[str, ...]] = [(start,)]
    while ways:
        longer: list[tuple[str, ...]] = []
        for way in ways:
            for following in sorted(needs.get(way[-1], {})):
                if following == start:
                    return (*way, start)
                if following > start and following not in reached:
                    reached.add(following)
                    longer.append((*way, following))
        ways = longer
    return None
