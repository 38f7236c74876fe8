"""An independent judge: what can run on a host and what is best, from the data alone, by trying everything.

It restates what the data files say and the documented order in the plainest way, shares no code with the resolver and
knows one spec without extras. A verdict of None means that a fact is missing.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import chain
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.model.host import Device, HostFacts, Stack
from envkit.model.matrix import Matrix
from envkit.model.recipe import Recipe, ReleaseRow, VariantRow
from envkit.model.request import Mode, Request
from envkit.model.vendor import ArchitectureRow, Vendor

CPU = "cpu"
MAIN_INDEX = "default"
# What a person reads from the names of images and cards: system, glibc and Pythons, and what kind of card it is.
IMAGES: dict[str, tuple[str | None, str | None, tuple[str, ...] | None]] = {
    "python:3.11-bookworm": ("debian-12", "2.36", ("3.11",)),
    "nvidia/cuda:12.8.1-base-ubuntu22.04": ("ubuntu-22.04", "2.35", None),
    "nvidia/cuda:13.1.0-base-ubuntu24.04": ("ubuntu-24.04", "2.39", None),
    "mine:latest": (None, None, None),
}
KINDS = {None: None, "H100": "datacenter", "GeForce RTX 3090": "geforce"}


class Pick(NamedTuple):
    """What would be installed."""

    vendor: str
    release: str
    variant: str
    index: str
    python: str


class Ruling(NamedTuple):
    """The status, the best build, and how many builds can run."""

    status: str
    pick: Pick | None
    runnable: int = 0


class Candidate(NamedTuple):
    """A release in a variant from an index."""

    release: ReleaseRow
    row: VariantRow
    index: str


def judge(facts: HostFacts, request: Request, matrix: Matrix) -> Ruling:
    """Say what the resolver must answer."""
    vendors = sorted({device.vendor for device in facts.devices or ()})
    if request.on is not None:
        return _ruled(request.on, facts, request, matrix, unused=False)
    tried = [_ruled(name, facts, request, matrix, unused=False) for name in vendors if _looks(name, facts, matrix)]
    good = [ruling for ruling in tried if ruling.pick is not None]
    if good:
        assert len(tried) == 1, "the judge does not weigh vendors against each other"
        return good[0]
    return _ruled(CPU, facts, request, matrix, unused=bool(tried) or facts.devices is None)


def _ruled(vendor: str, facts: HostFacts, request: Request, matrix: Matrix, *, unused: bool) -> Ruling:
    ranked = sorted(_runnable(vendor, facts, request, matrix))
    if not ranked:
        return Ruling("unsatisfiable", None)
    return Ruling("degraded" if ranked[0][0] or unused else "ok", ranked[0][-1], len(ranked))


def _runnable(
    vendor: str, facts: HostFacts, request: Request, matrix: Matrix
) -> Iterator[tuple[bool, bool, tuple[int, ...], Pick]]:
    """Yield every build that can run with its rank, smallest best: assumed, of another vendor, order, pick."""
    tables = None if vendor == CPU else matrix.vendor(vendor)
    devices = _devices(vendor, facts, matrix)
    stack = next((stack for stack in facts.stacks or () if stack.vendor == vendor), None)
    wsl = bool(facts.os and facts.os.wsl)
    left = _left_visible(vendor, facts, request)
    if left is not None and vendor != CPU:
        devices = [device for device in devices if device.index in left]
    certain = vendor == CPU or _host_fits(facts, devices, stack, tables)
    if certain is False:
        return
    if vendor != CPU:
        certain = _all(certain, _mask_read(vendor, facts, request), _admitted(request, devices, stack, tables, wsl=wsl))
    architecture = facts.cpu.architecture if facts.cpu else "x86_64"
    recipe = matrix.recipe(request.specs[0].recipe)
    assert recipe is not None
    asked = request.specs[0].range
    ceiling = _ceiling(stack, tables, wsl=wsl)
    system = "linux" if request.mode is Mode.CONTAINER or facts.os is None else facts.os.system
    for candidate in _candidates(recipe, architecture):
        release, row, index = candidate
        stray = row.vendor != vendor
        if stray and (vendor != CPU or index != MAIN_INDEX or CPU not in recipe.smoke.devices):
            continue
        if row.system != system:
            continue
        if not _wanted(release, row, asked, request.as_of, matrix, index) or request.only_index not in {None, index}:
            continue
        used = [] if vendor == CPU else devices
        fits = vendor == CPU or _device_fits(candidate, devices, stack, tables, ceiling, request, wsl=wsl)
        fits = _all(fits, _not_broken(row, used), _cpu_fits(row, facts), _windows_fit(row, facts, request))
        pythons = row.pythons or release.pythons_by_architecture.get(architecture, release.pythons)
        floor = row.libc or release.libc.get(architecture)
        runtime = _numbers(row.runtime.version) if row.runtime else (0,)
        for python, rank, known in _pythons(facts, request, matrix, architecture):
            whole = _all(certain, fits, facts.cpu is not None or None, known or None, _libc_fits(floor, facts, request))
            if whole is False or python not in pythons:
                continue
            beyond = row.runtime is not None and ceiling is not None and runtime > ceiling
            yield (
                whole is None,
                stray,
                (
                    *(-number for number in _padded(_version(release.version).release)),
                    beyond,
                    *(-number for number in _padded(runtime)),
                    index != MAIN_INDEX,
                    rank,
                ),
                Pick(vendor, release.version, row.variant, index, python),
            )


def _candidates(recipe: Recipe, architecture: str) -> Iterator[Candidate]:
    for release in recipe.releases:
        rows = [
            row
            for row in recipe.variants
            if architecture in row.cpu_architectures and _version(release.version) in _range(row.releases)
        ]
        main = (release.default.get(architecture), *release.also.get(architecture, ()))
        yield from (Candidate(release, row, MAIN_INDEX) for row in rows if row.variant in main)
        yield from (
            Candidate(release, row, index.name.replace("{variant}", row.variant))
            for row in rows
            if row.variant in release.indexed
            for index in recipe.indexes
            if not index.own
        )
        yield from (Candidate(release, row, row.index) for row in rows if row.index is not None)


def _wanted(release: ReleaseRow, row: VariantRow, asked: str, as_of: str, matrix: Matrix, index: str) -> bool:
    version = _version(release.version)
    exact = re.fullmatch(r"==[0-9.]+(\+\w+)?", asked) is not None
    labelled = release.version if index == MAIN_INDEX else f"{release.version}+{row.variant}"
    age = (date.fromisoformat(as_of) - date.fromisoformat(release.released)).days
    if version.is_prerelease or not _range(asked).contains(labelled, prereleases=True):
        return False
    return exact or (age >= matrix.foundations.settle_days and release.yanked is None)


def _pythons(facts: HostFacts, request: Request, matrix: Matrix, architecture: str) -> Iterator[tuple[str, int, bool]]:
    """Yield each Python that may be used: its minor version, how far down the preference it is, whether it is there."""
    preference = matrix.foundations.python_preference
    given = None if request.base_image is None else IMAGES[request.base_image][2]
    if request.base_image is not None:
        there: dict[str, str] = {minor: f"{minor}.999" for minor in given or preference}
    elif request.mode is Mode.CONTAINER:
        bases = (base for base in matrix.foundations.bases if architecture in base.cpu_architectures)
        there = {minor: f"{minor}.999" for base in bases for minor in base.pythons}
    elif facts.pythons is None:
        there = {minor: f"{minor}.999" for minor in preference}
    else:
        there = {".".join(python.version.split(".")[:2]): python.version for python in facts.pythons}
    asked = request.python or ""
    for minor, full in there.items():
        if _range(f"=={asked}.*" if asked[:1].isdigit() else asked).contains(full):
            rank = preference.index(minor) if minor in preference else 100 - int(minor.split(".")[1])
            known = facts.pythons is not None if request.mode is Mode.NATIVE else True
            yield minor, rank, given is not None if request.base_image is not None else known


def _libc_fits(floor: str | None, facts: HostFacts, request: Request) -> bool | None:
    if request.base_image is not None:
        inside = IMAGES[request.base_image][1]
        return True if floor is None else None if inside is None else _numbers(inside) >= _numbers(floor)
    if request.mode is Mode.CONTAINER:
        return _numbers(floor or "0") <= (2, 36)
    libc = facts.os.libc if facts.os else None
    if libc is not None and libc.family != "glibc":
        return False
    if floor is None:
        return True
    return None if libc is None or libc.version is None else _numbers(libc.version) >= _numbers(floor)


def _devices(vendor: str, facts: HostFacts, matrix: Matrix) -> list[Device]:
    """Return the devices that the data knows; where it knows none, who names the vendor means those that are there."""
    own = [device for device in facts.devices or () if device.vendor == vendor]
    return [device for device in own if _known(device, facts, matrix)] or own


def _masks(vendor: str, facts: HostFacts, request: Request) -> list[tuple[int, ...] | None]:
    """Return what each variable of the shell leaves of a vendor's devices; a container does not have them."""
    if request.mode is Mode.CONTAINER:
        return []
    return [mask.devices for mask in facts.masks if mask.vendor == vendor and not mask.container]


