"""Environment variables by which frameworks see fewer devices of a host than it has."""

import re
from typing import NamedTuple

from envkit.detect.models import known_vendor
from envkit.model.host import Device, HostFacts, Mask
from envkit.model.vendor import VisibilityRow
from envkit.system.host import Host

_INDEX = re.compile(r"(?P<place>\d{1,4})")
_ENTRIES = {"indices": _INDEX, "tiles": re.compile(r"(?P<place>\d{1,4})(?:\.\d{1,3})*")}
# A device by its own identity, as `GPU-8932f937` and `MIG-…`: which index that is cannot be told.
_IDENTITY = re.compile(r"[A-Za-z]+-[0-9A-Fa-f]")
# The part of a selector that PyTorch's devices come from, and what stands for all of its GPUs.
_SELECTED_BACKENDS = ("level_zero", "*")
_EVERY_DEVICE = ("gpu", "*")


class _Setting(NamedTuple):
    """A variable that is set, and how its vendor reads it."""

    row: VisibilityRow
    value: str


def detect_masks(host: Host, facts: HostFacts) -> tuple[Mask, ...]:
    """Return the variables that are set and mean devices of this host, in the order in which they apply."""
    vendors = dict.fromkeys(device.vendor for device in facts.devices or ())
    contained = facts.os is not None and facts.os.container is not None
    return tuple(
        mask
        for vendor in vendors
        for mask in _masks(host, vendor, _settings(host, vendor, tuple(vendors), contained=contained), facts)
    )


def _settings(host: Host, vendor: str, present: tuple[str, ...], *, contained: bool) -> tuple[_Setting, ...]:
    table = known_vendor(vendor)
    found = []
    for row in () if table is None else table.visibility_rows:
        value = host.variable(row.variable)
        elsewhere = row.owner in present or (row.container and not contained)
        unread = row.fallback_for is not None and bool(host.variable(row.fallback_for))
        if value is None or elsewhere or unread or (not value and row.empty == "ignored"):
            continue
        found.append(_Setting(row, value))
    return tuple(found)


def _masks(host: Host, vendor: str, settings: tuple[_Setting, ...], facts: HostFacts) -> tuple[Mask, ...]:
    devices = tuple(device for device in facts.devices or () if device.vendor == vendor)
    masks: dict[str, Mask] = {}
    for row, value in settings:
        earlier = masks.get(row.relative_to or "")
        counted = _counted(host, devices, row) if earlier is None else earlier.devices
        masks[row.variable] = Mask(
            vendor=vendor,
            variable=row.variable,
            value=value,
            devices=None if row.container else _visible(row, value, counted),
            container=row.container,
        )
    return tuple(masks.values())


def _counted(host: Host, devices: tuple[Device, ...], row: VisibilityRow) -> tuple[int, ...] | None:
    """Return the indices in the order in which frameworks count them, or None when that cannot be told.

    Partitions are counted as well, devices without a driver are not, and unlike ones by speed rather than by address
    unless the row's variable says otherwise.
    """
    indices = [device.index for device in devices if device.index is not None]
    alike = len({(device.pci_id, device.name) for device in devices}) < 2  # noqa: PLR2004 - one kind
    some_unusable = len({device.usable is False for device in devices}) > 1
    partitioned = any(device.partition_of is not None for device in devices)
    if partitioned or some_unusable or len(indices) < len(devices) or not (alike or _by_address(host, row)):
        return None
    return tuple(sorted(indices))


def _by_address(host: Host, row: VisibilityRow) -> bool:
    if row.bus_order is None:
        return True
    variable, _, value = row.bus_order.partition("=")
    return host.variable(variable) == value


def _visible(row: VisibilityRow, value: str, counted: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Return the indices that a value leaves, None when it cannot be mapped to them."""
    if not value:
        return () if row.empty == "hides" else None
    if row.form == "cores":
        return None
    if row.form == "selector":
        return _selected(value, counted)
    return _listed(row, value, counted)


def _listed(row: VisibilityRow, value: str, counted: tuple[int, ...] | None) -> tuple[int, ...] | None:
    visible: dict[int, None] = {}
    for written in value.split(","):
        entry = written.strip() if row.blanks else written
        if _IDENTITY.match(entry):
            return None
        match = _ENTRIES[row.form].fullmatch(entry)
        place = None if match is None else int(match["place"])
        if place is None or (counted is not None and place >= len(counted)):
            if row.invalid == "ends":
                break
            return None
        if counted is None:
            return None
        visible[counted[place]] = None
    return tuple(visible)


def _selected(value: str, counted: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Read `level_zero:0,1;opencl:cpu`: terms of a backend and its devices."""
    terms = [term.partition(":") for term in value.split(";")]
    chosen = [devices for backend, _, devices in terms if backend in _SELECTED_BACKENDS]
    if not chosen or counted is None or any(backend.startswith("!") for backend, _, _ in terms):
        return None
    if any(devices in _EVERY_DEVICE for devices in chosen):
        return counted
    entries = [entry for devices in chosen for entry in devices.split(",")]
    if not all(_INDEX.fullmatch(entry) and int(entry) < len(counted) for entry in entries):
        return None
    return tuple(dict.fromkeys(counted[int(entry)] for entry in entries))
