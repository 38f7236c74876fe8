"""The smoke tests of a plan, and the modules that they load."""

from envkit.errors import DataError
from envkit.model.host import HostFacts
from envkit.model.matrix import Matrix
from envkit.model.plan import SmokeTest
from envkit.model.recipe import Recipe
from envkit.model.request import Mode
from envkit.model.resolution import Chosen


def plan_smoke_tests(chosen: Chosen, matrix: Matrix, facts: HostFacts) -> tuple[SmokeTest, ...]:
    """Return one smoke test for each recipe; raises `DataError` when a recipe has none for the chosen vendor."""
    return tuple(_smoke_test(recipe, chosen, facts) for recipe in _recipes(chosen, matrix))


def plan_imports(chosen: Chosen, matrix: Matrix) -> tuple[str, ...]:
    """Return the modules that the smoke tests load, each once, in the order of the recipes."""
    return tuple(dict.fromkeys(module for recipe in _recipes(chosen, matrix) for module in recipe.smoke.imports))


def _recipes(chosen: Chosen, matrix: Matrix) -> tuple[Recipe, ...]:
    return tuple(recipe for recipe in map(matrix.recipe, chosen.recipes) if recipe is not None)


def _smoke_test(recipe: Recipe, chosen: Chosen, facts: HostFacts) -> SmokeTest:
    device = recipe.smoke.devices.get(chosen.vendor)
    if device is None:
        message = f"recipe `{recipe.name}` does not say what its framework calls the device of vendor: {chosen.vendor}"
        raise DataError(message)
    return SmokeTest(recipe=recipe.name, program=recipe.smoke.program, device=device, indices=_indices(chosen, facts))


def _indices(chosen: Chosen, facts: HostFacts) -> tuple[int, ...]:
    """Return the numbers by which a framework calls the chosen devices: it counts what it sees from 0."""
    if not chosen.devices:
        return (0,)
    if chosen.mode is Mode.CONTAINER:
        return tuple(range(len(chosen.devices)))  # it sees them alone
    if not facts.masks_of(chosen.vendor):
        return chosen.devices
    visible = facts.visible(chosen.vendor)
    if visible is None:
        return (0,)  # of devices that cannot be told, one at least is left
    return tuple(sorted(visible.index(device) for device in chosen.devices if device in visible)) or (0,)
