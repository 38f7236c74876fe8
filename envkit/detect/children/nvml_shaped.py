"""Ask a management library whose functions are those of NVML under other names.

Each answer is read at its place in a buffer that is larger than any release's structure, so that fields which a later
release adds at the end, as HGML does behind its PCI address, neither move what is read nor overflow what was given.
"""

import ctypes
from collections.abc import Callable

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library
else:
    import library

_BUFFER_BYTES = 4096
_NAME_BYTES = 96
_VERSION_BYTES = 80
# The structures begin with the address in five fields; behind them come the ids: device in the upper, vendor in the
# lower half.
_IDS = slice(28, 32)
_MEMORY_V2 = 0x02000028  # version 2 and the size of the structure
_V2_TOTAL = 8
# Statuses which say that a device that was found does not answer any more.
_BROKEN = {15: "the device is lost", 16: "the device needs a reset"}

Health = Callable[[ctypes.CDLL, ctypes.c_void_p], str | None]


class Dialect:
    """The names of one library's functions, newest first, and where its structures hold what is asked for."""

    def __init__(
        self,
        *,
        libraries: tuple[str, ...],
        initialize: tuple[str, ...],
        count: tuple[str, ...],
        handle: tuple[str, ...],
        name: str,
        pci: tuple[str, ...],
        memory: str,
        driver: str,
        addresses: tuple[slice, ...],
        total: int,
        pci_vendor: int,
    ) -> None:
        self.libraries = libraries
        self.initialize = initialize
        self.count = count
        self.handle = handle
        self.name = name
        self.pci = pci
        self.memory = memory
        self.driver = driver
        self.addresses = addresses  # where the structure holds its address as text, best first
        self.total = total  # where the structure holds the memory in bytes
        self.pci_vendor = pci_vendor


def start(dialect: Dialect) -> ctypes.CDLL:
    """Load a library and initialize it; raises `LibraryError` where one of the two fails."""
    opened = library.open_library(*dialect.libraries)
    initialize = library.exported(opened, *dialect.initialize)
    library.checked(initialize(), initialize.__name__)
    return opened


def describe(opened: ctypes.CDLL, dialect: Dialect, health: Health | None = None) -> dict[str, object]:
    """Return the driver, the devices that answer and their faults; `health` says in words what is wrong with one."""
    devices, faults = [], []
    count_devices = library.exported(opened, *dialect.count)
    get_handle = library.exported(opened, *dialect.handle)
    count = ctypes.c_uint()
    library.checked(count_devices(ctypes.byref(count)), count_devices.__name__)
    for index in library.counted(count.value):
        handle = ctypes.c_void_p()
        if get_handle(ctypes.c_uint(index), ctypes.byref(handle)) != 0:
            continue
        device, broken = _device(opened, dialect, index, handle)
        devices.append(device)
        said = health(opened, handle) if health is not None and broken is None else None
        if broken is not None:
            faults.append({"index": index, "said": broken, "severity": "error"})
        elif said is not None:
            faults.append({"index": index, "said": said, "severity": "warning"})
    return {"driver": _driver(opened, dialect), "devices": devices, "faults": faults}


def _driver(opened: ctypes.CDLL, dialect: Dialect) -> str | None:
    version = ctypes.create_string_buffer(_BUFFER_BYTES)
    told = library.asked(opened, dialect.driver, version, ctypes.c_uint(_VERSION_BYTES))
    return library.text(version.raw) if told else None


def _device(
    opened: ctypes.CDLL, dialect: Dialect, index: int, handle: ctypes.c_void_p
) -> tuple[dict[str, object], str | None]:
    """Return one device, and what is wrong with it where a status says so."""
    pci, name = (ctypes.create_string_buffer(_BUFFER_BYTES) for _ in range(2))
    placed = library.exported(opened, *dialect.pci)(handle, pci)
    named = library.exported(opened, dialect.name)(handle, name, ctypes.c_uint(_NAME_BYTES))
    sized, memory = _memory(opened, dialect, handle)
    addresses = (library.text(pci.raw[where]) for where in dialect.addresses) if placed == 0 else ()
    broken = next((status for status in (placed, named, sized) if status in _BROKEN), None)
    return {
        "index": index,
        "name": library.text(name.raw) if named == 0 else None,
        "pci_address": next(filter(_is_address, addresses), None),
        "pci_id": _pci_id(pci.raw[_IDS], dialect.pci_vendor) if placed == 0 else None,
        "memory_bytes": memory,
    }, None if broken is None else _BROKEN[broken]


def _memory(opened: ctypes.CDLL, dialect: Dialect, handle: ctypes.c_void_p) -> tuple[int, int | None]:
    """Return the status of the question, and the memory; some drivers answer only the question's second form."""
    memory = ctypes.create_string_buffer(_BUFFER_BYTES)
    status = library.exported(opened, dialect.memory)(handle, memory)
    place = dialect.total
    if status != 0:
        memory = ctypes.create_string_buffer(_MEMORY_V2.to_bytes(4, "little"), _BUFFER_BYTES)
        place = _V2_TOTAL
        if not library.asked(opened, f"{dialect.memory}_v2", handle, memory):
            return status, None
    return 0, library.memory_bytes(int.from_bytes(memory.raw[place : place + 8], "little"))


def _is_address(said: str | None) -> bool:
    return said is not None and ":" in said


def _pci_id(ids: bytes, vendor: int) -> str | None:
    """Return `1e3e:0003`, or None where the library tells another maker's id, as one that imitates NVIDIA's may."""
    combined = int.from_bytes(ids, "little")
    return f"{vendor:04x}:{combined >> 16:04x}" if combined & 0xFFFF == vendor else None
