"""A vendor's management library, asked in a child process: the form in which `ask` asks it, and its answer read."""

import sys
from pathlib import Path

import msgspec

from envkit.detect.by_tool import Form
from envkit.detect.decoding import decode_json
from envkit.detect.pci import full_address
from envkit.detect.printed import find_version, told, unread
from envkit.detect.reading import Reading, Trouble
from envkit.model.host import Device, Runtime, Severity

_CHILDREN = Path(__file__).resolve().parents[1] / "children"
_MIB = 1024 * 1024


class _Fault(msgspec.Struct):
    index: int
    said: str
    severity: Severity = Severity.WARNING


class _Device(msgspec.Struct):
    index: int
    name: str | None = None
    pci_address: str | None = None
    pci_id: str | None = None  # `1002:744c`
    architecture: str | None = None
    memory_bytes: int | None = None
    nodes: tuple[str, ...] | None = None


class _Document(msgspec.Struct):
    driver: str | None = None
    ceiling: str | None = None  # newest runtime that the driver serves
    runtimes: tuple[Runtime, ...] = ()
    devices: tuple[_Device, ...] = ()
    faults: tuple[_Fault, ...] = ()
    error: str | None = None


def library_form(
    vendor: str, child: str, library: str, folders: tuple[str, ...] = (), *, pci_vendor: str | None = None
) -> Form:
    """Return how to ask a library through `children/CHILD.py`; `folders` are where it lies beyond the loader's list.

    With `pci_vendor` only devices are believed of which the library tells that maker: for a library of which several
    makers have one.
    """

    def parse(printed: str, source: str) -> Reading:
        return parse_answer(printed, source, vendor, pci_vendor=pci_vendor)

    return Form(
        # Isolated, and without site-packages: a child needs ctypes and json, and nothing that a user installed.
        (sys.executable, "-I", "-S", str(_CHILDREN / f"{child}.py")),
        parse,
        library_folders=folders,
        source=library,
    )


def parse_answer(printed: str, source: str, vendor: str, *, pci_vendor: str | None = None) -> Reading:
    """Read the document of a child; what is not one is a failure with its first words."""
    document = decode_json(printed, _Document)
    if document is None:
        return Reading(source=source, failure=f"no answer that can be read: {unread(printed)}")
    if document.error is not None:
        return Reading(source=source, failure=document.error)
    if pci_vendor is not None:
        own = tuple(device for device in document.devices if (device.pci_id or "").startswith(f"{pci_vendor}:"))
        if not own:
            return Reading(source=source, failure=f"tells of no device of the maker {pci_vendor}")
        document = msgspec.structs.replace(document, devices=own)
    return Reading(
        source=source,
        driver=None if document.driver is None else find_version(document.driver),
        ceiling=document.ceiling,
        runtimes=document.runtimes,
        devices=tuple(_device(device, vendor) for device in document.devices),
        troubles=tuple(Trouble(index=row.index, said=row.said, severity=row.severity) for row in document.faults),
    )


def _device(device: _Device, vendor: str) -> Device:
    return Device(
        vendor=vendor,
        index=device.index,
        name=told(device.name),
        pci_address=full_address(device.pci_address or ""),
        pci_id=device.pci_id,
        architecture=device.architecture,
        # A library that does not know says 0.
        memory_mib=(device.memory_bytes or 0) // _MIB or None,
        nodes=device.nodes,
    )