def _left_visible(vendor: str, facts: HostFacts, request: Request) -> set[int] | None:
    """Return the devices that programs see, None where all are seen or nobody can tell which."""
    masks = _masks(vendor, facts, request)
    left = [set(devices) for devices in masks if devices is not None]
    return set.intersection(*left) if left and len(left) == len(masks) else None


def _mask_read(vendor: str, facts: HostFacts, request: Request) -> bool | None:
    return None if None in _masks(vendor, facts, request) else True


def _looks(vendor: str, facts: HostFacts, matrix: Matrix) -> bool:
    return any(_known(device, facts, matrix) for device in facts.devices or () if device.vendor == vendor)


def _known(device: Device, facts: HostFacts, matrix: Matrix) -> bool:
    tables = matrix.vendor(device.vendor)
    assert tables is not None
    listed = {row.architecture for row in chain(tables.architectures, tables.models)}
    stack = next((stack for stack in facts.stacks or () if stack.vendor == device.vendor), None)
    return device.architecture in listed or _ceiling(stack, tables, wsl=False) is not None


def _host_fits(facts: HostFacts, devices: list[Device], stack: Stack | None, tables: Vendor | None) -> bool | None:
    if facts.devices is None:
        return None
    wsl = bool(facts.os and facts.os.wsl)
    return bool(devices) and _all(_module_fits(devices, stack, tables), _branch_fits(devices, stack, tables, wsl=wsl))


