"""The machines on which a locked profile holds: written down when it is locked, and asked of a machine later."""

import re
from collections.abc import Iterator

from envkit.model.availability import Availability
from envkit.model.host import Device, HostFacts, Libc, Stack
from envkit.model.lock import Lock
from envkit.model.matrix import Matrix
from envkit.model.project_lock import HostRange
from envkit.model.recipe import VariantRow
from envkit.model.request import Mode, Request
from envkit.model.reserved import CPU
from envkit.model.resolution import Chosen
from envkit.model.value import Value
from envkit.resolve.builds import BuildSource, find_variant, make_build, variant_rows
from envkit.resolve.checks.architecture import Match, match_device
from envkit.resolve.devices import Accelerator
from envkit.resolve.problem import Problem
from envkit.resolve.situation import make_situation
from envkit.resolve.versions import vendor_within

_GLIBC = re.compile(r"manylinux_2_(\d+)_")
# Names of platforms from before they were called after the glibc version: PEP 513, PEP 571, PEP 599.
_OLD_GLIBC = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}


class Misfit(Value):
    """What keeps a machine out of the range."""

    fact: str  # as in the blame of a resolution: driver, device-architecture, …
    needed: str
    seen: str


def host_range(chosen: Chosen, lock: Lock, matrix: Matrix, cpu_architecture: str) -> HostRange:
    """Return where a locked choice holds, as far as the compatibility data tells."""
    native = chosen.mode is Mode.NATIVE
    levels = [row.cpu_level for _, row in _rows(chosen, matrix, cpu_architecture) if row.cpu_level is not None]
    return HostRange(
        vendor=chosen.vendor,
        architectures=_served_architectures(chosen, matrix, cpu_architecture),
        driver=chosen.driver_range,
        cpu_architecture=cpu_architecture,
        cpu_level=max(levels, default=None),
        libc=_oldest_glibc(lock) if native else None,
        python=chosen.python if native else None,
    )


def find_misfits(holds: HostRange, facts: HostFacts) -> tuple[Misfit, ...]:
    """Return what of a machine lies outside of a range; what is not known of it speaks for it."""
    return tuple(_misfits(holds, facts))


def _misfits(holds: HostRange, facts: HostFacts) -> Iterator[Misfit]:
    if holds.vendor != CPU and facts.devices is not None:
        devices = tuple(each for each in facts.devices if each.vendor == holds.vendor and each.usable is not False)
        yield from _device_misfits(holds, devices, facts.stack(holds.vendor))
    cpu = facts.cpu
    if cpu is not None and holds.cpu_architecture not in {None, cpu.architecture}:
        yield Misfit(fact="cpu-architecture", needed=str(holds.cpu_architecture), seen=cpu.architecture)
    elif cpu is not None and holds.cpu_level is not None and cpu.level is not None and cpu.level < holds.cpu_level:
        yield Misfit(fact="cpu-level", needed=holds.cpu_level, seen=cpu.level)
    libc = facts.os.libc if facts.os is not None else None
    if holds.libc is not None and libc is not None and not _is_new_enough(libc, holds.libc):
        yield Misfit(fact="glibc", needed=f">={holds.libc}", seen=f"{libc.family} {libc.version}")
    pythons = facts.pythons
    if (
        holds.python is not None
        and pythons is not None
        and not any(_is(each.version, holds.python) for each in pythons)
    ):
        seen = ", ".join(each.version for each in pythons) or "none"
        yield Misfit(fact="python", needed=holds.python, seen=seen)


def _device_misfits(holds: HostRange, devices: tuple[Device, ...], stack: Stack | None) -> Iterator[Misfit]:
    if not devices:
        yield Misfit(fact="device", needed=f"a usable device of {holds.vendor}", seen="none")
        return
    known = {device.architecture for device in devices if device.architecture is not None}
    foreign = sorted(known - set(known if holds.architectures is None else holds.architectures))
    if foreign:
        yield Misfit(fact="device-architecture", needed=" ".join(holds.architectures or ()), seen=" ".join(foreign))
    driver = stack.driver if stack is not None else None
    if holds.driver is not None and driver is not None and not vendor_within(holds.driver, driver):
        yield Misfit(fact="driver", needed=holds.driver, seen=driver)


def _rows(chosen: Chosen, matrix: Matrix, cpu_architecture: str) -> Iterator[tuple[str, VariantRow]]:
    """Yield the rows of the chosen builds of the vendor, each with the name of its recipe."""
    for name in chosen.recipes:
        recipe = matrix.recipe(name)
        version = chosen.packages.get(recipe.package) if recipe is not None else None
        if recipe is None or version is None:
            continue
        row = find_variant(variant_rows(recipe, cpu_architecture).get(chosen.variant, []), version.partition("+")[0])
        if row is not None and row.vendor == chosen.vendor:
            yield name, row


def _served_architectures(chosen: Chosen, matrix: Matrix, cpu_architecture: str) -> tuple[str, ...] | None:
    """Return the device architectures of the vendor's tables that all chosen builds serve; None: not known."""
    vendor = matrix.vendor(chosen.vendor)
    if chosen.vendor == CPU or vendor is None:
        return None
    request = Request(specs=(), as_of=matrix.newest_source)
    problem = Problem(facts=HostFacts(), request=request, matrix=matrix, availability=Availability())
    situation = make_situation(problem, (), chosen.vendor)
    served: set[str] | None = None
    for name, row in _rows(chosen, matrix, cpu_architecture):
        recipe = matrix.recipe(name)
        assert recipe is not None  # noqa: S101 - its row was found in it
        version = chosen.packages[recipe.package].partition("+")[0]
        release = next((each for each in recipe.releases if each.version == version), None)
        if release is None or row.architectures is None:
            continue
        build = make_build(recipe, release, row, cpu_architecture, BuildSource())
        fitting = {
            each.architecture
            for each in vendor.architectures
            if match_device(build, _device(chosen.vendor, each.architecture), situation) in {Match.CODE, Match.PTX}
        }
        fitting |= set(row.architectures)
        served = fitting if served is None else served & fitting
    return None if served is None else tuple(sorted(served))


def _device(vendor: str, architecture: str) -> Accelerator:
    device = Device(vendor=vendor, architecture=architecture)
    return Accelerator(
        device=device, position=0, index=0, architecture=architecture, row=None, embedded=False, usable_looking=True
    )


def _oldest_glibc(lock: Lock) -> str | None:
    """Return the oldest glibc that all locked wheels run on: the newest of those that they name."""
    minors = []
    for package in lock.packages:
        platform = package.file.filename.rpartition("-")[2]
        named = [int(minor) for minor in _GLIBC.findall(platform)]
        named += [minor for name, minor in _OLD_GLIBC.items() if f"{name}_" in platform]
        minors += [min(named)] if named else []
    return f"2.{max(minors)}" if minors else None


def _is_new_enough(libc: Libc, oldest: str) -> bool:
    return libc.family == "glibc" and (libc.version is None or vendor_within(f">={oldest}", libc.version))


def _is(version: str, minor: str) -> bool:
    return version == minor or version.startswith(f"{minor}.")
