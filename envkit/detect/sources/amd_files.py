"""What the kernel says about AMD's compute devices and driver, without opening a device."""

import re
from typing import NamedTuple

import msgspec

from envkit.detect.reading import Reading
from envkit.model.host import Device, OperatingSystem, Runtime
from envkit.system.host import Host

_NODES = "/sys/class/kfd/kfd/topology/nodes"
# Heap types of memory that is the device's own: what the processor can see of it, and what it cannot.
_OWN_HEAPS = (1, 2)
_MODULE = "/sys/module/amdgpu"
_INSTALLED = "/opt/rocm/.info/version"
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_MIB = 1024 * 1024


class Maker(NamedTuple):
    """Whose devices of the topology are meant: others than AMD built on the same driver."""

    vendor: str
    pci_vendor: int
    driver: str | None  # the kernel module, where the maker has only one


_AMD = Maker("amd", 0x1002, "amdgpu")


def read_topology(host: Host, maker: Maker = _AMD) -> Reading:
    """Return the GPUs that the kernel offers for computing; several nodes at one address are partitions of one GPU.

    simd_count 416                  0 for a processor
    gfx_target_version 90010        major, minor, step: gfx90a; missing before Linux 5.12
    location_id 25344               bus << 8 | device << 3 | function
    """
    names = host.names(_NODES)
    if names is None:
        return Reading(source=_NODES, failure="no such directory, or not recorded")
    nodes = [_node(host, f"{_NODES}/{name}", maker) for name in sorted(names, key=_by_number)]
    found = [node for node in nodes if node is not None]
    devices: list[Device] = []
    partitions: list[Device] = []
    for address in dict.fromkeys(node.pci_address for node in found):
        same = [node for node in found if node.pci_address == address]
        # The order of the topology is the one in which ROCm numbers devices.
        whole = same[0] if len(same) == 1 else _whole(same)
        devices.append(msgspec.structs.replace(whole, index=len(devices)))
        partitions += _parts(same) if len(same) > 1 else []
    return Reading(
        source=_NODES,
        devices=tuple(devices),
        partitions=tuple(partitions),
        partitioned=tuple(partition.pci_address or "" for partition in partitions),
    )


def _by_number(name: str) -> tuple[int, str]:
    return int(name) if re.fullmatch(r"\d{1,6}", name) else 0, name


def _node(host: Host, folder: str, maker: Maker) -> Device | None:
    fields = _numbers(host.read(f"{folder}/properties").text or "")
    if fields.get("vendor_id") != maker.pci_vendor or not fields.get("simd_count"):
        return None
    location, domain = fields.get("location_id", 0), fields.get("domain", 0)
    banks = [
        _numbers(host.read(f"{folder}/mem_banks/{name}/properties").text or "")
        for name in host.names(f"{folder}/mem_banks") or ()
    ]
    memory = sum(bank.get("size_in_bytes", 0) for bank in banks if bank.get("heap_type") in _OWN_HEAPS)
    memory = memory or fields.get("local_mem_size", 0)
    device_id = fields.get("device_id")
    minor = fields.get("drm_render_minor")
    return Device(
        vendor=maker.vendor,
        pci_address=f"{domain:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}",
        pci_id=None if device_id is None else f"{maker.pci_vendor:04x}:{device_id:04x}",
        architecture=_target(fields.get("gfx_target_version", 0)),
        memory_mib=memory // _MIB or None,
        kernel_driver=maker.driver,
        nodes=(f"/dev/dri/renderD{minor}",) if minor else None,
    )


def _numbers(text: str) -> dict[str, int]:
    return {key: int(value) for key, value in re.findall(r"^(\w+) (\d{1,20})$", text, flags=re.MULTILINE)}


def _target(combined: int) -> str | None:
    """Return gfx90a for 90010: the last part is one hexadecimal digit."""
    major, minor, step = combined // 10000, combined // 100 % 100, combined % 100
    return f"gfx{major}{minor}{step:x}" if major else None


def _whole(same: list[Device]) -> Device:
    memory = sum(node.memory_mib or 0 for node in same) or None
    return Device(
        vendor=same[0].vendor,
        pci_address=same[0].pci_address,
        pci_id=same[0].pci_id,
        architecture=same[0].architecture,
        memory_mib=memory,
        kernel_driver=same[0].kernel_driver,
    )


def _parts(same: list[Device]) -> list[Device]:
    return [
        Device(
            vendor=node.vendor,
            index=number,
            pci_address=node.pci_address,
            memory_mib=node.memory_mib,
            nodes=node.nodes,
            kernel_driver=node.kernel_driver,
        )
        for number, node in enumerate(same)
    ]


def read_memory_and_name(host: Host, addresses: tuple[str, ...]) -> Reading:
    """Return what amdgpu writes beside a device on the bus: its memory in bytes, and the name that some cards have."""
    devices = []
    for address in addresses:
        folder = f"/sys/bus/pci/devices/{address}"
        size = (host.read(f"{folder}/mem_info_vram_total").text or "").strip()
        name = (host.read(f"{folder}/product_name").text or "").strip()
        memory = int(size) // _MIB if re.fullmatch(r"\d{1,20}", size) else None
        devices.append(Device(vendor="amd", pci_address=address, memory_mib=memory or None, name=name or None))
    return Reading(source="/sys/bus/pci/devices/*/mem_info_vram_total", devices=tuple(devices))


def read_driver(host: Host, system: OperatingSystem | None) -> Reading:
    """Return the driver's version: AMD's own package writes one, the kernel's own driver has that of the kernel."""
    text = (host.read(f"{_MODULE}/version").text or "").strip()
    if text:
        return Reading(source=f"{_MODULE}/version", driver=text, driver_kind="dkms")
    if host.exists(_MODULE) and host.exists(f"{_MODULE}/version") is False and system is not None:
        return Reading(source="uname -r", driver=system.kernel, driver_kind="in-tree")
    return Reading(source=f"{_MODULE}/version", failure="not loaded, or not recorded")


def read_runtimes(host: Host) -> tuple[Runtime, ...] | None:
    """Return the ROCm that is installed, an empty tuple when there is none, None when that is not known."""
    match = _VERSION.match((host.read(_INSTALLED).text or "").strip())
    if match is not None:
        return (Runtime(name="rocm", version=match[0], path="/opt/rocm"),)
    return () if host.exists("/opt/rocm") is False else None
