"""Intel Gaudi's HLML and hl-smi; their parsers leave out what they cannot read.

The library was never asked on a real device here.
"""

import csv
import re

from envkit.detect.by_tool import Form
from envkit.detect.pci import full_address
from envkit.detect.printed import blocks, find_address, find_mib, told, unread
from envkit.detect.reading import Reading
from envkit.detect.sources.library import library_form
from envkit.model.host import Device

TOOL = "hl-smi"
_VENDOR = "intel-gaudi"
_NUMBER = re.compile(r"\d{1,3}")
_MEMORY = re.compile(r"(?P<total>\d{1,9})(?: *MiB)?", re.IGNORECASE)
# The hash behind a version names the build: 1.22.1-97ec1a4.
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_HEADER = re.compile(r"^\|\s*Driver Version:\s*(?P<version>\d+(?:\.\d+)+)", re.MULTILINE)
_ROW = re.compile(r"^\|\s*(?P<index>\d{1,3})\s+(?P<name>HL-\S+)", re.MULTILINE)
_USAGE = re.compile(r"/\s*(?P<total>\d{1,9} *MiB)\b", re.IGNORECASE)


def parse_csv(text: str, source: str) -> Reading:
    """Parse `-Q` as CSV, by the names of its columns; the unit stands in the header, behind the number, or in both.

    index, name, bus_id, driver_version, memory.total [MiB]
    0, HL-325L, 0000:3b:00.0, 1.24.1-b336d5e, 131072 MiB
    """
    rows = list(csv.reader(text.splitlines(), skipinitialspace=True))
    columns = [column.partition("[")[0].strip() for column in rows[0]] if rows else []
    if "name" not in columns:
        return Reading(source=source, failure=unread(text))
    told_rows = [dict(zip(columns, map(str.strip, row), strict=True)) for row in rows[1:] if len(row) == len(columns)]
    devices = tuple(_from_row(row, place) for place, row in enumerate(told_rows))
    versions = (_VERSION.match(row.get("driver_version", "")) for row in told_rows)
    return Reading(
        source=source,
        devices=devices,
        driver=next((version[0] for version in versions if version), None),
        failure=None if devices else unread(text),
    )


def _from_row(row: dict[str, str], place: int) -> Device:
    index = _NUMBER.fullmatch(row.get("index", ""))
    memory = _MEMORY.fullmatch(row.get("memory.total", ""))
    return Device(
        vendor=_VENDOR,
        # Without the column the order of the rows is that of the numbers.
        index=place if index is None else int(index[0]),
        name=told(row["name"]),
        pci_address=full_address(row.get("bus_id", "")),
        memory_mib=None if memory is None else int(memory["total"]) or None,
        usable=True,
    )


def parse_table(text: str, source: str) -> Reading:
    """Parse the table for people: two lines per device, whatever their width.

    | Driver Version:                                     1.22.1-97ec1a4          |
    |   0  HL-225              N/A  | 0000:33:00.0     N/A |                   2  |
    | N/A   22C   P0   88W /  600W  |   768MiB /  98304MiB |     0%            0% |
    """
    header = _HEADER.search(text)
    devices = []
    for row, block in blocks(text, _ROW):
        usage = _USAGE.search(block)
        devices.append(
            Device(
                vendor=_VENDOR,
                index=int(row["index"]),
                name=told(row["name"]),
                pci_address=find_address(block),
                memory_mib=None if usage is None else find_mib(usage["total"].replace("ib", "iB")),
                usable=True,
            )
        )
    return Reading(
        source=source,
        devices=tuple(devices),
        driver=None if header is None else header["version"],
        failure=None if devices or header else unread(text),
    )


# Releases that do not know a column refuse the whole query, so a shorter one comes next.
FORMS = (
    library_form(_VENDOR, "hlml", "libhlml.so", ("/usr/lib/habanalabs",)),
    Form((TOOL, "-Q", "index,name,bus_id,driver_version,memory.total", "-f", "csv"), parse_csv),
    Form((TOOL, "-Q", "name,uuid,memory.total", "-f", "csv"), parse_csv),
    Form((TOOL,), parse_table),
)
