"""Google TPUs."""

import msgspec

from envkit.detect.by_pci import PciSigns, facts_from_readings, file_readings, tool_is_wanted
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.findings import make_finding
from envkit.detect.models import known_vendor, only_model
from envkit.detect.reading import Reading, combine
from envkit.model.host import Device, Finding

_PCI_VENDOR = "1ae0"
# Chips v2 to v7x; other functions of the vendor are network and storage of its virtual machines.
_CHIPS = ("0027", "005e", "0062", "0063", "006f", "0076")
# The tool takes seconds and is part of an environment: only a chip that the bus does not name is worth it.
_NEEDED = ("name", "architecture")
_SIGNS = PciSigns(
    vendor="google-tpu",
    through_vfio=True,
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Google's TPUs.

    Sources, in order: 1. the bus and device nodes; 2. tpu-info, for a chip that the bus does not name; 3. the device
    table.
    """
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device in _CHIPS
    )
    if not found and around.pci is not None:
        return VendorFacts()
    readings = file_readings(around, found, _SIGNS)
    told: tuple[Reading, ...] = ()
    if tool_is_wanted(around, found, readings, _SIGNS.vendor, _NEEDED):
        # Imported here: only a host with a chip that the bus does not name comes here.
        from envkit.detect.by_tool import ask
        from envkit.detect.sources.tpu_info import FORMS

        told = ask(around, found, FORMS, files=readings)
    missing = _library_missing(around, told)
    runtimes = next((reading.runtimes for reading in told if reading.runtimes), None if missing is None else ())
    facts = facts_from_readings(around, found, _SIGNS, (*readings, *told, _memory((*readings, *told))), runtimes)
    if missing is None or not facts.devices:
        return facts
    return msgspec.structs.replace(facts, findings=(*facts.findings, missing))


def _memory(readings: tuple[Reading, ...]) -> Reading:
    """Return the memory of chips that were named without an id on the bus."""
    table = known_vendor(_SIGNS.vendor)
    devices = [sourced.device for sourced in combine(readings)]
    rows = [only_model(table, device.architecture) if table and device.architecture else None for device in devices]
    return Reading(
        source="device table",
        devices=tuple(
            Device(vendor=device.vendor, index=device.index, pci_address=device.pci_address, memory_mib=row.memory_mib)
            for device, row in zip(devices, rows, strict=True)
            if row is not None
        ),
    )


def _library_missing(around: Surroundings, told: tuple[Reading, ...]) -> Finding | None:
    from envkit.detect.sources.tpu_info import LIBRARY_MISSING

    reading = next((reading for reading in told if reading.failure == LIBRARY_MISSING), None)
    if reading is None:
        return None
    evidence = f"{reading.source}: {LIBRARY_MISSING}"
    return make_finding("tpu-libtpu-missing", "stacks[0].runtimes", evidence, system=around.system)
