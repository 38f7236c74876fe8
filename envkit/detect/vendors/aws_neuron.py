"""AWS Inferentia and Trainium."""

import re

from envkit.detect.by_pci import PciSigns, facts_from_readings, file_readings, tool_is_wanted
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.models import known_vendor, only_model
from envkit.detect.reading import Reading, combine
from envkit.model.host import Device, Runtime
from envkit.system.host import Host

_PCI_VENDOR = "1d0f"
# Inferentia 1, Trainium 1, Inferentia 2, Trainium 2; other functions of the vendor are network and storage.
_CHIPS = ("7064", "7164", "7264", "7364")
_MODULE_VERSION = "/sys/module/neuron/version"
_FIRST_NODE = "/dev/neuron0"
_NODE = re.compile(r"neuron(?P<index>\d{1,3})")
_LIBRARIES = "/opt/aws/neuron/lib"
_LIBRARY = re.compile(r"libnrt\.so\.(?P<version>\d+(?:\.\d+){2,})")
_SIGNS = PciSigns(
    vendor="aws-neuron",
    nodes=("/dev/neuron{index}",),
    version_files=(_MODULE_VERSION,),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return AWS's Neuron devices, driver and runtime library.

    Sources, in order: 1. the bus, device nodes and the module's version; 2. neuron-ls, where these do not tell enough,
    whose instance type names the chip; 3. the device table. Nodes alone are a sign as well: new chips have new ids.
    """
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device in _CHIPS
    )
    if not found and around.pci is not None and not around.host.exists(_FIRST_NODE):
        return VendorFacts()
    readings = file_readings(around, found, _SIGNS) if found else _nodes_and_driver(around.host)
    if not found or tool_is_wanted(around, found, readings, _SIGNS.vendor):
        # Imported here: only a host with such a device whose files do not tell enough comes here.
        from envkit.detect.by_tool import ask
        from envkit.detect.sources.neuron import FORMS

        readings = (*readings, *ask(around, found, FORMS, files=readings))
        readings = (*readings, _names(readings))
    return facts_from_readings(around, found, _SIGNS, readings, _runtimes(around.host))


def _nodes_and_driver(host: Host) -> tuple[Reading, ...]:
    matches = [match for match in map(_NODE.fullmatch, host.names("/dev") or ()) if match is not None]
    devices = tuple(
        Device(vendor=_SIGNS.vendor, index=int(match["index"]), kernel_driver="neuron") for match in matches
    )
    version = (host.read(_MODULE_VERSION).text or "").strip() or None
    return Reading(source="/dev", devices=devices), Reading(source=_MODULE_VERSION, driver=version)


def _names(readings: tuple[Reading, ...]) -> Reading:
    """Return the names of chips of which neuron-ls told the family."""
    table = known_vendor(_SIGNS.vendor)
    devices = [sourced.device for sourced in combine(readings)]
    rows = [only_model(table, device.architecture) if table and device.architecture else None for device in devices]
    return Reading(
        source="device table",
        devices=tuple(
            Device(vendor=device.vendor, index=device.index, pci_address=device.pci_address, name=row.names[0])
            for device, row in zip(devices, rows, strict=True)
            if row is not None
        ),
    )


def _runtimes(host: Host) -> tuple[Runtime, ...] | None:
    """Return the Neuron runtime that is installed; None when its folder cannot be read."""
    names = host.names(_LIBRARIES)
    if names is None:
        return () if host.exists(_LIBRARIES) is False else None
    matches = [match for match in map(_LIBRARY.fullmatch, names) if match is not None]
    return tuple(
        Runtime(name="neuron", version=match["version"], path=f"{_LIBRARIES}/{match[0]}") for match in matches[-1:]
    )
