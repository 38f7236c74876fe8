"""Ask MetaX' MXSML for its GPUs and print one JSON document; started as a script, see `library.py`.

Functions and structs as in `MxSml.h` 2.3.1 and in the vendor's own binding pymxsml; sizes are in KB there.
"""

import ctypes
import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library
else:
    sys.path.insert(0, __file__.rpartition("/")[0])
    import library

_KIB = 1024
_VERSION_SIZE = 64
_DRIVER = 1  # `MXSML_Version_Driver`
_AVAILABLE = 1
_PHYSICAL = 1  # `MXSML_Virtualization_Mode_Pf`: cut into virtual functions, it computes nothing itself


class _Device(ctypes.Structure):
    _fields_ = (
        ("device", ctypes.c_uint),
        ("kind", ctypes.c_uint),
        ("address", ctypes.c_char * 32),
        ("gpu", ctypes.c_uint),
        ("node", ctypes.c_uint),
        ("uuid", ctypes.c_char * 96),
        ("brand", ctypes.c_uint),
        ("mode", ctypes.c_uint),
        ("name", ctypes.c_char * 32),
    )


class _Memory(ctypes.Structure):
    _fields_ = (
        ("visible_total", ctypes.c_long),
        ("visible_used", ctypes.c_long),
        ("total", ctypes.c_long),
        ("used", ctypes.c_long),
    )


def _version(mxsml: ctypes.CDLL, name: str, *arguments: object) -> str | None:
    version, size = ctypes.create_string_buffer(_VERSION_SIZE), ctypes.c_uint(_VERSION_SIZE)
    told = library.asked(mxsml, name, *arguments, version, ctypes.byref(size))
    return library.text(version.raw) if told else None


def _runtimes(mxsml: ctypes.CDLL) -> list[dict[str, str]]:
    maca = _version(mxsml, "mxSmlGetMacaVersion")
    return [] if maca is None else [{"name": "maca", "version": maca}]


def _device(mxsml: ctypes.CDLL, index: int) -> dict[str, object] | None:
    """Return what is known of a device, or None for one that only carries virtual ones."""
    device, memory = _Device.from_buffer(library.room(_Device)), _Memory.from_buffer(library.room(_Memory))
    library.asked(mxsml, "mxSmlGetDeviceInfo", index, ctypes.byref(device))
    library.asked(mxsml, "mxSmlGetMemoryInfo", index, ctypes.byref(memory))
    if device.mode == _PHYSICAL:
        return None
    return {
        "index": index,
        "name": library.text(device.name),
        "pci_address": library.text(device.address),
        "memory_bytes": library.memory_bytes(memory.total, _KIB),
    }


def _faults(mxsml: ctypes.CDLL, index: int) -> tuple[dict[str, object], ...]:
    state = ctypes.c_int(_AVAILABLE)
    if not library.asked(mxsml, "mxSmlGetDeviceState", index, ctypes.byref(state)) or state.value == _AVAILABLE:
        return ()
    return ({"index": index, "said": f"GPU-State of GPU {index}: not available", "severity": "error"},)


def _ask() -> dict[str, object]:
    mxsml = library.open_library("libmxsml.so")
    library.checked(mxsml.mxSmlInit(), "mxSmlInit")
    numbers = library.counted(mxsml.mxSmlGetDeviceCount())
    drivers = (_version(mxsml, "mxSmlGetDeviceVersion", index, _DRIVER) for index in numbers)
    return {
        "driver": next(filter(None, drivers), None),
        "runtimes": _runtimes(mxsml),
        "devices": list(filter(None, (_device(mxsml, index) for index in numbers))),
        "faults": [fault for index in numbers for fault in _faults(mxsml, index)],
    }


if __name__ == "__main__":
    library.print_answer(_ask)
