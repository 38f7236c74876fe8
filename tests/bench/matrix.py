"""How long it takes to load the matrix: `python tests/bench/matrix.py`. Nothing here passes or fails.

Every figure is of fresh processes, as a command meets it; the synthetic set repeats all recipes under other names, and
lies in an overlay.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from envkit.data import recipe_names
from envkit.data.canonical import canonical_document
from envkit.data.loader import load_recipe

ROUNDS = 15
PROBE = """
import sys, time
started = time.perf_counter()
from envkit.data import load_matrix
imported = time.perf_counter()
load_matrix({recipes})
loaded = time.perf_counter()
print((imported - started) * 1000, (loaded - imported) * 1000)
"""
RESOLVE = """
import time
from envkit.data import load_matrix
from envkit.model.availability import Availability
from envkit.model.request import Request, Spec
from envkit.resolve import resolve_request
from envkit.resolve.targets import target_facts
started = time.perf_counter()
matrix = load_matrix(("pytorch",))
loaded = time.perf_counter()
facts = target_facts("h100*8,driver=570.124.06,os=ubuntu-24.04", matrix)
request = Request(specs=(Spec(recipe="pytorch"),), as_of="2026-12-31")
resolve_request(facts, request, matrix, Availability())
print((loaded - started) * 1000, (time.perf_counter() - loaded) * 1000)
"""


def run(program: str, home: Path) -> tuple[float, float]:
    """Return the two figures that a program prints, in milliseconds."""
    environment = os.environ | {"XDG_CONFIG_HOME": str(home / "config"), "XDG_CACHE_HOME": str(home / "cache")}
    ended = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
    first, second = ended.stdout.split()
    return float(first), float(second)


def measure(label: str, program: str, home: Path) -> None:
    """Print the median of some fresh processes."""
    figures = [run(program, home) for _ in range(ROUNDS)]
    first, second = (statistics.median(column) for column in zip(*figures, strict=True))
    sys.stdout.write(f"{label:<58} {first:8.1f} ms {second:8.1f} ms\n")


def synthesize(home: Path, copies: int) -> None:
    """Write every recipe under other names into an overlay."""
    folder = home / "config" / "envkit" / "overlay" / "recipes"
    folder.mkdir(parents=True)
    for name in recipe_names():
        text = canonical_document(without_aliases(name))
        for number in range(copies):
            copy = f"{name}-copy{number}"
            (folder / f"{copy}.yaml").write_text(text.replace(f"name: {name}\n", f"name: {copy}\n", 1))


def without_aliases(name: str) -> object:
    """Return a recipe that only its name leads to."""
    import msgspec

    return msgspec.structs.replace(load_recipe(name), aliases=())


def main() -> None:
    """Print one line per measurement: two figures each, named in brackets."""
    for label, copies in (("as it is", 0), ("100 times as many recipes", 99)):
        with tempfile.TemporaryDirectory() as directory:
            home = Path(directory)
            if copies:
                synthesize(home, copies)
            cold = run(PROBE.format(recipes=""), home)
            sys.stdout.write(
                f"{label}: cold, all recipes [import, load]".ljust(58) + f" {cold[0]:8.1f} ms {cold[1]:8.1f} ms\n"
            )
            measure(f"{label}: warm, all recipes [import, load]", PROBE.format(recipes=""), home)
            measure(f"{label}: warm, pytorch [import, load]", PROBE.format(recipes="('pytorch',)"), home)
            measure(f"{label}: warm, resolve pytorch [load, resolve]", RESOLVE, home)


if __name__ == "__main__":
    main()