def _row(device: Device, tables: Vendor | None) -> ArchitectureRow | None:
    rows = tables.architectures if tables is not None else ()
    return next((row for row in rows if row.architecture == device.architecture), None)


def _desktop_rows(devices: list[Device], tables: Vendor | None) -> list[ArchitectureRow]:
    rows = [_row(device, tables) for device in devices]
    return [row for row in rows if row is not None and not row.tegra]


def _module_fits(devices: list[Device], stack: Stack | None, tables: Vendor | None) -> bool:
    kinds = {row.driver_kind for row in _desktop_rows(devices, tables)} - {None, "either"}
    loaded = stack.driver_kind if stack else None
    return not kinds or (len(kinds) == 1 and (loaded is None or loaded in kinds))


def _branch_fits(devices: list[Device], stack: Stack | None, tables: Vendor | None, *, wsl: bool) -> bool | None:
    rows = [row for row in _desktop_rows(devices, tables) if row.first_driver or row.last_driver]
    if wsl or not rows:
        return True
    if stack is None or stack.driver is None:
        return None
    driver = _numbers(stack.driver)
    return all(
        (row.first_driver is None or driver >= _numbers(row.first_driver))
        and (row.last_driver is None or driver[0] <= int(row.last_driver))
        for row in rows
    )


