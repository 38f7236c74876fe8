"""Ask ROCm SMI, AMD's management library and in a form of its own Hygon's, and print one JSON document.

Signatures: `rocm_smi/rocm_smi.h` of ROCm/rocm_smi_lib; only calls that tell plain numbers and texts, whose form is the
same in all releases. What a release lacks (`rsmi_dev_market_name_get` before ROCm 6.2,
`rsmi_dev_target_graphics_version_get` before 6.0, both in Hygon's) is not told. Each device comes with the id of its
maker, by which AMD's and Hygon's are told apart. Never run on a real device here.
"""

import ctypes
import os
import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library
else:
    sys.path.insert(0, __file__.rpartition("/")[0])
    import library

_BUFFER_BYTES = 4096
_DRIVER = 0  # RSMI_SW_COMP_DRIVER
_VRAM = 0  # RSMI_MEM_TYPE_VRAM
_NAME_BYTES = 256
_HEXADECIMAL = frozenset("0123456789abcdefx")
_COMBINED = 10000  # from here on a version is written as the kernel does: 90402
_USUAL_DIGITS = (3, 4)


def _ask() -> dict[str, object]:
    smi = library.open_library("librocm_smi64.so", "librocm_smi64.so.1", "librocm_smi64.so.7", "librocm_smi64.so.6")
    library.checked(smi.rsmi_init(ctypes.c_uint64(0)), "rsmi_init")
    count = ctypes.c_uint32()
    library.checked(smi.rsmi_num_monitor_devices(ctypes.byref(count)), "rsmi_num_monitor_devices")
    return {"driver": _driver(smi), "devices": [_device(smi, index) for index in library.counted(count.value)]}


def _driver(smi: ctypes.CDLL) -> str | None:
    """Return the driver's version; the library tells that of the kernel where the driver has none of its own."""
    version = ctypes.create_string_buffer(_BUFFER_BYTES)
    told = library.asked(smi, "rsmi_version_str_get", ctypes.c_int(_DRIVER), version, ctypes.c_uint32(_NAME_BYTES))
    said = library.text(version.raw) if told else None
    return None if said == os.uname().release else said


def _device(smi: ctypes.CDLL, index: int) -> dict[str, object]:
    which = ctypes.c_uint32(index)
    vendor, device = ctypes.c_uint16(), ctypes.c_uint16()
    place, memory, target = ctypes.c_uint64(), ctypes.c_uint64(), ctypes.c_uint64()
    placed = library.asked(smi, "rsmi_dev_pci_id_get", which, ctypes.byref(place))
    targeted = library.asked(smi, "rsmi_dev_target_graphics_version_get", which, ctypes.byref(target))
    sized = library.asked(smi, "rsmi_dev_memory_total_get", which, ctypes.c_int(_VRAM), ctypes.byref(memory))
    identified = library.asked(smi, "rsmi_dev_vendor_id_get", which, ctypes.byref(vendor)) and library.asked(
        smi, "rsmi_dev_id_get", which, ctypes.byref(device)
    )
    return {
        "index": index,
        "name": _name(smi, which),
        "pci_address": _address(place.value) if placed else None,
        "pci_id": f"{vendor.value:04x}:{device.value:04x}" if identified else None,
        "architecture": _target(target.value) if targeted else None,
        "memory_bytes": library.memory_bytes(memory.value) if sized else None,
    }


def _name(smi: ctypes.CDLL, which: ctypes.c_uint32) -> str | None:
    """Return the name under which the card is sold, or that of the system's list of ids; without one an id is told."""
    for function, length in (
        ("rsmi_dev_market_name_get", ctypes.c_uint32(_NAME_BYTES)),
        ("rsmi_dev_name_get", ctypes.c_size_t(_NAME_BYTES)),
    ):
        name = ctypes.create_string_buffer(_BUFFER_BYTES)
        said = library.text(name.raw) if library.asked(smi, function, which, name, length) else None
        if said is not None and not _HEXADECIMAL.issuperset(said.lower()):
            return said
    return None


def _address(place: int) -> str:
    """Return an address: the domain in the upper half, below it bus << 8 | device << 3 | function."""
    return library.pci_address(place >> 32, place >> 8 & 0xFF, place >> 3 & 0x1F, place & 7)


def _target(version: int) -> str | None:
    """Return gfx942 for 942 and for the kernel's 90402, gfx90a for 9010, gfx1101 for 1101; None for what is neither."""
    digits = str(version)
    if _COMBINED <= version < _COMBINED * 100:
        return f"gfx{version // 10000}{version // 100 % 100}{version % 100:x}"
    if len(digits) == len("9010") and digits.startswith("9"):
        return f"gfx{digits[:2]}{version % 100:x}"
    return f"gfx{digits}" if len(digits) in _USUAL_DIGITS else None


if __name__ == "__main__":
    library.print_answer(_ask)
