"""Single changes to a problem, each of one fact or one wish; remedies and blame come from solving again with them."""

from collections.abc import Callable
from functools import partial
from itertools import combinations

from msgspec.structs import replace

from envkit.model.host import Device, HostFacts, Libc, Stack
from envkit.model.request import Allowance, Mode, Spec
from envkit.model.reserved import CPU
from envkit.model.value import Value
from envkit.model.version import VendorVersion
from envkit.resolve.devices import Accelerator, accelerators
from envkit.resolve.problem import Problem, find_wants
from envkit.resolve.versions import day_number

AGREE = "use-cpu"
OTHER_RECIPE = "other-recipe"
FORWARD = "forward-compat"
UNMASK = "unset-variable"
_FAR_FUTURE = "9999-12-31"
_OPEN_LIBC = Libc(family="glibc")


class Change(Value):
    """One change; `apply` takes the problem and the vendor and returns None where there is nothing to change."""

    kind: str
    cost: int  # cheaper ones are offered first
    apply: Callable[[Problem, str], Problem | None]
    offered: bool = True  # False: only asked to find what is to blame


def find_changes(problem: Problem, vendor: str) -> tuple[Change, ...]:
    """Return the changes worth trying for a vendor, cheapest first."""
    return (
        Change(kind="pin-framework", cost=1, apply=_any_release),
        *((Change(kind="pin-framework", cost=1, apply=_young_release),) if _knows_young(problem, vendor) else ()),
        Change(kind="change-python", cost=2, apply=_any_python_of_the_place),
        Change(kind="drop-extra", cost=2, apply=_no_extras),
        Change(kind="loosen-constraint", cost=2, apply=_no_constraints),
        Change(kind="drop-package", cost=2, apply=_no_packages),
        Change(kind="any-index", cost=2, apply=_any_index),
        Change(kind="plain-base", cost=2, apply=_plain_base),
        Change(kind="use-native", cost=2, apply=_natively),
        Change(kind=UNMASK, cost=2, apply=_without_masks),
        Change(kind=OTHER_RECIPE, cost=3, apply=_other_recipe),
        *_device_changes(problem, vendor),
        Change(kind="use-container", cost=3, apply=_in_container),
        Change(kind="install-python", cost=4, apply=_any_python),
        *((Change(kind=FORWARD, cost=5, apply=_forward_compatible),) if _knows_libraries(problem, vendor) else ()),
        Change(kind="reach-index", cost=5, apply=_everything_reachable),
        Change(kind="change-driver", cost=6, apply=_best_driver),
        Change(kind="mend-device", cost=7, apply=_usable_devices),
        Change(kind=AGREE, cost=9, apply=_on_processor),
        Change(kind="other-device", cost=10, apply=_open_architectures, offered=False),
        Change(kind="other-libc", cost=10, apply=_open_libc, offered=False),
        Change(kind="other-processor", cost=10, apply=_other_processor, offered=False),
        Change(kind="other-system", cost=10, apply=_open_system, offered=False),
        Change(kind="other-lock", cost=10, apply=_no_refusals, offered=False),
    )


def _knows_young(problem: Problem, vendor: str) -> bool:
    """Tell whether a recipe of the request, or one that stands in for it, has a release that has yet to settle."""
    posed = (problem, _other_recipe(problem, vendor))
    recipes = [want.recipe for other in posed if other is not None for want in find_wants(other)]
    latest = day_number(problem.request.as_of) - problem.matrix.foundations.settle_days
    return any(day_number(release.released) > latest for recipe in recipes for release in recipe.releases)


def _knows_libraries(problem: Problem, vendor: str) -> bool:
    """Tell whether the vendor has libraries that stand in for a newer driver."""
    tables = problem.matrix.vendor(vendor)
    return tables is not None and bool(tables.forward_rows)


def newest_driver(problem: Problem, vendor: str) -> str | None:
    """Return the newest driver that serves all chosen devices, as a version above all of its branch; None: unknown."""
    tables = problem.matrix.vendor(vendor)
    if tables is None:
        return None
    devices = chosen_devices(problem, vendor)
    limits = [VendorVersion(row.last_driver).major for row in (d.row for d in devices) if row and row.last_driver]
    branches = [row.branch for row in tables.driver_branches if row.branch <= min(limits, default=row.branch)]
    if branches:
        return f"{max(branches)}.999"
    newest = [window.driver for window in tables.driver_windows] + [row.newest for row in tables.runtime_drivers]
    return max(newest, key=VendorVersion) if newest else None


