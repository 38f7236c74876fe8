"""Ask Enflame's EFML for its GCUs and print one JSON document; started as a script, see `library.py`.

Functions and structs as in `efml.h` of 2019 and of 2024, in which they are the same; that memory is told in bytes is
seen in the vendor's exporter. A library of the newer kind, whose names begin in lower case, has none of them.
"""

import ctypes
import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library
else:
    sys.path.insert(0, __file__.rpartition("/")[0])
    import library

_TEXT_SIZE = 4096  # the library is not told: its own constant is 128


class _Device(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char * 128),
        ("vendor", ctypes.c_uint32),
        ("device_id", ctypes.c_uint32),
        ("domain", ctypes.c_uint32),
        ("bus", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("function", ctypes.c_uint32),
    )


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_uint64),)


def _text(efml: ctypes.CDLL, name: str, *arguments: int) -> str | None:
    buffer = ctypes.create_string_buffer(_TEXT_SIZE)
    return library.text(buffer.raw) if library.asked(efml, name, *arguments, buffer) else None


def _device(efml: ctypes.CDLL, index: int) -> dict[str, object]:
    device, memory = _Device.from_buffer(library.room(_Device)), _Memory.from_buffer(library.room(_Memory))
    placed = library.asked(efml, "EfmlGetDevInfo", index, ctypes.byref(device))
    library.asked(efml, "EfmlGetDevMem", index, ctypes.byref(memory))
    return {
        "index": index,
        "name": _text(efml, "EfmlGetDevName", index),
        "pci_address": library.pci_address(device.domain, device.bus, device.device, device.function)
        if placed
        else None,
        "memory_bytes": library.memory_bytes(memory.total),
    }


def _faults(efml: ctypes.CDLL, index: int) -> tuple[dict[str, object], ...]:
    well = ctypes.c_bool(True)  # noqa: FBT003 - a value of C
    if not library.asked(efml, "EfmlGetDevIsHealth", index, ctypes.byref(well)) or well.value:
        return ()
    return ({"index": index, "said": f"Health of device {index}: False", "severity": "error"},)


def _ask() -> dict[str, object]:
    efml = library.open_library("libefml.so", "libefml.so.1.0.0")
    # The argument: whether to do without the driver.
    library.checked(efml.EfmlInit(ctypes.c_bool(False)), "EfmlInit")  # noqa: FBT003 - a value of C
    count = ctypes.c_uint32()
    library.checked(efml.EfmlGetDevCount(ctypes.byref(count)), "EfmlGetDevCount")
    numbers = library.counted(count.value)
    return {
        "driver": _text(efml, "EfmlGetDriverVer"),
        "devices": [_device(efml, index) for index in numbers],
        "faults": [fault for index in numbers for fault in _faults(efml, index)],
    }


if __name__ == "__main__":
    library.print_answer(_ask)
