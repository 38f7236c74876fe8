"""Ask Kunlunxin's XPUML for its XPUs and print one JSON document; started as a script, see `library.py`.

Functions and structs as in `xpuml.h` of API version 1 and in the vendor's binding go-xpuml. No source tells what the
library calls a device, so that its name is left to xpu_smi.
"""

import ctypes
import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library
else:
    sys.path.insert(0, __file__.rpartition("/")[0])
    import library

_VERSION_SIZE = 80  # `XPUML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE`


class _Place(ctypes.Structure):
    _fields_ = (
        ("domain", ctypes.c_uint),
        ("bus", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("function", ctypes.c_uint),
    )


class _Memory(ctypes.Structure):
    _fields_ = (("page_size", ctypes.c_ulonglong), ("total", ctypes.c_ulonglong))


def _driver(xpuml: ctypes.CDLL) -> str | None:
    version = ctypes.create_string_buffer(_VERSION_SIZE)
    told = library.asked(xpuml, "xpumlSystemGetDriverVersion", version, _VERSION_SIZE)
    return library.text(version.raw) if told else None


def _device(xpuml: ctypes.CDLL, place: int) -> dict[str, object]:
    handle, number = ctypes.c_void_p(), ctypes.c_int()
    if not library.asked(xpuml, "xpumlDeviceGetHandleByIndex", place, ctypes.byref(handle)):
        return {"index": place}
    numbered = library.asked(xpuml, "xpumlDeviceGetId", handle, ctypes.byref(number))
    pci, memory = _Place.from_buffer(library.room(_Place)), _Memory.from_buffer(library.room(_Memory))
    placed = library.asked(xpuml, "xpumlDeviceGetPciInfo", handle, ctypes.byref(pci))
    library.asked(xpuml, "xpumlDeviceGetMemoryInfo", handle, ctypes.byref(memory))
    return {
        # The number of its node, /dev/xpuN, which need not be its place in the library's list.
        "index": number.value if numbered and 0 <= number.value < library.MOST_DEVICES else place,
        "pci_address": library.pci_address(pci.domain, pci.bus, pci.device, pci.function) if placed else None,
        "memory_bytes": library.memory_bytes(memory.total),
    }


def _ask() -> dict[str, object]:
    xpuml = library.open_library("libxpuml.so", "libxpuml.so.1")
    library.checked(xpuml.xpumlInit(), "xpumlInit")
    count = ctypes.c_uint()
    library.checked(xpuml.xpumlDeviceGetCount(ctypes.byref(count)), "xpumlDeviceGetCount")
    numbers = library.counted(count.value)
    return {"driver": _driver(xpuml), "devices": [_device(xpuml, place) for place in numbers]}


if __name__ == "__main__":
    library.print_answer(_ask)
