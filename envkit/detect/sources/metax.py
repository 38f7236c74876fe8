"""MXSML and mx-smi of MetaX, and ht-smi under another brand; the parser leaves out what it cannot read."""

import re

from envkit.detect.by_tool import Form
from envkit.detect.printed import ADDRESS, blocks, cells, find_address, find_version, told, unread
from envkit.detect.reading import Reading, Trouble
from envkit.detect.sources.library import library_form
from envkit.model.host import Device, Runtime, Severity

_ROW = re.compile(rf"^\|[^\n]*\|[ \t]*(?P<address>{ADDRESS})[ \t]*\|", re.MULTILINE)
_NAMED = re.compile(r"(?P<number>\d{1,4})\s+(?P<name>\S.*)")
_NUMBER = re.compile(r"\d{1,4}")
_DRIVER = re.compile(r"Driver Version\s*:\s*(?P<version>\S+)")
_RUNTIME = re.compile(r"\b(?P<name>MACA|HPCC) Version\s*:\s*(?P<version>\d\S*)")
_MEMORY = re.compile(r"\d{1,9}\s*/\s*(?P<total>\d{1,9})\s*MiB")
_WELL = "available"
_VENDOR = "metax"
_LIBRARY_FOLDERS = ("/opt/mxdriver/lib", "/opt/maca/lib", "/opt/mxn100/lib")


def parse_table(text: str, source: str) -> Reading:
    """Parse `mx-smi` 2.1 to 2.3: two lines per device; newer releases number boards and the GPUs on them apart.

    | MX-SMI 2.2.4                        Kernel Mode Driver Version: 2.15.9          |
    | MACA Version: 2.32.0.6              BIOS Version: 1.25.1.0                      |
    | 0           MetaX C550             | 0000:0f:00.0        | 0%                   |
    | 29C         53W / 450W             | 858/65536 MiB       | Available            |

    | Board       Name | GPU   Persist-M | Bus-id              | GPU-Util      sGPU-M |
    | 0     MetaX C500 | 0           Off | 0000:12:00.0        | 0%          Disabled |
    """
    devices: list[Device] = []
    troubles: list[Trouble] = []
    name: str | None = None
    for row, block in blocks(text, _ROW):
        before = cells(row[0].rpartition(row["address"])[0].rstrip().rstrip("|"))
        named = _NAMED.fullmatch(before[0])
        # A second GPU on the board of the line before stands without the board's name.
        name = name if named is None else told(named["name"])
        number = _NUMBER.match(before[-1])
        memory = _MEMORY.search(block)
        device = Device(
            vendor=_VENDOR,
            index=len(devices) if number is None else int(number[0]),
            name=name,
            pci_address=find_address(row["address"]),
            memory_mib=None if memory is None else int(memory["total"]) or None,
        )
        devices.append(device)
        troubles += _troubles(device, block)
    driver, runtime = _DRIVER.search(text), _RUNTIME.search(text)
    version = None if runtime is None else find_version(runtime["version"])
    return Reading(
        source=source,
        devices=tuple(devices),
        driver=None if driver is None else find_version(driver["version"]),
        runtimes=()
        if runtime is None or version is None
        else (Runtime(name=runtime["name"].lower(), version=version),),
        troubles=tuple(troubles),
        failure=None if devices or driver else unread(text),
    )


def _troubles(device: Device, block: str) -> tuple[Trouble, ...]:
    """Return the state behind the memory where it is not `Available`; old releases print none."""
    line = next((line for line in block.splitlines() if _MEMORY.search(line)), "")
    state = cells(line)[-1]
    if not re.fullmatch(r"[A-Za-z][A-Za-z _-]*", state) or state.lower() == _WELL or device.index is None:
        return ()
    return (
        Trouble(
            index=device.index,
            said=f"GPU-State of GPU {device.index}: {state}",
            severity=Severity.ERROR if state.lower().startswith("un") else Severity.WARNING,
        ),
    )


FORMS = (
    library_form(_VENDOR, "mxsml", "libmxsml.so", _LIBRARY_FOLDERS),
    Form(("mx-smi",), parse_table, ("/opt/mxdriver/bin",)),
    Form(("ht-smi",), parse_table),
)
