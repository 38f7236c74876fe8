"""What GPUStack's detector printed, where nothing else of a machine can be read: the last source there is."""

import re

import msgspec

from envkit.detect.by_pci import PciSigns, facts_from_readings
from envkit.detect.decoding import decode_json
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.pci import full_address
from envkit.detect.printed import find_version, told
from envkit.detect.reading import Reading
from envkit.model.host import Device, Runtime
from envkit.system.command import Command
from envkit.system.host import Host

TOOL = "gpustack-runtime"
_ARGUMENTS = ("detect", "--format", "json")
_SECONDS = 30.0
_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}")
_CAPABILITY = re.compile(r"(?P<major>\d{1,2})\.(?P<minor>\d)[a-z]?")


class _Appendix(msgspec.Struct):
    address: str | None = msgspec.field(name="bdf", default=None)


class _Row(msgspec.Struct):
    manufacturer: str
    index: int
    name: str | None = None
    driver: str | None = msgspec.field(name="driver_version", default=None)
    runtime: str | None = msgspec.field(name="runtime_version", default=None)
    capability: str | None = msgspec.field(name="compute_capability", default=None)
    memory_mib: int | None = msgspec.field(name="memory", default=None)
    appendix: _Appendix | None = None


def facts_of_another_detector(around: Surroundings) -> tuple[VendorFacts, ...]:
    """Return what `gpustack-runtime detect` tells, by vendor; its names of vendors are those of envkit.

    [{"manufacturer": "nvidia", "index": 0, "name": "…", "driver_version": "595.84", "runtime_version": "13.2",
      "compute_capability": "12.0", "memory": 32607, "appendix": {"bdf": "0000:01:00.0"}}]
    """
    program = around.host.which(TOOL)
    if program is None:
        return ()
    rows = _rows(around.host, program)
    vendors = tuple(dict.fromkeys(row.manufacturer for row in rows if _NAME.fullmatch(row.manufacturer)))
    return tuple(_facts(around, vendor, [row for row in rows if row.manufacturer == vendor]) for vendor in vendors)


def _rows(host: Host, program: str) -> tuple[_Row, ...]:
    completed = host.run(Command(argv=(program, *_ARGUMENTS), timeout_seconds=_SECONDS, stable=True))
    return decode_json(completed.stdout, tuple[_Row, ...]) or ()


def _facts(around: Surroundings, vendor: str, rows: list[_Row]) -> VendorFacts:
    reading = Reading(
        source=f"{TOOL} {' '.join(_ARGUMENTS)}",
        devices=tuple(_device(vendor, row) for row in rows),
        driver=next((driver for row in rows if (driver := find_version(row.driver or "")) is not None), None),
    )
    facts = facts_from_readings(around, (), PciSigns(vendor=vendor), (reading,))
    ceiling = next((version for row in rows if (version := find_version(row.runtime or "")) is not None), None)
    # Only NVIDIA's driver names the newest runtime that it serves; the runtimes of the others are installed ones.
    if facts.stack is None or ceiling is None or vendor != "nvidia":
        return facts
    stack = msgspec.structs.replace(facts.stack, runtime_ceiling=Runtime(name="cuda", version=ceiling))
    return msgspec.structs.replace(facts, stack=stack)


def _device(vendor: str, row: _Row) -> Device:
    capability = _CAPABILITY.fullmatch(row.capability or "") if vendor == "nvidia" else None
    return Device(
        vendor=vendor,
        index=row.index,
        name=told(row.name),
        pci_address=full_address((row.appendix and row.appendix.address) or ""),
        architecture=None if capability is None else f"sm_{capability['major']}{capability['minor']}",
        memory_mib=row.memory_mib or None,
        usable=True,  # the vendor's library talked to it
    )
