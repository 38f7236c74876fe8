"""A machine as profiles of a project file: the hardware that is there, named so that others can lock for it."""

import re
from collections import Counter

from envkit.errors import UsageError
from envkit.model.host import Device, HostFacts
from envkit.model.matrix import Matrix
from envkit.model.project import ProfileTable
from envkit.model.value import Value
from envkit.model.vendor import Vendor
from envkit.model.version import VendorVersion
from envkit.resolve.models import find_model, model_of_device
from envkit.resolve.targets import target_facts

_USUAL_ARCHITECTURE = "x86_64"
_SEPARATORS = frozenset(",*+=<>")
_WORD = re.compile(r"[a-z0-9]+")


class MachineProfile(Value):
    """A profile for the devices of one vendor."""

    name: str
    table: ProfileTable
    title: str  # the devices, for people


def machine_profiles(facts: HostFacts, matrix: Matrix) -> tuple[MachineProfile, ...]:
    """Return a profile for each vendor whose devices a machine has and the matrix knows, in the order of the devices.

    It names models, count, driver and processor where a target says exactly these, else the vendor alone.
    """
    devices = [each for each in facts.devices or () if each.usable is not False and each.partition_of is None]
    vendors = (matrix.vendor(name) for name in dict.fromkeys(device.vendor for device in devices))
    return tuple(
        _profile(vendor, tuple(device for device in devices if device.vendor == vendor.name), facts, matrix)
        for vendor in vendors
        if vendor is not None
    )


def _profile(vendor: Vendor, devices: tuple[Device, ...], facts: HostFacts, matrix: Matrix) -> MachineProfile:
    target = _target(vendor, devices, facts, matrix)
    counts = Counter(device.name or device.architecture or "a device without a name" for device in devices)
    title = ", ".join(f"{count}x {name}" for name, count in counts.items())
    table = ProfileTable(on=vendor.name) if target is None else ProfileTable(target=target)
    return MachineProfile(name=vendor.name, table=table, title=f"{vendor.title}: {title}")


def _target(vendor: Vendor, devices: tuple[Device, ...], facts: HostFacts, matrix: Matrix) -> str | None:
    """Return the target that stands for devices, None where there is none that says the same."""
    names = [_listed_name(device, vendor, matrix) for device in devices]
    if any(name is None for name in names):
        return None
    counts = Counter(names)
    parts = ["+".join(f"{name}*{count}" if count > 1 else f"{name}" for name, count in counts.items())]
    stack = facts.stack(vendor.name)
    if stack is not None and stack.driver is not None and _is_version(stack.driver):
        parts.append(f"driver>={stack.driver}")
    usual = vendor.cpu_architectures[0] if vendor.cpu_architectures else _USUAL_ARCHITECTURE
    if facts.cpu is not None and facts.cpu.architecture != usual:
        parts.append(f"arch={facts.cpu.architecture}")
    text = ", ".join(parts)
    try:
        named = target_facts(text, matrix).devices or ()
    except UsageError:
        return None
    return text if _kinds(named) == _kinds(devices) else None


def _listed_name(device: Device, vendor: Vendor, matrix: Matrix) -> str | None:
    """Return the longest listed name that is in the device's own and by which a target finds its architecture."""
    model = model_of_device(device, vendor)
    names = model.names if model is not None else ()
    said = [name for name in names if len(names) == 1 or _words(name) in _words(device.name or "")]
    for name in sorted(said, key=lambda name: (-len(name), name)):
        if _SEPARATORS & set(name):
            continue
        try:
            found_vendor, found, _ = find_model(name, matrix.vendors)
        except UsageError:
            continue
        if (found_vendor.name, found.architecture) == (vendor.name, device.architecture):
            return name
    return None


def _words(text: str) -> str:
    """Return the words of a text, each between spaces, so that whole words are found by their letters."""
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _is_version(text: str) -> bool:
    try:
        VendorVersion(text)
    except ValueError:
        return False
    return not any(character.isspace() for character in text)


def _kinds(devices: tuple[Device, ...]) -> Counter[tuple[str, str | None]]:
    return Counter((device.vendor, device.architecture) for device in devices)
