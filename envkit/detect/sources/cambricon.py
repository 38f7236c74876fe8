"""CNDEV and cnmon of Cambricon, releases 4 to 6; the parsers take text and leave out what they cannot read."""

import re

from envkit.detect.by_tool import Form
from envkit.detect.printed import blocks, cells, find_address, find_mib, find_version, told, unread
from envkit.detect.reading import Reading
from envkit.detect.sources.library import library_form
from envkit.model.host import Device, Runtime
from envkit.system.host import Host

_VENDOR = "cambricon"
_NEUWARE = "/usr/local/neuware"
_NEUWARE_VERSION = re.compile(r"\d+\.\d+\.\d+")
_ROW = re.compile(
    r"^\|[ \t]*(?P<index>\d{1,4})[ \t]+\S+[ \t]+(?P<name>\S+)[ \t]+(?P<firmware>v\S+|N/A)[ \t]*\|", re.MULTILINE
)
_DRIVER = re.compile(r"\bDriver\s*:?\s+v?(?P<version>\d\S*)")
_CARD = re.compile(r"^Card (?P<index>\d{1,4})\s*$", re.MULTILINE)


def read_runtimes(host: Host) -> tuple[Runtime, ...] | None:
    """Return the Neuware that is installed, or None when that is not known: `Neuware Version 4.6.2`."""
    match = _NEUWARE_VERSION.search(host.read(f"{_NEUWARE}/version.txt").text or "")
    return None if match is None else (Runtime(name="neuware", version=match[0], path=_NEUWARE),)


def parse_table(text: str, source: str) -> Reading:
    """Parse `cnmon`: two lines per device; release 4 has the driver in the place of the bus id.

    | CNMON v5.10.13                                               Driver v5.10.13 |
    | Card  VF  Name       Firmware |               Bus-Id | Util        Ecc-Error |
    | 0     /   MLU370-X8    v1.1.6 |         0000:39:00.0 | 0%                N/A |
    |  0%   32C        106 W/ 250 W |     0 MiB/ 23374 MiB | N/A           Default |
    """
    devices, in_rows = [], None
    for row, block in blocks(text, _ROW):
        upper, *lower = block.splitlines()
        devices.append(
            Device(
                vendor=_VENDOR,
                index=int(row["index"]),
                name=told(row["name"]),
                pci_address=find_address(upper),
                memory_mib=_total(" ".join(lower)),
            )
        )
        beside = cells(upper)[1:2]
        words = beside[0].split() if beside else []
        in_rows = in_rows or (find_version(words[-1]) if words and words[-1].startswith("v") else None)
    header = _DRIVER.search(text)
    return Reading(
        source=source,
        devices=tuple(devices),
        driver=in_rows if header is None else find_version(header["version"]),
        failure=None if devices else unread(text),
    )


def _total(text: str) -> int | None:
    used_and_total = re.search(r"MiB\s*/\s*(\d{1,9}\s*MiB)", text)
    return None if used_and_total is None else find_mib(used_and_total[1])


def parse_details(text: str, source: str) -> Reading:
    """Parse `cnmon info`: one block per card, sections by indentation.

    Card 0
        Product Name                   : MLU370-S4
        Driver                         : v4.20.18
        Physical Memory Usage          :
            Total                      : 23308 MiB
    """
    devices, driver = [], None
    for card, block in blocks(text, _CARD):
        fields = _fields(block)
        driver = driver or find_version(fields.get("Driver", ""))
        devices.append(
            Device(
                vendor=_VENDOR,
                index=int(card["index"]),
                name=told(fields.get("Product Name")),
                memory_mib=find_mib(fields.get("Physical Memory Usage/Total", "")),
            )
        )
    return Reading(source=source, devices=tuple(devices), driver=driver, failure=None if devices else unread(text))


def _fields(block: str) -> dict[str, str]:
    """Return the first value of each key, and of each `Section/Key`."""
    section, found = "", dict[str, str]()
    for line in block.splitlines():
        key, _, value = line.partition(":")
        if value.strip():
            found.setdefault(key.strip(), value.strip())
            found.setdefault(f"{section}/{key.strip()}", value.strip())
        else:
            section = key.strip()
    return found


FORMS = (
    library_form(_VENDOR, "cndev", "libcndev.so", (f"{_NEUWARE}/lib64", f"{_NEUWARE}/lib")),
    Form(("cnmon",), parse_table),
    Form(("cnmon", "info"), parse_details),
)
