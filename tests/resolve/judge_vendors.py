"""A second judge, of the vendors whose builds need more than packages: runtimes in images, listed drivers, own images.

As `judge`, it restates what the data files say in the plainest way and shares no code with the resolver. It knows hosts
with the devices of one vendor, and asks `judge` about the processor.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from msgspec.structs import replace
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.model.host import Device, HostFacts, Stack
from envkit.model.matrix import Matrix
from envkit.model.recipe import HostWindow, VariantRow
from envkit.model.request import Mode, Request
from envkit.model.vendor import BaseRow, Vendor
from tests.resolve.judge import Pick, Ruling, judge

_BOUND = re.compile(r"(>=|<=|==|<)\s*([0-9A-Za-z.]+?)(\.\*)?")


class Spot(NamedTuple):
    """A Python, how far down the preference it is, whether it is known to be there, and the vendor's image it is in."""

    python: str
    rank: int
    known: bool
    base: BaseRow | None = None


def judge_vendor(facts: HostFacts, request: Request, matrix: Matrix) -> Ruling:
    """Say what the resolver must answer for a host with devices of one vendor."""
    (name,) = {device.vendor for device in facts.devices or ()}
    tables = matrix.vendor(name)
    assert tables is not None
    ranked = sorted(_runnable(facts, request, matrix, tables))
    if ranked:
        return Ruling("degraded" if ranked[0][0] else "ok", ranked[0][-1])
    if request.on is not None:
        return Ruling("unsatisfiable", None)
    fallback = judge(facts, replace(request, on="cpu"), matrix)
    return fallback._replace(status="degraded" if fallback.pick else "unsatisfiable", runnable=0)


def _runnable(
    facts: HostFacts, request: Request, matrix: Matrix, tables: Vendor
) -> Iterator[tuple[bool, tuple[object, ...], Pick]]:
    recipe = matrix.recipe(request.specs[0].recipe)
    assert recipe is not None
    devices = list(facts.devices or ())
    stack = next((stack for stack in facts.stacks or () if stack.vendor == tables.name), None)
    system = "linux" if request.mode is Mode.CONTAINER or facts.os is None else facts.os.system
    architecture = facts.cpu.architecture if facts.cpu is not None else "x86_64"
    for release in recipe.releases:
        for row in recipe.variants:
            covered = Version(release.version) in SpecifierSet(row.releases)
            ours = row.vendor == tables.name and architecture in row.cpu_architectures and row.system == system
            if not covered or not ours or (row.image is None and row.index is None):
                continue
            index = row.index or "default"
            label = index.removeprefix("pytorch-") if index.startswith("pytorch-") else ""
            written = f"{release.version}+{label}" if label else release.version
            settled = (date.fromisoformat(request.as_of) - date.fromisoformat(release.released)).days
            if settled < matrix.foundations.settle_days or written not in SpecifierSet(request.specs[0].range):
                continue
            chips = _chips_fit(row, devices, stack, tables)
            pythons = row.pythons or release.pythons_by_architecture.get(architecture, release.pythons)
            floor = None if system == "darwin" or row.image else row.libc or release.libc.get(architecture)
            for spot in _spots(facts, request, matrix, architecture, tables):
                if not _image_fits(row, recipe.package, release.version, spot):
                    continue
                libc = _libc_fits(floor, facts, request, spot)
                fits = [
                    chips,
                    libc,
                    spot.known or None,
                    _around_fits(row, spot, facts, request, tables),
                ]
                if False in fits or spot.python not in pythons:
                    continue
                runtime = ordered(row.runtime.version) if row.runtime else (0,)
                order = (
                    [-number for number in Version(release.version).release],
                    [-number for number in runtime],
                    spot.rank,
                )
                pick = Pick(tables.name, release.version, row.variant, index, spot.python)
                yield None in fits, order, pick


def _spots(facts: HostFacts, request: Request, matrix: Matrix, architecture: str, tables: Vendor) -> Iterator[Spot]:
    preference = matrix.foundations.python_preference
    if request.mode is not Mode.CONTAINER:
        known = facts.pythons is not None
        there = [".".join(python.version.split(".")[:2]) for python in facts.pythons or ()] if known else preference
        yield from (Spot(python, preference.index(python), known) for python in there)
        return
    plain = (Spot(python, 0, known=True) for base in matrix.foundations.bases for python in base.pythons)
    own = (Spot(python, 0, known=True, base=base) for base in tables.bases for python in base.pythons)
    bases = [*(spot for spot in plain), *(spot for spot in own if architecture in spot.base.cpu_architectures)]  # type: ignore[union-attr]  # all of `own` have one
    yield from (spot._replace(rank=preference.index(spot.python)) for spot in bases if spot.python in preference)