def _device_fits(
    candidate: Candidate,
    devices: list[Device],
    stack: Stack | None,
    tables: Vendor | None,
    ceiling: tuple[int, ...] | None,
    request: Request,
    *,
    wsl: bool,
) -> bool | None:
    _, row, index = candidate
    assert row.runtime is not None
    assert tables is not None
    driver = _numbers(stack.driver) if stack and stack.driver else None
    embedded = any(own is not None and own.tegra for own in (_row(device, tables) for device in devices))
    if tables.name == "amd":
        codes = None if row.architectures is None else all(d.architecture in row.architectures for d in devices)
        return _all(codes, _window_fits(row.runtime.version, stack, tables))
    ptx = row.ptx if index == MAIN_INDEX or row.ptx_indexed is None else row.ptx_indexed
    ways = [_way(device.architecture or "", row.architectures or (), ptx, tables) for device in devices]
    if "none" in ways:
        return False
    runtime = _numbers(row.runtime.version)
    fits = [_floor_fits(runtime, driver, ceiling, tables, embedded=embedded, wsl=wsl)]
    if "ptx" in ways:
        fits.append(_exact_fits(runtime, driver, ceiling, tables, comparable=not embedded and not wsl))
    helped = [None if fit is False and not embedded and not wsl else fit for fit in fits]
    if helped != fits:
        # What an old driver refuses, a library may bring, and each refusal asks for its own.
        needs = [exact for fit, exact in zip(fits, (False, True), strict=False) if fit is False]
        fits = [fit for fit in fits if fit is not False]
        fits += [_forward(runtime, driver, devices, stack, tables, request, exact=exact) for exact in needs]
    return _all(*fits)


def _forward(
    runtime: tuple[int, ...],
    driver: tuple[int, ...] | None,
    devices: list[Device],
    stack: Stack | None,
    tables: Vendor,
    request: Request,
    *,
    exact: bool,
) -> bool | None:
    """Say whether a newer driver's library helps: False where it does not, None where it would have to be there."""
    if not request.allow or driver is None or not devices:
        return False
    reach = [
        _numbers(row.runtime)
        for row in tables.forward_rows
        if driver[0] in row.branches and all(KINDS[device.name] in row.categories for device in devices)
    ]
    reach = [number for number in reach if (number >= runtime if exact else number[0] >= runtime[0])]
    if not reach:
        return False
    loaded = stack.runtime_ceiling if stack else None
    there = request.mode is Mode.NATIVE and loaded is not None and _numbers(loaded.version) >= max(reach)
    return True if there else None


def _admitted(
    request: Request, devices: list[Device], stack: Stack | None, tables: Vendor | None, *, wsl: bool
) -> bool | None:
    """Say whether the image that was named starts under the driver."""
    image = request.base_image or ""
    row = next((row for row in tables.admissions if image.startswith(row.images.rstrip("*"))), None) if tables else None
    exact = (
        [row for row in tables.admissions if row.runtime and image.startswith(row.images.rstrip("*"))] if tables else []
    )
    if row is None or not devices:
        return True
    row = exact[0] if exact else row
    ceiling = _ceiling(stack, tables, wsl=wsl)
    if row.runtime is None:
        return None
    if ceiling is not None and ceiling >= _numbers(row.runtime):
        return True
    if ceiling is None or stack is None or stack.driver is None:
        return None
    if _numbers(stack.driver)[0] not in row.branches:
        return False
    return _all(*(None if KINDS[device.name] is None else KINDS[device.name] in row.categories for device in devices))


def _not_broken(row: VariantRow, devices: list[Device]) -> bool:
    """Rows about releases are not drawn here."""
    hit = {device.architecture for device in devices}
    return not any(broken.architectures is None or hit & set(broken.architectures) for broken in row.broken)


def _cpu_fits(row: VariantRow, facts: HostFacts) -> bool | None:
    levels = ("x86_64", "x86_64_v2", "x86_64_v3", "x86_64_v4")
    if row.cpu_level is None:
        return True
    if facts.cpu is None or facts.cpu.level not in levels:
        return None
    return levels.index(facts.cpu.level) >= levels.index(row.cpu_level)


