"""Devices of a vendor as far as the PCI bus, the device nodes and further readings tell them."""

import msgspec

from envkit.detect.facts import PciDevice, Surroundings, VendorFacts
from envkit.detect.models import architecture_of, known_vendor, model_by_pci_id
from envkit.detect.obstacles import PASSTHROUGH, driver_finding, node_finding
from envkit.detect.reading import Reading, Sourced, combine, device_evidence, device_gaps, failures, first
from envkit.model.host import Device, Evidence, Finding, Runtime, Stack
from envkit.model.value import Value
from envkit.model.vendor import Vendor

_DEVICE_TABLE = "device table"


class PciSigns(Value):
    """How one vendor's devices show on the bus, and what serves them."""

    vendor: str  # envkit's name of the vendor
    nodes: tuple[str, ...] = ()  # nodes per device, `{index}` counts them: /dev/davinci{index}
    shared_nodes: tuple[str, ...] = ()  # nodes that all devices need
    version_files: tuple[str, ...] = ()  # the first that can be read holds the driver's version
    through_vfio: bool = False  # the vendor's library drives the device through vfio-pci


def facts_by_pci(around: Surroundings, found: tuple[PciDevice, ...], signs: PciSigns) -> VendorFacts:
    """Return devices, driver and findings of one vendor; nothing is asked of a tool or library.

    Sources, in order: 1. the bus; 2. device nodes; 3. files with the driver's version; 4. the vendor's device table.
    """
    return facts_from_readings(around, found, signs, file_readings(around, found, signs))


def file_readings(around: Surroundings, found: tuple[PciDevice, ...], signs: PciSigns) -> tuple[Reading, ...]:
    """Return what the bus and the files with the driver's version tell; nothing where no device was found."""
    if not found:
        return ()
    on_bus = Reading(source="/sys/bus/pci/devices", devices=bus_devices(found, signs.vendor))
    versions = ((path, around.host.read(path).text or "") for path in signs.version_files)
    return (on_bus, *(Reading(source=path, driver=text.split()[0]) for path, text in versions if text.strip()))


def tool_is_wanted(
    around: Surroundings,
    found: tuple[PciDevice, ...],
    readings: tuple[Reading, ...],
    vendor: str,
    needed: tuple[str, ...] = ("name", "architecture", "memory_mib", "driver"),
) -> bool:
    """Tell whether a vendor's tool may add something: not on a host without its devices, nor without its driver.

    `needed` are the facts for which it is worth its time. Where the bus could not be read, as in the recording of one
    command, the tool is the only one to ask.
    """
    if around.pci is None:
        return True
    if all(function.unbound or function.driver == PASSTHROUGH for function in found):
        return False
    devices = combine(with_tables(readings, found, vendor, known_vendor(vendor)))
    fields = tuple(field for field in needed if field != "driver")
    told = all(getattr(sourced.device, field) is not None for sourced in devices for field in fields)
    return not told or ("driver" in needed and first(readings, "driver") is None)


def facts_from_readings(
    around: Surroundings,
    found: tuple[PciDevice, ...],
    signs: PciSigns,
    readings: tuple[Reading, ...],
    runtimes: tuple[Runtime, ...] | None = None,
) -> VendorFacts:
    """Return devices, driver and findings of one vendor from what its sources said, and the vendor's device table.

    `found` are its functions on the bus, among them those of devices that a tool named as well.
    """
    # Looked at before the tables are: loading them takes time, and most hosts have nothing of most vendors.
    if not combine(readings):
        return VendorFacts()
    devices = combine(with_tables(readings, found, signs.vendor, known_vendor(signs.vendor)))
    judged = tuple(_judged(around, f"devices[{place}]", sourced, found, signs) for place, sourced in enumerate(devices))
    driver, kind = (first(readings, field) for field in ("driver", "driver_kind"))
    told = () if driver is None else (Evidence(fact="stacks[0].driver", source=driver[1], raw=driver[0]),)
    stack = Stack(
        vendor=signs.vendor,
        driver=None if driver is None else driver[0],
        driver_kind=None if kind is None else kind[0],
        runtimes=runtimes,
    )
    return VendorFacts(
        devices=tuple(device for device, _ in judged),
        stack=stack,
        findings=tuple(finding for _, finding in judged if finding is not None),
        evidence=(*device_evidence(devices), *told),
        gaps=(*failures(readings), *device_gaps(devices)),
    )


