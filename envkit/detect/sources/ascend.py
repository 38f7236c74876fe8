"""What the Ascend driver's files, its library and npu-smi say; the parsers leave out what they cannot read."""

import re
from collections.abc import Mapping
from functools import partial

import msgspec

from envkit.detect.by_tool import Form
from envkit.detect.decoding import decode_json
from envkit.detect.printed import blocks, cells, find_address, find_version, told, unread
from envkit.detect.reading import Reading, Trouble
from envkit.detect.sources.library import library_form, parse_answer
from envkit.model.host import Device, Runtime, Severity
from envkit.system.host import Host

_VENDOR = "ascend"
_INSTALLED = "/etc/ascend_install.info"
_USUAL_HOME = "/usr/local/Ascend"
_HOME = re.compile(r"^Driver_Install_Path_Param=(?P<path>/\S+)", re.MULTILINE)
_VERSION = re.compile(r"^version=\[?(?P<version>[\w.+-]+)", re.MULTILINE | re.IGNORECASE)
_HEADER = re.compile(r"\bVersion:\s*(?P<version>\S+)")
_ROW = re.compile(
    r"^\|[ \t]*(?P<npu>\d{1,5})[ \t]+(?P<name>[^\s|][^|\n]*)\|[ \t]*(?P<health>[A-Za-z]\w*)", re.MULTILINE
)
_PAIR = re.compile(r"\d{1,9}\s*/\s*(\d{1,9})")
_NUMBERS = re.compile(r"\d{1,9}")
_MAPPING = re.compile(r"^\s*(?P<npu>\d{1,5})\s+(?P<chip>\d{1,5})\s+(?P<index>\d{1,5})\s+(?P<name>\S.*)$", re.MULTILINE)
# What npu-smi calls each of the two dies of a 910C.
_FAMILY = "Ascend910"
_MODULE = re.compile(r"\d{4}")
_LIBRARY = "libdcmi.so"
# The library itself, and below the driver's home what it loads.
_LIBRARY_FOLDER = "/usr/local/dcmi"
_DRIVER_FOLDERS = ("driver/lib64/driver", "driver/lib64/common", "driver/lib64")
_SEVERITIES = {"warning": Severity.WARNING, "alarm": Severity.ERROR, "critical": Severity.ERROR}


def driver_home(host: Host) -> str:
    """Return where the driver lies, as its installer wrote it down: `Driver_Install_Path_Param=/usr/local/Ascend`."""
    match = _HOME.search(host.read(_INSTALLED).text or "")
    return _USUAL_HOME if match is None else match["path"]


def read_driver(host: Host) -> Reading:
    """Return the driver's version from its own file, which lies where the installer was told to put the driver.

    Version=24.1.rc3
    ascendhal_version=7.35.23
    """
    path = f"{driver_home(host)}/driver/version.info"
    match = _VERSION.search(host.read(path).text or "")
    return Reading(source=path, driver=None if match is None else match["version"])


def read_runtimes(host: Host) -> tuple[Runtime, ...] | None:
    """Return the CANN that is installed, or None when that is not known; the variable of a loaded toolkit comes first.

    package_name=Ascend-cann-toolkit
    version=8.3.RC2
    """
    homes = (host.variable("ASCEND_TOOLKIT_HOME"), f"{_USUAL_HOME}/ascend-toolkit/latest", f"{_USUAL_HOME}/cann")
    for home in filter(None, homes):
        toolkits = tuple(f"{home}/{name}/ascend_toolkit_install.info" for name in ("aarch64-linux", "x86_64-linux"))
        for path in (*toolkits, f"{home}/version.info", f"{home}/share/info/runtime/version.info"):
            match = _VERSION.search(host.read(path).text or "")
            if match is not None:
                return (Runtime(name="cann", version=match["version"], path=home),)
    return None


class _Chip(msgspec.Struct):
    index: int
    board: int
    chip: int
    module: str | None = None


class _Chips(msgspec.Struct):
    devices: tuple[_Chip, ...] = ()


def parse_library(printed: str, source: str, *, paired: str | None = None) -> Reading:
    """Parse what `children/dcmi.py` prints; see `parse_table` for `paired`.

    {"driver": "25.2.0", "devices": [{"index": 0, "name": "310P3", "module": null, "pci_address": "0000:81:00.0",
     "memory_bytes": 46430945280, "board": 4, "chip": 0}],
     "faults": [{"index": 0, "said": "Health of NPU 4 chip 0: Alarm", "severity": "error"}]}
    """
    reading = parse_answer(printed, source, _VENDOR)
    listed = decode_json(printed, _Chips)
    chips = () if listed is None else listed.devices
    if len(chips) != len(reading.devices):
        return reading
    boards = [str(chip.board) for chip in chips]
    places = {chip.index: {"npu": str(chip.board), "chip": str(chip.chip)} for chip in chips}
    named = [_with_module(device, chip.module) for device, chip in zip(reading.devices, chips, strict=True)]
    found = [_with_pair(device, board, boards, paired) for device, board in zip(named, boards, strict=True)]
    return msgspec.structs.replace(
        reading,
        devices=_with_own_addresses(found),
        troubles=tuple(
            msgspec.structs.replace(trouble, values=places.get(trouble.index, {})) for trouble in reading.troubles
        ),
    )


