"""Ask AMD SMI, which replaces ROCm SMI, for AMD's GPUs and print one JSON document; see `library.py`.

Signatures: `amd_smi/amdsmi.h` of ROCm/amdsmi. Its structures change between releases, so that of each only the text at
its beginning is read, and of `amdsmi_asic_info_t` the maker behind a name of 64 bytes (until ROCm 6.0) or of 256; the
rest comes from calls that tell plain numbers. Never run on a real device here.
"""

import ctypes
import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library
else:
    sys.path.insert(0, __file__.rpartition("/")[0])
    import library

_BUFFER_BYTES = 4096
_GPUS = 1 << 1  # AMDSMI_INIT_AMD_GPUS
_VRAM = 0  # AMDSMI_MEM_TYPE_VRAM
_NAMES_END = (256, 64)
_MAKER = 0x1002


def _ask() -> dict[str, object]:
    smi = library.open_library("libamd_smi.so", "libamd_smi.so.26", "libamd_smi.so.25", "libamd_smi.so.24")
    library.checked(smi.amdsmi_init(ctypes.c_uint64(_GPUS)), "amdsmi_init")
    sockets = _handles(smi, "amdsmi_get_socket_handles")
    gpus = [gpu for socket in sockets for gpu in _handles(smi, "amdsmi_get_processor_handles", socket)]
    version = ctypes.create_string_buffer(_BUFFER_BYTES)
    told = bool(gpus) and library.asked(smi, "amdsmi_get_gpu_driver_info", gpus[0], version)
    return {
        "driver": library.text(version.raw[:64]) if told else None,
        "devices": [_device(smi, index, gpus[index]) for index in library.counted(len(gpus))],
    }


def _handles(smi: ctypes.CDLL, name: str, *within: ctypes.c_void_p) -> list[ctypes.c_void_p]:
    """Return handles: a call without a place for them tells how many there are."""
    count = ctypes.c_uint32()
    library.checked(library.exported(smi, name)(*within, ctypes.byref(count), None), name)
    handles = (ctypes.c_void_p * len(library.counted(count.value)))()
    library.checked(library.exported(smi, name)(*within, ctypes.byref(count), handles), name)
    return [ctypes.c_void_p(handle) for handle in handles[: count.value]]


def _device(smi: ctypes.CDLL, index: int, gpu: ctypes.c_void_p) -> dict[str, object]:
    asic = ctypes.create_string_buffer(_BUFFER_BYTES)
    code, place, memory = ctypes.c_uint16(), ctypes.c_uint64(), ctypes.c_uint64()
    described = library.asked(smi, "amdsmi_get_gpu_asic_info", gpu, asic)
    coded = library.asked(smi, "amdsmi_get_gpu_id", gpu, ctypes.byref(code))
    placed = library.asked(smi, "amdsmi_get_gpu_bdf_id", gpu, ctypes.byref(place))
    sized = library.asked(smi, "amdsmi_get_gpu_memory_total", gpu, ctypes.c_int(_VRAM), ctypes.byref(memory))
    amds = described and any(int.from_bytes(asic.raw[end : end + 4], "little") == _MAKER for end in _NAMES_END)
    return {
        "index": index,
        "name": library.text(asic.raw[:256]) if described else None,
        "pci_address": _address(place.value) if placed else None,
        "pci_id": f"{_MAKER:04x}:{code.value:04x}" if amds and coded else None,
        "memory_bytes": library.memory_bytes(memory.value) if sized else None,
    }


def _address(place: int) -> str:
    """Return an address: the domain in the upper half, below it bus << 8 | device << 3 | function."""
    return library.pci_address(place >> 32, place >> 8 & 0xFF, place >> 3 & 0x1F, place & 7)


if __name__ == "__main__":
    library.print_answer(_ask)