def driver_steps(problem: Problem, vendor: str) -> tuple[str, ...]:
    """Return the drivers above the present one from which on more can run, oldest first."""
    tables, stack = problem.matrix.vendor(vendor), problem.facts.stack(vendor)
    if tables is None or stack is None or stack.driver is None:
        return ()
    wsl = problem.facts.os is not None and bool(problem.facts.os.wsl)
    floors = {floor.minimum_windows if wsl else floor.minimum for floor in tables.driver_floors}
    firsts = {device.row.first_driver for device in chosen_devices(problem, vendor) if device.row is not None}
    listed = {row.minimum for row in tables.runtime_drivers}
    known = {step for step in floors | listed | (set() if wsl else firsts) if step is not None}
    return tuple(
        sorted((step for step in known if VendorVersion(step) > VendorVersion(stack.driver)), key=VendorVersion)
    )


def with_driver(problem: Problem, vendor: str, driver: str) -> Problem:
    """Return the problem with another driver of the vendor, of which nothing but its number is known."""
    stack = problem.facts.stack(vendor) or Stack(vendor=vendor)
    return _with_stack(problem, replace(stack, driver=driver, driver_kind=None, runtime_ceiling=None))


def chosen_devices(problem: Problem, vendor: str) -> tuple[Accelerator, ...]:
    """Return the devices that the request is about, unusable ones included."""
    asked = problem.request.devices
    return tuple(device for device in accelerators(problem, vendor) if asked is None or device.index in asked)


def _any_release(problem: Problem, _vendor: str) -> Problem | None:
    if not any(spec.range for spec in problem.request.specs):
        return None
    specs = tuple(replace(spec, range="") for spec in problem.request.specs)
    return replace(problem, request=replace(problem.request, specs=specs))


def _young_release(problem: Problem, _vendor: str) -> Problem | None:
    return replace(problem, request=replace(problem.request, as_of=_FAR_FUTURE))


def _any_python_of_the_place(problem: Problem, _vendor: str) -> Problem | None:
    if problem.request.python is None:
        return None
    return replace(problem, request=replace(problem.request, python=None))


def _any_python(problem: Problem, _vendor: str) -> Problem | None:
    if problem.mode is Mode.CONTAINER or problem.facts.pythons is None:
        return None
    return replace(problem, facts=replace(problem.facts, pythons=None))


def _no_extras(problem: Problem, _vendor: str) -> Problem | None:
    if not any(spec.extras for spec in problem.request.specs):
        return None
    specs = tuple(replace(spec, extras=()) for spec in problem.request.specs)
    return replace(problem, request=replace(problem.request, specs=specs))


def _no_constraints(problem: Problem, _vendor: str) -> Problem | None:
    if not problem.availability.constraints:
        return None
    return replace(problem, availability=replace(problem.availability, constraints=()))


def _no_packages(problem: Problem, _vendor: str) -> Problem | None:
    if not problem.request.packages:
        return None
    return replace(problem, request=replace(problem.request, packages=()))


def _any_index(problem: Problem, _vendor: str) -> Problem | None:
    if problem.request.only_index is None:
        return None
    return replace(problem, request=replace(problem.request, only_index=None))


def _plain_base(problem: Problem, _vendor: str) -> Problem | None:
    if problem.request.base_image is None:
        return None
    return replace(problem, request=replace(problem.request, base_image=None, mode=Mode.CONTAINER))


def _without_masks(problem: Problem, vendor: str) -> Problem | None:
    masks = problem.facts.masks_of(vendor)
    if not masks or problem.mode is not Mode.NATIVE:
        return None
    kept = tuple(mask for mask in problem.facts.masks if mask not in masks)
    return replace(problem, facts=replace(problem.facts, masks=kept))


def _forward_compatible(problem: Problem, _vendor: str) -> Problem | None:
    allowed = problem.request.allow
    if Allowance.FORWARD_COMPAT in allowed:
        return None
    return replace(problem, request=replace(problem.request, allow=(*allowed, Allowance.FORWARD_COMPAT)))


def _no_refusals(problem: Problem, _vendor: str) -> Problem | None:
    if not problem.availability.refusals:
        return None
    return replace(problem, availability=replace(problem.availability, refusals=()))


def _in_container(problem: Problem, _vendor: str) -> Problem | None:
    if problem.mode is Mode.CONTAINER:
        return None
    engine = None if problem.request.engine == "native" else problem.request.engine
    return replace(problem, request=replace(problem.request, mode=Mode.CONTAINER, engine=engine))


def _natively(problem: Problem, _vendor: str) -> Problem | None:
    if problem.mode is Mode.NATIVE:
        return None
    request = replace(problem.request, mode=Mode.NATIVE, engine=None, base_image=None)
    return replace(problem, request=request)