def _with_module(device: Device, module: str | None) -> Device:
    """Return a device of a family under the name of its module: `Ascend910_9391`, as the toolkit calls it."""
    if device.name != _FAMILY or not _MODULE.fullmatch(module or ""):
        return device
    return msgspec.structs.replace(device, name=f"{_FAMILY}_{module}")


def _with_own_addresses(devices: list[Device]) -> tuple[Device, ...]:
    """Return the devices, first those with an address of their own: only the first chip of a board keeps the board's.

    Those without come behind, where none of them can be taken for a device on the bus that bears the same number.
    """
    seen: set[str] = set()
    own: list[Device] = []
    for device in devices:
        shared = device.pci_address in seen
        own.append(msgspec.structs.replace(device, pci_address=None if shared else device.pci_address))
        seen |= {device.pci_address or ""}
    return tuple(sorted(own, key=lambda device: device.pci_address is None))


def parse_table(text: str, source: str, *, paired: str | None = None) -> Reading:
    """Parse `npu-smi info`: two lines per chip; a chip's own number (Phy-ID, Device) stands behind that on its board.

    | npu-smi 24.1.rc3.3               Version: 24.1.rc3.3                                           |
    | NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
    | Chip  Phy-ID              | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
    | 0     Ascend910           | OK            | 182.0       36                0    / 0             |
    | 0     0                   | 0000:9D:00.0  | 0           0    / 0          3402 / 65536         |

    `paired` is the architecture of chips that are named by their family only and sit in pairs on one NPU.
    """
    devices: list[Device] = []
    boards: list[str] = []
    troubles: list[Trouble] = []
    for row, block in blocks(text, _ROW):
        lower = next((line for line in block.splitlines()[1:] if find_address(line)), "")
        numbers = _NUMBERS.findall(cells(lower)[0])
        chip = numbers[0] if numbers else "0"
        address = find_address(lower)
        device = Device(
            vendor=_VENDOR,
            index=int(numbers[1]) if len(numbers) > 1 else len(devices),
            name=told(row["name"]),
            # Both chips of a 310P board bear the board's address; two devices at one would be taken for the same.
            pci_address=None if any(other.pci_address == address for other in devices) else address,
            memory_mib=_memory(lower),
        )
        devices.append(device)
        boards.append(row["npu"])
        troubles += _troubles(device, row, chip)
    header = _HEADER.search(text)
    return Reading(
        source=source,
        devices=tuple(_with_pair(device, board, boards, paired) for device, board in zip(devices, boards, strict=True)),
        driver=None if header is None else find_version(header["version"]),
        troubles=tuple(troubles),
        failure=None if devices else unread(text),
    )


def _memory(line: str) -> int | None:
    """Return the total of the last pair that is not empty: HBM stands behind the memory of chips that have none."""
    totals = [int(total) for total in _PAIR.findall(line)]
    return next((total for total in reversed(totals) if total), None)


def _with_pair(device: Device, board: str, boards: list[str], paired: str | None) -> Device:
    if device.name != _FAMILY or boards.count(board) < 2:  # noqa: PLR2004 - a pair
        return device
    return Device(
        vendor=device.vendor,
        index=device.index,
        name=device.name,
        pci_address=device.pci_address,
        memory_mib=device.memory_mib,
        architecture=paired,
    )


def _troubles(device: Device, row: re.Match[str], chip: str) -> tuple[Trouble, ...]:
    health = row["health"]
    if health.upper() == "OK" or device.index is None:
        return ()
    return (
        Trouble(
            index=device.index,
            said=f"Health of NPU {row['npu']} chip {chip}: {health}",
            severity=_SEVERITIES.get(health.lower(), Severity.WARNING),
            values={"npu": row["npu"], "chip": chip},
        ),
    )


def parse_mapping(text: str, source: str) -> Reading:
    """Parse `npu-smi info -m`, which names chips that the table masks; `MiniD` is a family, `Mcu` is no chip.

    NPU ID                         Chip ID                        Chip Logic ID                  Chip Name
    0                              0                              0                              Ascend 910A
    """
    rows: tuple[Mapping[str, str], ...] = tuple(match.groupdict() for match in _MAPPING.finditer(text))
    devices = tuple(
        Device(
            vendor=_VENDOR,
            index=int(row["index"]),
            name=told(re.sub(r"^Ascend\s+", "", row["name"].strip())),
        )
        for row in rows
        if row["name"].strip().lower() not in {"minid", "mcu"}
    )
    return Reading(source=source, devices=devices, failure=None if rows else unread(text))


def forms(paired: str | None, home: str = _USUAL_HOME) -> tuple[Form, ...]:
    """Return how the library and npu-smi are asked; see `parse_table` for `paired`, `driver_home` for `home`."""
    folders = ("/usr/local/bin", "/usr/local/sbin")
    asked = library_form(_VENDOR, "dcmi", _LIBRARY, (_LIBRARY_FOLDER, *(f"{home}/{name}" for name in _DRIVER_FOLDERS)))
    return (
        asked._replace(parse=partial(parse_library, paired=paired)),
        Form(("npu-smi", "info"), partial(parse_table, paired=paired), folders),
        Form(("npu-smi", "info", "-m"), parse_mapping, folders),
    )
