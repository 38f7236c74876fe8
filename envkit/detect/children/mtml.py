"""Ask Moore Threads' MTML for its GPUs and print one JSON document; started as a script, see `library.py`.

Functions and the beginnings of structs as in `mtml.h` and in the vendor's own binding mthreads-ml-py 2.4.3. Library,
system, devices and memory are opaque pointers.
"""

import ctypes
import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library
else:
    sys.path.insert(0, __file__.rpartition("/")[0])
    import library

_NAME_SIZE = 32  # `MTML_DEVICE_NAME_BUFFER_SIZE`
_VERSION_SIZE = 80  # `MTML_DRIVER_VERSION_BUFFER_SIZE`


class _Place(ctypes.Structure):
    _fields_ = (("address", ctypes.c_char * 32),)


def _driver(mtml: ctypes.CDLL, opened: ctypes.c_void_p) -> str | None:
    system, version = ctypes.c_void_p(), ctypes.create_string_buffer(_VERSION_SIZE)
    told = library.asked(mtml, "mtmlLibraryInitSystem", opened, ctypes.byref(system)) and library.asked(
        mtml, "mtmlSystemGetDriverVersion", system, version, _VERSION_SIZE
    )
    return library.text(version.raw) if told else None


def _memory(mtml: ctypes.CDLL, device: ctypes.c_void_p) -> int | None:
    memory, total = ctypes.c_void_p(), ctypes.c_ulonglong()
    told = library.asked(mtml, "mtmlDeviceInitMemory", device, ctypes.byref(memory)) and library.asked(
        mtml, "mtmlMemoryGetTotal", memory, ctypes.byref(total)
    )
    return library.memory_bytes(total.value) if told else None


def _device(mtml: ctypes.CDLL, opened: ctypes.c_void_p, index: int) -> dict[str, object]:
    device = ctypes.c_void_p()
    if not library.asked(mtml, "mtmlLibraryInitDeviceByIndex", opened, index, ctypes.byref(device)):
        return {"index": index}
    name, place = ctypes.create_string_buffer(_NAME_SIZE), _Place.from_buffer(library.room(_Place))
    library.asked(mtml, "mtmlDeviceGetName", device, name, _NAME_SIZE)
    library.asked(mtml, "mtmlDeviceGetPciInfo", device, ctypes.byref(place))
    return {
        "index": index,
        "name": library.text(name.raw),
        "pci_address": library.text(place.address),
        "memory_bytes": _memory(mtml, device),
    }


def _ask() -> dict[str, object]:
    mtml = library.open_library("libmtml.so.2", "libmtml.so")
    opened, count = ctypes.c_void_p(), ctypes.c_uint()
    library.checked(mtml.mtmlLibraryInit(ctypes.byref(opened)), "mtmlLibraryInit")
    library.checked(mtml.mtmlLibraryCountDevice(opened, ctypes.byref(count)), "mtmlLibraryCountDevice")
    numbers = library.counted(count.value)
    return {"driver": _driver(mtml, opened), "devices": [_device(mtml, opened, index) for index in numbers]}


if __name__ == "__main__":
    library.print_answer(_ask)
