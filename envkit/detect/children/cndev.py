"""Ask Cambricon's CNDEV for its MLUs and print one JSON document; started as a script, see `library.py`.

Functions and structs as in `cndev.h` of the API versions 3 to 6, of which public copies lie with Cambricon's
mlu-exporter and device plugin. The structs with `version` carry the caller's API version, and a library refuses one
that it does not know; sizes are in MB there. A handle is an int, in old releases the number of the device itself.
"""

import ctypes
import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library
else:
    sys.path.insert(0, __file__.rpartition("/")[0])
    import library

_MIB = 1024 * 1024
_API_VERSIONS = (6, 5, 3)
_GOOD = 1  # `CNDEV_HEALTH_STATE_DEVICE_GOOD`


class _Count(ctypes.Structure):
    _fields_ = (("version", ctypes.c_int), ("number", ctypes.c_uint))


class _Versions(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("controller", ctypes.c_uint * 3),
        ("driver", ctypes.c_uint * 3),
    )


class _Memory(ctypes.Structure):
    _fields_ = (("version", ctypes.c_int), ("total", ctypes.c_int64))


class _NewMemory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_int64),)


class _NewPlace(ctypes.Structure):
    _fields_ = (
        ("subsystem", ctypes.c_uint),
        ("device_id", ctypes.c_uint),
        ("vendor", ctypes.c_uint16),
        ("subsystem_vendor", ctypes.c_uint16),
        ("domain", ctypes.c_uint),
        ("bus", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("function", ctypes.c_uint),
    )


class _Place(ctypes.Structure):
    _fields_ = (("version", ctypes.c_int), *_NewPlace._fields_)


class _Health(ctypes.Structure):
    _fields_ = (("version", ctypes.c_int), ("health", ctypes.c_int))


def _handle(cndev: ctypes.CDLL, index: int) -> int:
    handle = ctypes.c_int(index)
    told = library.asked(cndev, "cndevGetDeviceHandleByIndex", index, ctypes.byref(handle))
    return handle.value if told else index


def _name(cndev: ctypes.CDLL, handle: int) -> str | None:
    function = getattr(cndev, "cndevGetCardNameStringByDevId", None) or getattr(cndev, "getCardNameStringByDevId", None)
    if function is None:
        return None
    function.restype = ctypes.c_char_p
    return library.text(function(handle) or b"")


def _address(cndev: ctypes.CDLL, handle: int, version: int) -> str | None:
    for name, kind in (("cndevGetPCIeInfoV2", _NewPlace), ("cndevGetPCIeInfo", _Place)):
        place = kind.from_buffer(library.room(kind))
        place.version = version  # of the new struct this is no field
        if library.asked(cndev, name, ctypes.byref(place), handle):
            return library.pci_address(place.domain, place.bus, place.device, place.function)
    return None


def _memory(cndev: ctypes.CDLL, handle: int, version: int) -> int | None:
    for name, kind in (("cndevGetMemoryUsageV2", _NewMemory), ("cndevGetMemoryUsage", _Memory)):
        memory = kind.from_buffer(library.room(kind))
        memory.version = version
        if library.asked(cndev, name, ctypes.byref(memory), handle):
            return library.memory_bytes(memory.total, _MIB)
    return None


def _driver(cndev: ctypes.CDLL, handle: int, version: int) -> str | None:
    versions = _Versions.from_buffer(library.room(_Versions))
    versions.version = version
    told = library.asked(cndev, "cndevGetVersionInfo", ctypes.byref(versions), handle)
    return ".".join(map(str, versions.driver)) if told and any(versions.driver) else None


def _faults(cndev: ctypes.CDLL, index: int, handle: int, version: int) -> tuple[dict[str, object], ...]:
    state = _Health.from_buffer(library.room(_Health))
    state.version, state.health = version, _GOOD
    told = library.asked(cndev, "cndevGetCardHealthState", ctypes.byref(state), handle)
    if not told or state.health == _GOOD:
        return ()
    return ({"index": index, "said": f"health of card {index}: {state.health}, not {_GOOD}", "severity": "error"},)


def _count(cndev: ctypes.CDLL) -> tuple[range, int]:
    """Return the numbers of the devices, and the newest API version that the library serves."""
    status = 0
    for version in _API_VERSIONS:
        count = _Count.from_buffer(library.room(_Count))
        count.version = version
        status = cndev.cndevGetDeviceCount(ctypes.byref(count))
        if status == 0:
            return library.counted(count.number), version
    message = f"cndevGetDeviceCount returned {status}"
    raise library.LibraryError(message)


def _ask() -> dict[str, object]:
    cndev = library.open_library("libcndev.so")
    library.checked(cndev.cndevInit(0), "cndevInit")
    numbers, version = _count(cndev)
    handles = [_handle(cndev, index) for index in numbers]
    drivers = (_driver(cndev, handle, version) for handle in handles)
    return {
        "driver": next(filter(None, drivers), None),
        "devices": [
            {
                "index": index,
                "name": _name(cndev, handle),
                "pci_address": _address(cndev, handle, version),
                "memory_bytes": _memory(cndev, handle, version),
            }
            for index, handle in enumerate(handles)
        ],
        "faults": [fault for index, handle in enumerate(handles) for fault in _faults(cndev, index, handle, version)],
    }


if __name__ == "__main__":
    library.print_answer(_ask)
