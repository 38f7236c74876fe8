"""How long resolving takes: `python tests/bench/resolve.py`, or `nox -s bench`. Nothing here passes or fails.

The large matrix has a hundred times as many rows: each recipe a hundred times, and of each wanted recipe a hundred
times as many releases, older than the real ones.
"""

import statistics
import sys
import time
from collections.abc import Callable

from msgspec.structs import replace

from envkit.data import load_matrix
from envkit.model.availability import Availability
from envkit.model.host import HostFacts
from envkit.model.matrix import Matrix
from envkit.model.recipe import Recipe
from envkit.model.request import Mode, Request
from envkit.resolve import parse_spec, resolve_request, target_facts

ROUNDS = 15
TIMES = 100
AS_OF = "2026-11-22"
CASES = (
    ("h100,driver=580.65.06,os=ubuntu-24.04", ("pytorch",), None),
    ("h100,driver=580.65.06,os=ubuntu-24.04", ("pytorch", "jax"), None),
    ("h100,driver=580.65.06,os=ubuntu-24.04", ("pytorch", "jax", "onnxruntime"), None),
    ("rtx 5090,driver=570.124.06,os=ubuntu-24.04", ("pytorch",), None),
    ("gtx 1080 ti,driver=580.65.06,os=ubuntu-24.04", ("pytorch>=2.15",), "nvidia"),  # refused, with remedies
    # Refused, and no single change is enough: pairs of them are.
    ("v100,rtx 5090,driver=580.65.06,os=ubuntu-24.04", ("pytorch>=2.15",), "nvidia"),
    ("k80,driver=450.80.02,os=ubuntu-22.04", ("pytorch>=2.9", "jax"), "nvidia"),
    ("mi300x,driver=6.3.0,os=ubuntu-22.04", ("pytorch",), None),
    ("cpu,os=ubuntu-24.04", ("pytorch", "jax"), None),
)


def milliseconds(action: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """Return the median and the slowest of some rounds, in time of the processor: others may use it as well."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        action()
        times.append((time.process_time() - started) * 1000)
    return statistics.median(times), max(times)


def many_releases(recipe: Recipe) -> Recipe:
    """Return a recipe with a hundred times as many releases, the further ones older than the real ones."""
    further = tuple(
        replace(row, version=f"0.{number}.{position}")
        for number in range(1, TIMES)
        for position, row in enumerate(recipe.releases)
    )
    variants = tuple(replace(row, releases=row.releases.replace(">=", ">=0,!=") or "") for row in recipe.variants)
    return replace(recipe, releases=(*recipe.releases, *further), variants=variants)


def many_recipes(matrix: Matrix) -> Matrix:
    """Return a matrix with every recipe and vendor's model table a hundred times."""
    copies = tuple(
        replace(recipe, name=f"{recipe.name}-{number}", aliases=())
        for number in range(1, TIMES)
        for recipe in matrix.recipes
    )
    vendors = tuple(replace(vendor, models=vendor.models * TIMES) for vendor in matrix.vendors)
    return replace(matrix, recipes=(*matrix.recipes, *copies), vendors=vendors)


def resolving(facts: HostFacts, specs: tuple[str, ...], on: str | None, matrix: Matrix) -> Callable[[], object]:
    """Return how to resolve one case."""
    request = Request(specs=tuple(map(parse_spec, specs)), as_of=AS_OF, mode=Mode.CONTAINER, on=on)
    return lambda: resolve_request(facts, request, matrix, Availability())


def main() -> None:
    """Print one line per measurement."""
    matrix = load_matrix()
    wide = many_recipes(matrix)
    for target, specs, on in CASES:
        facts = target_facts(target, matrix)
        deep = replace(matrix, recipes=tuple(many_releases(recipe) for recipe in matrix.recipes))
        median, slowest = milliseconds(resolving(facts, specs, on, matrix))
        wider, _ = milliseconds(resolving(facts, specs, on, wide), 5)
        deeper, _ = milliseconds(resolving(facts, specs, on, deep), 3)
        sys.stdout.write(
            f"{' '.join(specs)} on {target.partition(',')[0]}: median {median:.1f} ms, slowest {slowest:.1f} ms;"
            f" 100 times the recipes and models {wider:.1f} ms, 100 times the releases {deeper:.1f} ms\n"
        )


if __name__ == "__main__":
    main()
