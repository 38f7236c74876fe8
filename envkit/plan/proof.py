"""The smoke tests of a plan, and the modules that they load."""

from envkit.errors import DataError
from envkit.model.matrix import Matrix
from envkit.model.plan import SmokeTest
from envkit.model.recipe import Recipe
from envkit.model.request import Mode
from envkit.model.resolution import Chosen


def plan_smoke_tests(chosen: Chosen, matrix: Matrix) -> tuple[SmokeTest, ...]:
    """Return one smoke test for each recipe; raises `DataError` when a recipe has none for the chosen vendor."""
    return tuple(_smoke_test(recipe, chosen) for recipe in _recipes(chosen, matrix))


def plan_imports(chosen: Chosen, matrix: Matrix) -> tuple[str, ...]:
    """Return the modules that the smoke tests load, each once, in the order of the recipes."""
    return tuple(dict.fromkeys(module for recipe in _recipes(chosen, matrix) for module in recipe.smoke.imports))


def _recipes(chosen: Chosen, matrix: Matrix) -> tuple[Recipe, ...]:
    return tuple(recipe for recipe in map(matrix.recipe, chosen.recipes) if recipe is not None)


def _smoke_test(recipe: Recipe, chosen: Chosen) -> SmokeTest:
    device = recipe.smoke.devices.get(chosen.vendor)
    if device is None:
        message = f"recipe `{recipe.name}` does not say what its framework calls the device of vendor: {chosen.vendor}"
        raise DataError(message)
    return SmokeTest(recipe=recipe.name, program=recipe.smoke.program, device=device, indices=_indices(chosen))


def _indices(chosen: Chosen) -> tuple[int, ...]:
    if not chosen.devices:
        return (0,)
    # A container sees only the chosen devices, and a framework counts what it sees from 0.
    return tuple(range(len(chosen.devices))) if chosen.mode is Mode.CONTAINER else chosen.devices
