"""Everything that can be read about NVIDIA on a host, from the bus to nvidia-smi, before it is judged."""

import msgspec

from envkit.detect.by_pci import bus_devices
from envkit.detect.facts import PciDevice, Surroundings
from envkit.detect.processor import total_memory_mib
from envkit.detect.reading import Reading, combine, first
from envkit.detect.sources import nvidia_files
from envkit.model.host import Device
from envkit.system.host import Host

VENDOR = "nvidia"
SERVING = ("nvidia", "nvgpu")
_PCI_VENDOR = "10de"
# VGA and 3D controllers; bridges, NVSwitches, audio and USB functions of the same vendor are not devices to compute on.
_CLASSES = ("0300", "0302")
# WSL keeps it outside the search path.
_WSL_TOOL = "/usr/lib/wsl/lib/nvidia-smi"
_WSL_LIBRARY = "/usr/lib/wsl/lib/libcuda.so.1"


class NvidiaSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What was read."""

    cards: tuple[PciDevice, ...]
    readings: tuple[Reading, ...]
    opened: tuple[Reading, ...] = ()  # what NVML and nvidia-smi said: they talk to the device itself
    mismatch: str | None = None
    library_missing: bool = False
    transient: tuple[str, ...] = ()  # addresses of devices that are initialised anew for each first user
    tegra: str | None = None
    wsl: bool = False


def look_at_nvidia(around: Surroundings) -> NvidiaSeen | None:
    """Read what there is, or return None when nothing of NVIDIA's shows."""
    host = around.host
    cards = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class in _CLASSES
    )
    files = nvidia_files.read_driver(host)
    board = nvidia_files.read_tegra(host)
    wsl = bool(around.system and around.system.wsl and host.exists(_WSL_LIBRARY))
    tool = _find_tool(host)
    # Other vendors ship tools of the same name: without the bus's word only an unreadable bus lets the tool speak.
    if not (cards or board or wsl or files.driver or (around.pci is None and tool)):
        return None
    on_bus = Reading(source="/sys/bus/pci/devices", devices=bus_devices(cards, VENDOR))
    known = (on_bus, files, *((board,) if board else ()))
    seen = NvidiaSeen(cards=cards, readings=known, tegra=nvidia_files.tegra_release(host), wsl=wsl)
    idle = bool(cards) and all(card.unbound or card.driver not in (None, *SERVING) for card in cards)
    return seen if idle else _open(host, seen, tool)


def _find_tool(host: Host) -> str | None:
    return host.which("nvidia-smi") or (_WSL_TOOL if host.exists(_WSL_TOOL) else None)


def _open(host: Host, seen: NvidiaSeen, tool: str | None) -> NvidiaSeen:
    """Ask what opens the device: NVML, and nvidia-smi where NVML left something unknown."""
    # Imported here: only a host with a driver that may answer gets this far.
    from envkit.detect.sources import nvidia_nvml, nvidia_smi

    answer = nvidia_nvml.ask_nvml(host)
    opened: tuple[Reading, ...] = (answer.reading,)
    if not (answer.mismatch or answer.hung) and tool is not None and not _enough((*seen.readings, *opened)):
        opened += nvidia_smi.ask_tool(host, tool, lambda more: _enough((*seen.readings, *opened, *more)))
    unified = (*answer.unified, *((None,) if seen.tegra else ()))
    shared = _shared_memory(host, unified)
    complaints = (reading.failure for reading in opened if nvidia_smi.is_mismatch(reading))
    return msgspec.structs.replace(
        seen,
        readings=(*seen.readings, *opened, *((shared,) if shared else ())),
        opened=opened,
        mismatch=answer.reading.failure if answer.mismatch else next(complaints, None),
        library_missing=answer.library_missing,
        transient=answer.transient,
    )


def _enough(readings: tuple[Reading, ...]) -> bool:
    devices = [sourced.device for sourced in combine(readings)]
    return (
        bool(devices)
        and all(device.name and device.memory_mib for device in devices if device.kernel_driver in (None, *SERVING))
        and first(readings, "driver") is not None
        and first(readings, "ceiling") is not None
    )


def _shared_memory(host: Host, addresses: tuple[str | None, ...]) -> Reading | None:
    """Return the machine's memory as that of devices that have none of their own."""
    memory = total_memory_mib(host) if addresses else None
    if memory is None:
        return None
    devices = tuple(
        Device(vendor=VENDOR, pci_address=address or None, index=None if address else 0, memory_mib=memory)
        for address in addresses
    )
    return Reading(source="/proc/meminfo (memory shared with the processor)", devices=devices)
