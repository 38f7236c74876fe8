"""Ask Huawei's DCMI for its Ascend chips and print one JSON document; started as a script, see `library.py`.

Functions, structs and states as in `dcmi_interface_api.h` of Huawei's open driver (copyright 2025, with
`dcmi_get_device_health` of its DCMI manual), of Ascend/ascend-npu-exporter (2022) and, for the calls that begin with
`dcmiv2`, of the copy that nvtop uses. Sizes are in MB there. The number of a device is that of its node
`/dev/davinciN`, which npu-smi calls Phy-ID; its board is npu-smi's NPU.
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
_MOST_CARDS = 64  # `MAX_CARD_NUM`
_NPU = 0  # `NPU_TYPE`; a board's controller and processor are listed too
_VERSION_SIZE = 256
_HEALTHY = 0
_STATES = {1: ("Warning", "warning"), 2: ("Alarm", "error"), 3: ("Critical", "error")}


class _Chip(ctypes.Structure):
    _fields_ = (
        ("chip_type", ctypes.c_char * 32),
        ("chip_name", ctypes.c_char * 32),
        ("chip_version", ctypes.c_char * 32),
        ("cores", ctypes.c_uint),
        ("npu_name", ctypes.c_char * 32),  # only of the second version
    )


class _Place(ctypes.Structure):
    _fields_ = (
        ("vendor", ctypes.c_uint),
        ("subsystem_vendor", ctypes.c_uint),
        ("device_id", ctypes.c_uint),
        ("subsystem_device", ctypes.c_uint),
        ("domain", ctypes.c_int),
        ("bus", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("function", ctypes.c_uint),
    )


class _OldPlace(ctypes.Structure):
    _fields_ = (
        ("device_id", ctypes.c_uint),
        ("vendor", ctypes.c_uint),
        ("subsystem_vendor", ctypes.c_uint),
        ("subsystem_device", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("bus", ctypes.c_uint),
        ("function", ctypes.c_uint),
    )


class _Memory(ctypes.Structure):
    _fields_ = (("size", ctypes.c_ulonglong),)  # each struct about memory begins with it


class _Generation:
    """The calls of one generation of the library; a chip is named by its card and its number on it, or by one number.

    Where several calls tell the same, the newest comes first.
    """

    def __init__(self, dcmi: ctypes.CDLL, prefix: str, **calls: tuple[str, ...]) -> None:
        self._dcmi = dcmi
        self._prefix = prefix
        self._calls = calls

    def tells(self, fact: str, chip: tuple[int, ...], answer: object) -> bool:
        """Let the first call that knows a fact of a chip write it into `answer`; False where none does."""
        names = (f"{self._prefix}_get_{name}" for name in self._calls[fact])
        return any(library.asked(self._dcmi, name, *chip, answer) for name in names)

    def driver(self) -> str | None:
        """Return the driver's version."""
        buffer = ctypes.create_string_buffer(_VERSION_SIZE)
        told = library.asked(self._dcmi, f"{self._prefix}_get_driver_version", buffer, _VERSION_SIZE)
        return library.text(buffer.raw) if told else None

    def describe(self, index: int, chip: tuple[int, ...], board: tuple[int, ...]) -> dict[str, object]:
        """Return what is known of a chip."""
        named = _Chip.from_buffer(library.room(_Chip))
        self.tells("chip", chip, ctypes.byref(named))
        return {
            "index": index,
            "name": library.text(named.chip_name),
            "module": library.text(named.npu_name),
            "pci_address": self._address(chip),
            "memory_bytes": self._memory(chip),
            "board": board[0],
            "chip": board[1],
        }

    def _address(self, chip: tuple[int, ...]) -> str | None:
        place = _Place.from_buffer(library.room(_Place))
        if self.tells("place", chip, ctypes.byref(place)):
            return library.pci_address(place.domain, place.bus, place.device, place.function)
        old = _OldPlace.from_buffer(library.room(_OldPlace))
        if self.tells("old_place", chip, ctypes.byref(old)):
            return library.pci_address(0, old.bus, old.device, old.function)
        return None

    def _memory(self, chip: tuple[int, ...]) -> int | None:
        for fact in ("stacked", "memory"):  # chips without stacked memory say that it is 0, or not supported
            memory = _Memory.from_buffer(library.room(_Memory))
            if self.tells(fact, chip, ctypes.byref(memory)) and memory.size:
                return library.memory_bytes(memory.size, _MIB)
        return None

    def fault(self, index: int, chip: tuple[int, ...], board: tuple[int, ...]) -> tuple[dict[str, object], ...]:
        """Return what is wrong with a chip; nothing where it is well or does not say."""
        health = ctypes.c_uint(_HEALTHY)
        if not self.tells("health", chip, ctypes.byref(health)) or health.value == _HEALTHY:
            return ()
        state, severity = _STATES.get(health.value, (f"{health.value:#x}", "warning"))
        said = f"Health of NPU {board[0]} chip {board[1]}: {state}"
        return ({"index": index, "said": said, "severity": severity},)

    def is_npu(self, chip: tuple[int, ...]) -> bool:
        """Tell whether a chip is no controller or processor of its board; the oldest releases list NPUs only."""
        kind = ctypes.c_int(_NPU)
        return not self.tells("kind", chip, ctypes.byref(kind)) or kind.value == _NPU