def _other_recipe(problem: Problem, vendor: str) -> Problem | None:
    """Ask for the recipes that have builds for the vendor where those of the request have none."""
    specs: list[Spec] = []
    for spec in problem.request.specs:
        recipe = problem.matrix.recipe(spec.recipe)
        absent = () if recipe is None else recipe.absent
        row = next((row for row in absent if row.vendor == vendor and row.recipe is not None), None)
        specs.append(spec if row is None else Spec(recipe=row.recipe or ""))
    if tuple(specs) == problem.request.specs or len({spec.recipe for spec in specs}) < len(specs):
        return None
    return replace(problem, request=replace(problem.request, specs=tuple(specs)))


def _everything_reachable(problem: Problem, _vendor: str) -> Problem | None:
    state = problem.availability
    if not state.offline and not state.indexes and not state.images:
        return None
    return replace(problem, availability=replace(state, offline=False, indexes=(), images=()))


def _on_processor(problem: Problem, vendor: str) -> Problem | None:
    if vendor == CPU:
        return None
    return replace(problem, request=replace(problem.request, on=CPU, devices=None))


def _best_driver(problem: Problem, vendor: str) -> Problem | None:
    stack, newest = problem.facts.stack(vendor), newest_driver(problem, vendor)
    if stack is None or stack.driver is None or newest is None:
        return None
    return with_driver(problem, vendor, newest)


def _usable_devices(problem: Problem, vendor: str) -> Problem | None:
    devices = problem.facts.devices or ()
    if not any(device.vendor == vendor and device.usable is False for device in devices):
        return None
    mended = tuple(_mended(device) if device.vendor == vendor else device for device in devices)
    stack, newest = problem.facts.stack(vendor) or Stack(vendor=vendor), newest_driver(problem, vendor)
    changed = replace(problem, facts=replace(problem.facts, devices=mended))
    return _with_stack(changed, Stack(vendor=vendor, driver=stack.driver or newest))


def _open_architectures(problem: Problem, vendor: str) -> Problem | None:
    devices = problem.facts.devices or ()
    if not any(device.vendor == vendor for device in devices):
        return None
    opened = tuple(
        replace(device, architecture=None, name=None, pci_id=None, usable=None) if device.vendor == vendor else device
        for device in devices
    )
    return replace(problem, facts=replace(problem.facts, devices=opened))


def _open_libc(problem: Problem, _vendor: str) -> Problem | None:
    if problem.facts.os is None or problem.mode is Mode.CONTAINER:
        return None
    system = replace(problem.facts.os, libc=_OPEN_LIBC)
    return replace(problem, facts=replace(problem.facts, os=system))


def _open_system(problem: Problem, vendor: str) -> Problem | None:
    """Leave open what a build's windows are about, but for the driver."""
    if problem.facts.os is None:
        return None
    system = replace(problem.facts.os, id=None, version=None, kernel=None)
    changed = replace(problem, facts=replace(problem.facts, os=system))
    stack = problem.facts.stack(vendor)
    return changed if stack is None else _with_stack(changed, replace(stack, runtimes=None, firmware=None))


def _other_processor(problem: Problem, _vendor: str) -> Problem | None:
    if problem.facts.cpu is None:
        return None
    return replace(problem, facts=replace(problem.facts, cpu=None))


def _device_changes(problem: Problem, vendor: str) -> tuple[Change, ...]:
    """Offer each subset of the architectures of the chosen devices, those with the most devices first.

    Where a device was asked for that is not there or not visible, all that are there are offered too.
    """
    visible = [device for device in accelerators(problem, vendor) if not device.hidden]
    there = [device for device in visible if device.device.usable is not False]
    asked = problem.request.devices
    devices = [device for device in there if asked is None or device.index in asked]
    architectures = sorted({device.architecture or "" for device in devices})
    subsets = [
        tuple(device.index for device in devices if (device.architecture or "") in kept)
        for size in range(1, len(architectures))
        for kept in combinations(architectures, size)
    ]
    if there and set(asked or ()) - {device.index for device in visible}:
        subsets.append(tuple(device.index for device in there))
    subsets.sort(key=lambda indices: (-len(indices), indices))
    return tuple(
        Change(kind="use-device", cost=3, apply=partial(_only_devices, indices=indices)) for indices in subsets
    )


def _only_devices(problem: Problem, vendor: str, *, indices: tuple[int, ...]) -> Problem | None:
    several = len({device.vendor for device in problem.facts.devices or ()}) > 1
    on = vendor if several else problem.request.on
    return replace(problem, request=replace(problem.request, devices=indices, on=on))


def _mended(device: Device) -> Device:
    return replace(device, usable=None if device.usable is False else device.usable)


def _with_stack(problem: Problem, stack: Stack) -> Problem:
    others = tuple(other for other in problem.facts.stacks or () if other.vendor != stack.vendor)
    facts: HostFacts = replace(problem.facts, stacks=(*others, stack))
    return replace(problem, facts=facts)
