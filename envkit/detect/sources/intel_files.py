"""What the kernel's files say about Intel's GPUs and what is installed to compute with them."""

import re

from envkit.detect.facts import PciDevice
from envkit.detect.reading import Reading
from envkit.model.host import Device, OperatingSystem, Runtime
from envkit.system.host import Host

_BUS = "/sys/bus/pci/devices"
_MIB = 1024 * 1024
_CARD = re.compile(r"card\d{1,3}")
_TILE = re.compile(r"tile\d{1,2}")
_SIZE = re.compile(r"\d{1,15}")
_ONEAPI = "/opt/intel/oneapi"
_LIBRARY_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib")
# The loader of Level Zero, and the driver that it loads for a GPU.
_LIBRARIES = {
    "level-zero": re.compile(r"libze_loader\.so\.(?P<version>\d+(?:\.\d+)+)"),
    "compute-runtime": re.compile(r"libze_intel_gpu\.so\.(?P<version>\d+(?:\.\d+)+)"),
}
_VERSION = re.compile(r"\d+(?:\.\d+)+")


def read_memory(host: Host, cards: tuple[PciDevice, ...]) -> Reading:
    """Return the memory of cards, in bytes in these files; graphics inside a processor has none of its own.

    xe writes `tile0/physical_vram_size_bytes` (or below `tile0/memory`) beside the device, Intel's own package of i915
    `lmem_total_bytes` below its `drm/card0`; the kernel's own i915 writes neither.
    """
    return Reading(
        source=f"{_BUS}/*/tile*/physical_vram_size_bytes",
        devices=tuple(
            Device(vendor="intel", pci_address=card.address, memory_mib=_memory(host, f"{_BUS}/{card.address}"))
            for card in cards
        ),
    )


def _memory(host: Host, folder: str) -> int | None:
    tiles = [f"{folder}/{name}" for name in host.names(folder) or () if _TILE.fullmatch(name)]
    files = [(f"{tile}/physical_vram_size_bytes", f"{tile}/memory/physical_vram_size_bytes") for tile in tiles]
    cards = [name for name in host.names(f"{folder}/drm") or () if _CARD.fullmatch(name)]
    files += [(f"{folder}/drm/{cards[0]}/lmem_total_bytes", f"{folder}/lmem_total_bytes")] if cards else []
    sizes = (next(filter(None, (_bytes(host, path) for path in paths)), 0) for paths in files)
    return sum(sizes) // _MIB or None


def _bytes(host: Host, path: str) -> int:
    text = (host.read(path).text or "").strip()
    return int(text) if _SIZE.fullmatch(text) else 0


def read_driver(host: Host, cards: tuple[PciDevice, ...], system: OperatingSystem | None) -> Reading:
    """Return the driver's version: Intel's own package writes one, the kernel's own modules have that of the kernel."""
    module = next((f"/sys/module/{card.driver}" for card in cards if card.driver in ("i915", "xe")), None)
    if module is None:
        return Reading(source="/sys/module", failure="neither i915 nor xe serves a device, or that was not recorded")
    text = (host.read(f"{module}/version").text or "").strip()
    if text:
        return Reading(source=f"{module}/version", driver=text, driver_kind="dkms")
    if host.exists(f"{module}/version") is False and system is not None:
        return Reading(source="uname -r", driver=system.kernel, driver_kind="in-tree")
    return Reading(source=f"{module}/version", failure="not recorded")


def read_runtimes(host: Host) -> tuple[Runtime, ...] | None:
    """Return Level Zero, its driver for GPUs, and oneAPI, as installed; None when no library folder can be read."""
    folders = [(folder, host.names(folder)) for folder in _LIBRARY_FOLDERS]
    if all(names is None for _, names in folders):
        return None
    found = {
        name: Runtime(name=name, version=match["version"], path=f"{folder}/{match[0]}")
        for folder, names in reversed(folders)
        for entry in names or ()
        for name, pattern in _LIBRARIES.items()
        if (match := pattern.fullmatch(entry)) is not None
    }
    compilers = [name for name in host.names(f"{_ONEAPI}/compiler") or () if _VERSION.fullmatch(name)]
    newest = max(compilers, key=lambda name: tuple(map(int, name.split("."))), default=None)
    toolkit = () if newest is None else (Runtime(name="oneapi", version=newest, path=_ONEAPI),)
    return (*(found[name] for name in _LIBRARIES if name in found), *toolkit)
