"""HGML and ppu-smi of T-Head, and the PPU SDK's header; the parser leaves out what it cannot read.

The library was never asked on a real device here.
"""

import csv
import re

from envkit.detect.by_tool import Form
from envkit.detect.printed import find_address, find_version, told, unread
from envkit.detect.reading import Reading
from envkit.detect.sources.library import library_form
from envkit.model.host import Device, Runtime
from envkit.system.host import Host

_SDK = "/usr/local/PPU_SDK"
_HEADER = f"{_SDK}/include/hggc.h"
_HEADER_BYTES = 1024 * 1024
_HGGC = re.compile(r"^\s*#\s*define\s+HGGC_VERSION\s+(?P<number>\d{4,6})\b", re.MULTILINE)
_NUMBER = re.compile(r"(\d{1,9})(?:\s*MiB)?")
_QUERY = "index,name,driver_version,memory.total,pci.bus_id"


def read_runtimes(host: Host) -> tuple[Runtime, ...] | None:
    """Return the HGGC of the PPU SDK that is installed, or None when that is not known: 12030 is 12.3."""
    match = _HGGC.search(host.read(_HEADER, limit=_HEADER_BYTES).text or "")
    if match is None:
        return None
    number = int(match["number"])
    return (Runtime(name="hggc", version=f"{number // 1000}.{number % 1000 // 10}", path=_SDK),)


def parse_csv(text: str, source: str) -> Reading:
    """Parse `ppu-smi --query-ppu --format=csv`; columns are found by their headings, which name a unit.

    index, name, driver_version, memory.total [MiB], pci.bus_id
    0, PPU-ZW810E, 2.1.0-ra1f23041713, 98304 MiB, 00000000:A8:00.0
    """
    lines = text.splitlines()
    start = next((place for place, line in enumerate(lines) if line.startswith("index")), len(lines))
    rows = list(csv.reader(lines[start:], skipinitialspace=True))
    headings = [heading.partition(" [")[0].strip() for heading in rows[0]] if rows else []
    devices, driver = [], None
    for row in rows[1:]:
        fields = dict(zip(headings, row, strict=False))
        index = _number(fields.get("index", ""))
        if index is None:
            continue
        driver = driver or find_version(fields.get("driver_version", ""))
        devices.append(
            Device(
                vendor="thead",
                index=index,
                name=told(fields.get("name")),
                pci_address=find_address(fields.get("pci.bus_id", "")),
                memory_mib=_number(fields.get("memory.total", "")) or None,
            )
        )
    return Reading(source=source, devices=tuple(devices), driver=driver, failure=None if devices else unread(text))


def _number(text: str) -> int | None:
    match = _NUMBER.fullmatch(text.strip())
    return None if match is None else int(match[1])


FORMS = (
    library_form("thead", "hgml", "libhgml.so", (f"{_SDK}/lib", f"{_SDK}/lib64")),
    Form(("ppu-smi", f"--query-ppu={_QUERY}", "--format=csv"), parse_csv, ("/usr/local/bin",)),
)
