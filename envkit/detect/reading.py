"""Several sources about the same devices, put together: the first that tells a fact is believed."""

from itertools import count
from typing import NamedTuple

import msgspec

from envkit.model.host import Device, Evidence, Gap, Runtime, Severity
from envkit.model.value import Value

# The facts of a device that decide what runs on it; each is shown with its source, or as a gap.
_IMPORTANT = ("name", "architecture", "memory_mib")


class Trouble(Value):
    """A device of which its own tool says that it is not well."""

    index: int
    said: str  # `health Warning`
    severity: Severity
    values: dict[str, str] = {}  # for the steps of the remedy `VENDOR-health`


class Reading(Value):
    """What one source says about one vendor's devices and driver."""

    source: str
    devices: tuple[Device, ...] = ()
    partitions: tuple[Device, ...] = ()  # `pci_address` is that of the device they are cut from, `index` counts in it
    partitioned: tuple[str, ...] = ()  # addresses of devices that only work through partitions
    driver: str | None = None
    driver_kind: str | None = None
    ceiling: str | None = None  # newest runtime that the driver serves
    runtimes: tuple[Runtime, ...] = ()  # user-space runtimes that the source names
    troubles: tuple[Trouble, ...] = ()
    failure: str | None = None  # why this source says nothing


class Sourced(NamedTuple):
    """A device, and which source told each of its facts."""

    device: Device
    sources: dict[str, str]


def combine(readings: tuple[Reading, ...]) -> tuple[Sourced, ...]:
    """Return the devices of all readings in order, numbered; the same address or number is the same device."""
    known: list[Sourced] = []
    for reading in readings:
        for device in reading.devices:
            place = _same(known, device)
            if place is None:
                known.append(_filled(Sourced(Device(vendor=device.vendor), {}), device, reading.source))
            else:
                known[place] = _filled(known[place], device, reading.source)
    return _numbered(known)


def first(readings: tuple[Reading, ...], field: str) -> tuple[str, str] | None:
    """Return the first value of a text field of the readings, with its source."""
    found = ((getattr(reading, field), reading.source) for reading in readings)
    return next(((value, source) for value, source in found if value is not None), None)


def device_evidence(devices: tuple[Sourced, ...]) -> tuple[Evidence, ...]:
    """Return where the important facts of each device were read."""
    return tuple(
        Evidence(
            fact=f"devices[{place}].{field}", source=sourced.sources[field], raw=str(getattr(sourced.device, field))
        )
        for place, sourced in enumerate(devices)
        for field in _IMPORTANT
        if field in sourced.sources
    )


def device_gaps(devices: tuple[Sourced, ...]) -> tuple[Gap, ...]:
    """Return the important facts that no source told."""
    return tuple(
        Gap(fact=f"devices[{place}].{field}", source="every source of this vendor", reason="not told by any")
        for place, sourced in enumerate(devices)
        for field in _IMPORTANT
        if getattr(sourced.device, field) is None
    )


def failures(readings: tuple[Reading, ...], fact: str = "stacks[0]") -> tuple[Gap, ...]:
    """Return the sources that said nothing, and why."""
    return tuple(
        Gap(fact=fact, source=reading.source, reason=reading.failure)
        for reading in readings
        if reading.failure is not None
    )


def placed_partitions(readings: tuple[Reading, ...], devices: tuple[Sourced, ...]) -> tuple[Device, ...]:
    """Return the partitions of the first source that tells them, each with its device's index and architecture."""
    partitions = next((reading.partitions for reading in readings if reading.partitions), ())
    parents = {sourced.device.pci_address: sourced.device for sourced in devices}
    return tuple(
        msgspec.structs.replace(
            partition,
            partition_of=parents[partition.pci_address].index,
            architecture=parents[partition.pci_address].architecture,
        )
        for partition in partitions
        if partition.pci_address in parents
    )


def _same(known: list[Sourced], device: Device) -> int | None:
    for place, sourced in enumerate(known):
        other = sourced.device
        if device.pci_address is not None and other.pci_address is not None:
            if device.pci_address == other.pci_address:
                return place
        elif device.index is not None and device.index == (place if other.index is None else other.index):
            return place
    return None


def _filled(sourced: Sourced, device: Device, source: str) -> Sourced:
    news = {
        field: getattr(device, field)
        for field in Device.__struct_fields__
        if getattr(sourced.device, field) is None and getattr(device, field) is not None
    }
    return Sourced(msgspec.structs.replace(sourced.device, **news), sourced.sources | dict.fromkeys(news, source))


def _numbered(devices: list[Sourced]) -> tuple[Sourced, ...]:
    """Give numbers to devices that no source numbered: after those that have one, in the order of their addresses."""
    told = [sourced for sourced in devices if sourced.device.index is not None]
    rest = [sourced for sourced in devices if sourced.device.index is None]
    taken = {sourced.device.index for sourced in told}
    free = (number for number in count() if number not in taken)
    numbered = [
        Sourced(msgspec.structs.replace(sourced.device, index=number), sourced.sources)
        for sourced, number in zip(sorted(rest, key=_address), free, strict=False)
    ]
    return tuple(sorted([*told, *numbered], key=lambda sourced: sourced.device.index or 0))


def _address(sourced: Sourced) -> str:
    return sourced.device.pci_address or ""
