"""AMD: Instinct and Radeon cards, and the graphics inside of processors."""

import msgspec

from envkit.detect.by_pci import bus_devices, from_tables, with_tables
from envkit.detect.facts import PciDevice, Surroundings, VendorFacts
from envkit.detect.models import known_vendor
from envkit.detect.nodes import nodes_denied
from envkit.detect.obstacles import driver_finding, node_finding
from envkit.detect.reading import (
    Reading,
    Sourced,
    combine,
    device_evidence,
    device_gaps,
    failures,
    first,
    placed_partitions,
)
from envkit.detect.sources import amd_files
from envkit.model.host import Device, Evidence, Finding, Stack

_VENDOR = "amd"
_PCI_VENDOR = "1002"
_CLASSES = ("0300", "0302", "0380", "1200")
_SERVING = ("amdgpu",)
_COMPUTE_NODE = "/dev/kfd"
_TOOLS = ("amd-smi", "rocm-smi", "rocminfo")
_WSL_NODE = "/dev/dxg"


def detect(around: Surroundings) -> VendorFacts:
    """Return AMD's devices, driver and ROCm.

    Sources, in order: 1. the kernel's compute topology; 2. the bus; 3. what amdgpu writes beside the device; 4. the
    device table; 5. the libraries of ROCm SMI and AMD SMI; 6. amd-smi, rocminfo, rocm-smi. Each is asked only for what
    is still unknown.
    Under WSL only rocminfo of the last may tell.
    """
    host = around.host
    cards = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class in _CLASSES
    )
    topology = amd_files.read_topology(host)
    tools = (around.pci is None or _through_wsl(around)) and any(host.which(tool) for tool in _TOOLS)
    if not (cards or topology.devices or tools):
        return VendorFacts()
    readings = _read(around, cards, topology)
    devices = combine(readings)
    if not devices and not any(map(_denied, readings)):
        return VendorFacts()
    judged = tuple(_judged(around, cards, place, sourced, readings) for place, sourced in enumerate(devices))
    stack, evidence = _stack(around, readings)
    return VendorFacts(
        devices=(*(device for device, _ in judged), *placed_partitions(readings, devices)),
        stack=stack,
        findings=(
            *(finding for _, finding in judged if finding is not None),
            *_stack_findings(around, readings, devices),
        ),
        evidence=(*device_evidence(devices), *evidence),
        gaps=(*failures(readings), *device_gaps(devices)),
    )


def _read(around: Surroundings, cards: tuple[PciDevice, ...], topology: Reading) -> tuple[Reading, ...]:
    host = around.host
    on_bus = Reading(source="/sys/bus/pci/devices", devices=bus_devices(cards, _VENDOR))
    addresses = tuple(sourced.device.pci_address or "" for sourced in combine((on_bus, topology)))
    table = known_vendor(_VENDOR)
    readings: tuple[Reading, ...] = (
        topology,
        on_bus,
        amd_files.read_driver(host, around.system),
        amd_files.read_memory_and_name(host, addresses),
    )
    readings = with_tables(readings, cards, _VENDOR, table)
    idle = bool(cards) and all(card.unbound or card.driver not in (None, *_SERVING) for card in cards)
    if idle or _enough(readings):
        return readings
    # Imported here: most hosts tell enough by their files.
    from envkit.detect.sources.amd_tools import ask_tools

    seen = bool(cards or topology.devices)
    readings += ask_tools(around, lambda more: _enough((*readings, *more)), seen=seen)
    return (*readings, from_tables(combine(readings), table))


def _enough(readings: tuple[Reading, ...]) -> bool:
    devices = [sourced.device for sourced in combine(readings)]
    complete = all(device.name and device.architecture and device.memory_mib for device in devices)
    return bool(devices) and complete and first(readings, "driver") is not None


def _judged(
    around: Surroundings, cards: tuple[PciDevice, ...], place: int, sourced: Sourced, readings: tuple[Reading, ...]
) -> tuple[Device, Finding | None]:
    """Return the device with whether it can be used, and what is in the way."""
    device, fact = sourced.device, f"devices[{place}]"
    card = next((card for card in cards if card.address == device.pci_address), None)
    finding = driver_finding(around, device, fact, unbound=None if card is None else card.unbound, serving=_SERVING)
    if finding is None and device.kernel_driver in _SERVING:
        nodes = (_COMPUTE_NODE, *(device.nodes or ()))
        finding = node_finding(around, fact, nodes, device_flag="--device /dev/kfd --device /dev/dri")
    usable: bool | None = None
    if finding is not None or any(device.pci_address in reading.partitioned for reading in readings):
        usable = False
    elif _through_wsl(around) and "architecture" in sourced.sources:
        # Windows' driver serves it, and the tool that listed it opened it.
        usable, device = True, msgspec.structs.replace(device, nodes=(_WSL_NODE,))
    elif around.host.accessible(_COMPUTE_NODE) and "architecture" in sourced.sources and device.nodes:
        # A device of the topology whose nodes open is one that ROCm lists.
        usable = True
    return msgspec.structs.replace(device, usable=usable), finding


def _through_wsl(around: Surroundings) -> bool:
    """Tell whether devices are those of Windows, which are neither on the bus nor in the topology."""
    wsl = around.system is not None and around.system.wsl
    return bool(wsl) and bool(around.host.exists(_WSL_NODE))


def _stack(around: Surroundings, readings: tuple[Reading, ...]) -> tuple[Stack, tuple[Evidence, ...]]:
    driver, kind = (first(readings, field) for field in ("driver", "driver_kind"))
    stack = Stack(
        vendor=_VENDOR,
        driver=None if driver is None else driver[0],
        driver_kind=None if kind is None else kind[0],
        runtimes=amd_files.read_runtimes(around.host),
    )
    evidence = () if driver is None else (Evidence(fact="stacks[0].driver", source=driver[1], raw=driver[0]),)
    return stack, evidence


def _denied(reading: Reading) -> bool:
    return reading.failure is not None and "Permission denied" in reading.failure


def _stack_findings(
    around: Surroundings, readings: tuple[Reading, ...], devices: tuple[Sourced, ...]
) -> tuple[Finding, ...]:
    denied = next((reading for reading in readings if _denied(reading)), None)
    if denied is None or devices:
        return ()
    finding = nodes_denied(around, "stacks[0]", (_COMPUTE_NODE,))
    return (msgspec.structs.replace(finding, evidence=f"{denied.source}: {denied.failure}"),)