def _by_card(dcmi: ctypes.CDLL) -> dict[str, object]:
    generation = _Generation(
        dcmi,
        "dcmi",
        chip=("device_chip_info_v2", "device_chip_info"),
        place=("device_pcie_info_v2",),
        old_place=("device_pcie_info",),
        stacked=("device_hbm_info",),
        memory=("device_memory_info_v3", "memory_info"),
        health=("device_health",),
        kind=("device_type",),
    )
    count, cards = ctypes.c_int(), (ctypes.c_int * _MOST_CARDS)()
    checked = dcmi.dcmi_get_card_list(ctypes.byref(count), cards, _MOST_CARDS)
    library.checked(checked, "dcmi_get_card_list")
    chips: list[tuple[int, int]] = []
    for place in library.counted(count.value, _MOST_CARDS):
        number = ctypes.c_int()
        library.checked(
            dcmi.dcmi_get_device_num_in_card(cards[place], ctypes.byref(number)), "dcmi_get_device_num_in_card"
        )
        chips += [(cards[place], chip) for chip in library.counted(number.value, _MOST_CARDS)]
    found = [chip for chip in chips if generation.is_npu(chip)]
    indexes = [_index(dcmi, chip, place) for place, chip in enumerate(found)]
    return _document(generation, list(zip(indexes, found, found, strict=True)))


def _by_number(dcmi: ctypes.CDLL) -> dict[str, object]:
    generation = _Generation(
        dcmi,
        "dcmiv2",
        chip=("device_chip_info",),
        place=("device_pcie_info",),
        old_place=(),
        stacked=("device_hbm_info",),
        memory=(),
        health=("device_health",),
        kind=("device_type",),
    )
    numbers, count = (ctypes.c_int * _MOST_CARDS)(), ctypes.c_int()
    checked = dcmi.dcmiv2_get_device_list(numbers, ctypes.byref(count), _MOST_CARDS)
    library.checked(checked, "dcmiv2_get_device_list")
    listed = [numbers[place] for place in library.counted(count.value, _MOST_CARDS)]
    found = [number for number in listed if generation.is_npu((number,))]
    return _document(generation, [(_physical(dcmi, number), (number,), _board(dcmi, number)) for number in found])


def _document(generation: _Generation, chips: list[tuple[int, tuple[int, ...], tuple[int, ...]]]) -> dict[str, object]:
    if not chips:
        message = "lists no NPU"
        raise library.LibraryError(message)
    return {
        "driver": generation.driver(),
        "devices": [generation.describe(*chip) for chip in chips],
        "faults": [fault for chip in chips for fault in generation.fault(*chip)],
    }


def _index(dcmi: ctypes.CDLL, chip: tuple[int, int], place: int) -> int:
    """Return the number of a chip's node; its place among the chips where the library tells none."""
    logical = ctypes.c_int()
    told = library.asked(dcmi, "dcmi_get_device_logic_id", ctypes.byref(logical), *chip)
    return _physical(dcmi, logical.value) if told and 0 <= logical.value < library.MOST_DEVICES else place


def _physical(dcmi: ctypes.CDLL, logical: int) -> int:
    physical = ctypes.c_uint()
    told = library.asked(dcmi, "dcmi_get_device_phyid_from_logicid", logical, ctypes.byref(physical))
    return physical.value if told and physical.value < library.MOST_DEVICES else logical


def _board(dcmi: ctypes.CDLL, number: int) -> tuple[int, int]:
    card, chip = ctypes.c_int(), ctypes.c_int()
    name = "dcmi_get_card_id_device_id_from_logicid"
    told = library.asked(dcmi, name, ctypes.byref(card), ctypes.byref(chip), number)
    return (card.value, chip.value) if told else (number, 0)


def _ask() -> dict[str, object]:
    dcmi = library.open_library("libdcmi.so")
    try:
        library.checked(dcmi.dcmi_init(), "dcmi_init")
        return _by_card(dcmi)
    except library.LibraryError:
        if not library.asked(dcmi, "dcmiv2_init"):
            raise
    # Newer products name a chip by one number, and do not serve the older calls.
    return _by_number(dcmi)


if __name__ == "__main__":
    library.print_answer(_ask)