def bus_devices(found: tuple[PciDevice, ...], vendor: str) -> tuple[Device, ...]:
    """Return what the bus itself tells of each function."""
    return tuple(
        Device(vendor=vendor, pci_address=function.address, pci_id=function.pci_id, kernel_driver=function.driver)
        for function in sorted(found, key=lambda function: function.address)
    )


def with_tables(
    readings: tuple[Reading, ...],
    found: tuple[PciDevice, ...],
    vendor: str,
    table: Vendor | None,
    *,
    board: bool = False,
) -> tuple[Reading, ...]:
    """Return the readings and behind them what the vendor's tables and lspci's names add.

    An id says more than lspci's name for it, which may be a family's; a name tells the architecture where no id does.
    """
    readings = (*readings, from_tables(combine(readings), table, board=board), names_on_bus(found, vendor))
    return (*readings, from_tables(combine(readings), table, board=board))


def from_tables(devices: tuple[Sourced, ...], table: Vendor | None, *, board: bool = False) -> Reading:
    """Return what the vendor's tables tell of devices by their PCI id, and the architecture that their names tell.

    `board`: the names are those of whole boards.
    """
    if table is None:
        return Reading(source=_DEVICE_TABLE, failure="envkit has none for this vendor")
    return Reading(
        source=_DEVICE_TABLE, devices=tuple(_from_row(sourced.device, table, board=board) for sourced in devices)
    )


def _from_row(device: Device, table: Vendor, *, board: bool) -> Device:
    model = model_by_pci_id(table, device.pci_id)
    if model is None:
        name, memory = None, None
        architecture = None if device.name is None else architecture_of(table, device.name, board=board)
    else:
        # A row with several names does not say which of them this one is.
        name, memory = model.names[0] if len(model.names) == 1 else None, model.memory_mib
        architecture = model.architecture
    return Device(
        vendor=device.vendor,
        index=device.index,
        pci_address=device.pci_address,
        name=name,
        architecture=architecture,
        memory_mib=memory,
    )


def names_on_bus(found: tuple[PciDevice, ...], vendor: str) -> Reading:
    """Return the names that lspci printed, where it was read."""
    return Reading(
        source="lspci",
        devices=tuple(
            Device(vendor=vendor, pci_address=function.address, name=function.name)
            for function in found
            if function.name is not None
        ),
    )


def device_nodes(around: Surroundings, address: str) -> tuple[str, ...] | None:
    """Return the render and accelerator nodes of a PCI function, or None when they are not known."""
    folder = f"/sys/bus/pci/devices/{address}"
    drawing, accelerating = (around.host.names(f"{folder}/{kind}") for kind in ("drm", "accel"))
    if drawing is None and accelerating is None:
        return None
    render = tuple(f"/dev/dri/{name}" for name in drawing or () if name.startswith("renderD"))
    return render + tuple(f"/dev/accel/{name}" for name in accelerating or () if name.startswith("accel"))


def _judged(
    around: Surroundings, fact: str, sourced: Sourced, found: tuple[PciDevice, ...], signs: PciSigns
) -> tuple[Device, Finding | None]:
    device = sourced.device
    named = tuple(pattern.format(index=device.index) for pattern in signs.nodes)
    nodes = named or device.nodes or device_nodes(around, device.pci_address or "")
    function = next((function for function in found if function.address == device.pci_address), None)
    finding = None
    if not (signs.through_vfio and device.kernel_driver == PASSTHROUGH):
        unbound = None if function is None else function.unbound
        finding = driver_finding(around, device, fact, unbound=unbound, serving=None)
    needed = (*(nodes or ()), *signs.shared_nodes)
    if finding is None and device.kernel_driver is not None and needed:
        finding = node_finding(around, fact, needed, device_flag=f"--device {needed[0]}")
    usable = device.usable if finding is None else False
    return msgspec.structs.replace(device, nodes=nodes, usable=usable), finding