def _windows_fit(row: VariantRow, facts: HostFacts, request: Request) -> bool | None:
    """Kernels are drawn with lower ends alone, systems with full names and a star for all versions."""
    fits: list[bool | None] = []
    for window in row.windows:
        if window.fact == "kernel":
            kernel = facts.os.kernel if facts.os else None
            ends = [_numbers(allowed.removeprefix(">=")) for allowed in window.allowed]
            fits.append(None if kernel is None else any(_numbers(kernel) >= end for end in ends))
        else:
            name = _system_name(facts, request)
            fits.append(
                None if name is None else any(name.startswith(allowed.rstrip("*")) for allowed in window.allowed)
            )
    return _all(*fits)


def _system_name(facts: HostFacts, request: Request) -> str | None:
    if request.base_image is not None:
        return IMAGES[request.base_image][0]
    if request.mode is Mode.CONTAINER:
        return "debian-12"
    return f"{facts.os.id}-{facts.os.version}" if facts.os and facts.os.id else None


def _way(device: str, codes: tuple[str, ...], ptx: tuple[str, ...], tables: Vendor) -> str:
    """Say how a device is served: cubins within the major upwards, PTX upwards, boards apart from the rest."""
    tegra = {row.architecture for row in tables.architectures if row.tegra}
    major, minor = _capability(device)
    for code in codes:
        code_major, code_minor = _capability(code)
        exchanged = device == code or not {device, code} & tegra
        if exchanged and major == code_major and minor >= code_minor:
            return "code"
    return "ptx" if any((major, minor) >= _capability(code) for code in ptx) else "none"


def _floor_fits(
    runtime: tuple[int, ...],
    driver: tuple[int, ...] | None,
    ceiling: tuple[int, ...] | None,
    tables: Vendor,
    *,
    embedded: bool,
    wsl: bool,
) -> bool | None:
    floor = next((floor for floor in tables.driver_floors if floor.runtime_major == runtime[0]), None)
    if floor is None or embedded:
        return None
    minimum = floor.minimum_windows if wsl else floor.minimum
    if driver is not None and minimum is not None:
        return driver >= _numbers(minimum)
    return None if ceiling is None else ceiling[0] >= runtime[0]


def _exact_fits(
    runtime: tuple[int, ...],
    driver: tuple[int, ...] | None,
    ceiling: tuple[int, ...] | None,
    tables: Vendor,
    *,
    comparable: bool,
) -> bool | None:
    if ceiling is not None and ceiling >= runtime:
        return True
    row = next((row for row in tables.driver_rows if _numbers(row.runtime) == runtime), None)
    if row is None or driver is None or not comparable:
        return None
    return driver >= _numbers(row.minimum)


def _window_fits(runtime: str, stack: Stack | None, tables: Vendor) -> bool | None:
    if stack is None or stack.driver is None:
        return None
    own = [window for window in tables.driver_windows if f"{stack.driver}.".startswith(f"{window.driver}.")]
    if not own:
        return None
    return any(f"{runtime}.".startswith(tested.removesuffix("x")) for tested in own[0].runtimes)


def _ceiling(stack: Stack | None, tables: Vendor | None, *, wsl: bool) -> tuple[int, ...] | None:
    if stack is None:
        return None
    if stack.runtime_ceiling is not None:
        return _numbers(stack.runtime_ceiling.version)
    if tables is None or stack.driver is None or wsl:
        return None
    branch = _numbers(stack.driver)[0]
    return next((_numbers(row.ceiling) for row in tables.driver_branches if row.branch == branch), None)


def _all(*fits: bool | None) -> bool | None:
    if False in fits:
        return False
    return None if None in fits else True


def _capability(text: str) -> tuple[int, int]:
    return int(text[3:-1]), int(text[-1])


@cache
def _range(text: str) -> SpecifierSet:
    return SpecifierSet(text)


@cache
def _version(text: str) -> Version:
    return Version(text)


@cache
def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def _padded(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return (*numbers, *(0 for _ in range(6 - len(numbers))))
