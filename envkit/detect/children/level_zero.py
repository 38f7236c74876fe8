"""Ask Level Zero's system management for Intel's GPUs and print one JSON document; a script, see `library.py`.

Functions, structs and structure types as in `zes_api.h` of Level Zero 1.5 and newer, which has `zesInit`: unlike the
part that computes, it lists whole cards, whatever the masks and the hierarchy that the environment asks for.
"""

import ctypes
import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library
else:
    sys.path.insert(0, __file__.rpartition("/")[0])
    import library

_DEVICE_PROPERTIES, _PCI_PROPERTIES, _MEMORY_PROPERTIES, _MEMORY_STATE = 0x1, 0x2, 0xB, 0x1E
_ON_DEVICE = 1  # `ZES_MEM_LOC_DEVICE`
_GPU = 1  # `ZE_DEVICE_TYPE_GPU`


class _Device(ctypes.Structure):
    _fields_ = (
        ("structure", ctypes.c_uint),
        ("next", ctypes.c_void_p),
        # From here on what the computing part tells of a device, a structure in this one.
        ("core_structure", ctypes.c_uint),
        ("core_next", ctypes.c_void_p),
        ("kind", ctypes.c_uint),
        ("vendor", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("subdevice", ctypes.c_uint32),
        ("clock", ctypes.c_uint32),
        ("largest_allocation", ctypes.c_uint64),
        ("limits_and_counts", ctypes.c_uint32 * 7),
        ("timer_resolution", ctypes.c_uint64),
        ("timestamp_bits", ctypes.c_uint32 * 2),
        ("uuid", ctypes.c_uint8 * 16),
        ("name", ctypes.c_char * 256),
    )


class _Place(ctypes.Structure):
    _fields_ = (
        ("structure", ctypes.c_uint),
        ("next", ctypes.c_void_p),
        ("domain", ctypes.c_uint32),
        ("bus", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("function", ctypes.c_uint32),
    )


class _Module(ctypes.Structure):
    _fields_ = (
        ("structure", ctypes.c_uint),
        ("next", ctypes.c_void_p),
        ("kind", ctypes.c_uint),
        ("on_subdevice", ctypes.c_uint8),
        ("subdevice", ctypes.c_uint32),
        ("location", ctypes.c_uint),
        ("size", ctypes.c_uint64),
    )


class _ModuleState(ctypes.Structure):
    _fields_ = (
        ("structure", ctypes.c_uint),
        ("next", ctypes.c_void_p),
        ("health", ctypes.c_uint),
        ("free", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
    )


def _handles(zes: ctypes.CDLL, name: str, *of: ctypes.c_void_p) -> list[ctypes.c_void_p]:
    """Return what a function lists; asked without room for handles, it tells their number."""
    count = ctypes.c_uint32()
    if not library.asked(zes, name, *of, ctypes.byref(count), None):
        return []
    numbers = library.counted(count.value)
    handles = (ctypes.c_void_p * len(numbers))()
    if not library.asked(zes, name, *of, ctypes.byref(count), handles):
        return []
    return [ctypes.c_void_p(handles[place]) for place in numbers if handles[place]]


def _memory(zes: ctypes.CDLL, device: ctypes.c_void_p) -> int | None:
    total = 0
    for handle in _handles(zes, "zesDeviceEnumMemoryModules", device):
        module = _Module.from_buffer(library.room(_Module))
        module.structure = _MEMORY_PROPERTIES
        told = library.asked(zes, "zesMemoryGetProperties", handle, ctypes.byref(module))
        if told and module.location == _ON_DEVICE:
            total += module.size or _size(zes, handle)
    return library.memory_bytes(total)


def _size(zes: ctypes.CDLL, handle: ctypes.c_void_p) -> int:
    """Return how much of a module can be allocated, for drivers that do not tell how large it is."""
    state = _ModuleState.from_buffer(library.room(_ModuleState))
    state.structure = _MEMORY_STATE
    return int(state.size) if library.asked(zes, "zesMemoryGetState", handle, ctypes.byref(state)) else 0


def _device(zes: ctypes.CDLL, index: int, handle: ctypes.c_void_p) -> dict[str, object] | None:
    """Return what is known of a device, or None for one that is no GPU."""
    device, place = _Device.from_buffer(library.room(_Device)), _Place.from_buffer(library.room(_Place))
    device.structure, device.kind, place.structure = _DEVICE_PROPERTIES, _GPU, _PCI_PROPERTIES
    library.asked(zes, "zesDeviceGetProperties", handle, ctypes.byref(device))
    if device.kind != _GPU:
        return None
    placed = library.asked(zes, "zesDevicePciGetProperties", handle, ctypes.byref(place))
    return {
        "index": index,
        "name": library.text(device.name),
        "pci_address": library.pci_address(place.domain, place.bus, place.device, place.function) if placed else None,
        "memory_bytes": _memory(zes, handle),
    }


def _ask() -> dict[str, object]:
    zes = library.open_library("libze_loader.so.1")
    library.checked(zes.zesInit(0), "zesInit")
    handles = [handle for driver in _handles(zes, "zesDriverGet") for handle in _handles(zes, "zesDeviceGet", driver)]
    devices = (_device(zes, index, handle) for index, handle in enumerate(handles))
    return {"devices": list(filter(None, devices))}


if __name__ == "__main__":
    library.print_answer(_ask)
