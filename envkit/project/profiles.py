"""Which profile of a project is for a machine: the first whose hardware is there."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from envkit.data import load_matrix
from envkit.errors import EnvkitError
from envkit.model.host import Device, HostFacts
from envkit.model.project import ProfileTable
from envkit.model.reserved import CPU
from envkit.model.value import Value
from envkit.model.version import VendorVersion
from envkit.project.reading import ProjectFile
from envkit.project.wishes import profile_facts


class Fitting(Value):
    """The profile that is for a machine."""

    profile: str | None  # None: the settings outside of profiles
    reason: str  # a sentence that says why


def fitting_profile(file: ProjectFile, facts: HostFacts, read_host: Callable[[str], HostFacts]) -> Fitting | None:
    """Return the first profile that a machine fits, else the settings outside of them; None: there are no profiles.

    A profile without `target`, `host` and `on` says nothing about hardware: it is taken by name alone.
    """
    profiles = file.project.profiles
    if not profiles:
        return None
    misfits: list[str] = []
    for name, table in profiles.items():
        misfit = profile_misfit(file, name, facts, read_host)
        if misfit is None:
            return Fitting(profile=name, reason=f"profile `{name}`, {_why(table)}")
        misfits.append(f"`{name}` {misfit}")
    return Fitting(profile=None, reason=f"no profile is for this machine: {'; '.join(misfits)}")


def profile_misfit(file: ProjectFile, name: str, facts: HostFacts, read_host: Callable[[str], HostFacts]) -> str | None:
    """Return what keeps a machine from being one that a profile is for, None where nothing does."""
    table = file.project.profiles[name]
    try:
        wanted = profile_facts(file, name, read_host)
    except EnvkitError as error:
        return f"names a host that cannot be read ({error.message})"
    there = tuple(device for device in facts.devices or () if device.usable is not False)
    if wanted is None:
        return _vendor_misfit(table.on, there)
    found = _device_misfit(wanted.devices, there) if wanted.devices else _accelerated(there)
    return found or _stack_misfit(wanted, facts)


def _why(table: ProfileTable) -> str:
    if table.target is not None:
        return f"the first whose hardware is there: {table.target}"
    if table.host is not None:
        return f"the first whose hardware is there: that of {Path(table.host).name}"
    return "because there is no accelerator" if table.on == CPU else f"the first whose hardware is there: {table.on}"


def _vendor_misfit(vendor: str | None, there: tuple[Device, ...]) -> str | None:
    if vendor is None:
        return "names no hardware"
    vendors = {device.vendor for device in there}
    return None if vendor.lower() in vendors else f"is for {vendor}, and there is {_listed(there)}"


def _accelerated(there: tuple[Device, ...]) -> str | None:
    """Say what keeps a machine from being one without accelerators; a graphics unit of the processor does not."""
    integrated = {
        (vendor.name, model.architecture)
        for vendor in load_matrix(()).vendors
        for model in vendor.models
        if model.category == "integrated"
    }
    own = tuple(device for device in there if (device.vendor, device.architecture) not in integrated)
    return f"is for machines without accelerator, and there is {_listed(own)}" if own else None


def _listed(devices: tuple[Device, ...]) -> str:
    counts = Counter(f"{device.vendor} {device.architecture or device.name or 'device'}" for device in devices)
    return ", ".join(f"{count}x {text}" for text, count in counts.items()) or "no accelerator"


def _device_misfit(wanted: tuple[Device, ...], there: tuple[Device, ...]) -> str | None:
    needed = _architectures(wanted)
    present = _architectures(there)
    missing = {key: count for key, count in needed.items() if present.get(key, 0) < count}
    if not missing:
        return None
    text = ", ".join(f"{count}x {vendor} {architecture}" for (vendor, architecture), count in missing.items())
    return f"is for {text}, and there is {_listed(there)}"


def _architectures(devices: tuple[Device, ...]) -> Mapping[tuple[str, str | None], int]:
    return Counter((device.vendor, device.architecture) for device in devices)


def _stack_misfit(wanted: HostFacts, facts: HostFacts) -> str | None:
    """Hold a machine against driver and processor that a profile names; what is not known of it speaks for it."""
    for stack in wanted.stacks or ():
        seen = facts.stack(stack.vendor)
        if stack.driver is None or seen is None or seen.driver is None:
            continue
        if VendorVersion(seen.driver) < VendorVersion(stack.driver):
            return f"is for driver {stack.driver} or newer, and there is {seen.driver}"
    stated = any(entry.fact == "cpu.architecture" for entry in wanted.evidence)
    if stated and wanted.cpu and facts.cpu and wanted.cpu.architecture != facts.cpu.architecture:
        return f"is for {wanted.cpu.architecture}, and this is {facts.cpu.architecture}"
    return None