def _image_fits(row: VariantRow, package: str, release: str, spot: Spot) -> bool:
    """Tell whether the spot is in the image that has the build, or in one that has no other build of the package."""
    brought = {} if spot.base is None else spot.base.packages
    if row.image is None:
        return package not in brought
    return spot.base is not None and spot.base.image == row.image and brought.get(package) == release


def _libc_fits(floor: str | None, facts: HostFacts, request: Request, spot: Spot) -> bool | None:
    if floor is None:
        return True
    if request.mode is Mode.CONTAINER:
        return ordered("2.36" if spot.base is None else spot.base.libc) >= ordered(floor)
    libc = facts.os.libc if facts.os is not None else None
    return None if libc is None or libc.version is None else ordered(libc.version) >= ordered(floor)


def _chips_fit(row: VariantRow, devices: list[Device], stack: Stack | None, tables: Vendor) -> bool | None:
    known = row.architectures is not None
    if known and any(device.architecture not in (row.architectures or ()) for device in devices):
        return False
    serves = True if row.runtime is None else _driver_serves(row.runtime.version, stack, tables)
    return serves if known or serves is False else None


def _driver_serves(runtime: str, stack: Stack | None, tables: Vendor) -> bool | None:
    rows = [row for row in tables.runtime_drivers if f"{runtime}.".lower().startswith(f"{row.runtime}.".lower())]
    driver = None if stack is None or stack.driver is None else ordered(stack.driver)
    if not tables.runtime_drivers or driver is None or stack is None:
        return None if tables.runtime_drivers else True
    if not rows:
        older = [row for row in tables.runtime_drivers if ordered(row.runtime) < ordered(runtime)]
        floors = sorted((ordered(row.runtime), ordered(row.minimum)) for row in older)
        return False if floors and driver < floors[-1][1] else None
    if driver < ordered(rows[0].minimum):
        return False
    listed = driver <= ordered(rows[0].newest) or f"{stack.driver}.".startswith(f"{rows[0].newest}.")
    return True if listed else None


def _around_fits(row: VariantRow, spot: Spot, facts: HostFacts, request: Request, tables: Vendor) -> bool | None:
    stack = next((stack for stack in facts.stacks or () if stack.vendor == tables.name), None)
    container = request.mode is Mode.CONTAINER
    if container:
        if tables.native_only is not None or (tables.image_driver is not None and spot.base is None):
            return False
        chips = None if spot.base is None else spot.base.architectures
        if chips is not None and any(device.architecture not in chips for device in facts.devices or ()):
            return False
    fits = [_window_fits(window, row, spot, facts, stack, container=container) for window in row.windows]
    return False if False in fits else None if None in fits else True


def _window_fits(
    window: HostWindow, row: VariantRow, spot: Spot, facts: HostFacts, stack: Stack | None, *, container: bool
) -> bool | None:
    seen: tuple[str, ...] | None
    if window.fact == "runtime" and container:
        own = None if spot.base is None else spot.base.runtime
        seen = () if own is None else (own.version,)
    elif window.fact == "runtime":
        there = None if stack is None else stack.runtimes
        name = row.runtime.name if row.runtime else ""
        seen = None if there is None else tuple(one.version for one in there if one.name == name)
    elif window.fact == "driver":
        seen = None if stack is None or stack.driver is None else (stack.driver,)
    else:
        assert window.fact == "os-version"
        seen = None if facts.os is None or facts.os.version is None else (facts.os.version,)
    return None if seen is None else any(_inside(text, allowed) for text in seen for allowed in window.allowed)


def _inside(text: str, allowed: str) -> bool:
    for bound in allowed.split(","):
        match = _BOUND.fullmatch(bound.strip())
        assert match is not None
        sign, number, prefix = match.groups()
        mine, theirs = ordered(text), ordered(number)
        holds = {">=": mine >= theirs, "<=": mine <= theirs, "==": mine == theirs, "<": mine < theirs}
        if not (f"{text}.".startswith(f"{number}.") if prefix else holds[sign]):
            return False
    return True


def ordered(text: str) -> tuple[int, ...]:
    """Return a vendor's version as numbers, a candidate before the release that it leads to."""
    parts = [-1 if part == "rc" else int(part) for part in re.findall(r"\d+|rc", text.lower())]
    return tuple(parts + [0] * (8 - len(parts)))
