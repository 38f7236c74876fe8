"""What the Ascend driver's files and npu-smi say; the parsers take text and leave out what they cannot read."""

import re
from collections.abc import Mapping
from functools import partial

from envkit.detect.by_tool import Form
from envkit.detect.printed import blocks, cells, find_address, find_version, told, unread
from envkit.detect.reading import Reading, Trouble
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
_SEVERITIES = {"warning": Severity.WARNING, "alarm": Severity.ERROR, "critical": Severity.ERROR}


def read_driver(host: Host) -> Reading:
    """Return the driver's version from its own file, which lies where the installer was told to put the driver.

    Version=24.1.rc3
    ascendhal_version=7.35.23
    """
    home = _HOME.search(host.read(_INSTALLED).text or "")
    path = f"{_USUAL_HOME if home is None else home['path']}/driver/version.info"
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


def forms(paired: str | None) -> tuple[Form, ...]:
    """Return how npu-smi is asked; see `parse_table` for `paired`."""
    folders = ("/usr/local/bin", "/usr/local/sbin")
    return (
        Form(("npu-smi", "info"), partial(parse_table, paired=paired), folders),
        Form(("npu-smi", "info", "-m"), parse_mapping, folders),
    )
