"""MTML and mthreads-gmi of Moore Threads; the parser takes text and leaves out what it cannot read."""

import re

from envkit.detect.by_tool import Form
from envkit.detect.printed import ADDRESS, blocks, find_address, find_mib, find_version, told, unread
from envkit.detect.reading import Reading
from envkit.detect.sources.library import library_form
from envkit.model.host import Device

_VENDOR = "mthreads"
_ROW = re.compile(rf"^[|\s]*(?P<index>\d{{1,4}})[ \t]+(?P<name>\S[^|\n]*)\|[ \t]*(?P<address>{ADDRESS})", re.MULTILINE)
_DRIVER = re.compile(r"Driver Version\s*:\s*(?P<version>\S+)")
_TOTAL = re.compile(r"\((?P<size>\d{1,9}\s*\w{1,3})\)")


def parse_table(text: str, source: str) -> Reading:
    """Parse `mthreads-gmi`: three lines per device, used memory with the total in brackets.

        mthreads-gmi:1.14.0          Driver Version:2.7.0
    ID   Name           |PCIe                |%GPU  Mem
         Device Type    |Pcie Lane Width     |Temp  MPC Capable
    0    MTT S80        |00000000:04:00.0    |0%    2MiB(16384MiB)
         Physical       |4x(16x)             |49C   YES
    """
    devices = []
    for row, block in blocks(text, _ROW):
        total = _TOTAL.search(block.splitlines()[0][row.end() - row.start() :])
        devices.append(
            Device(
                vendor=_VENDOR,
                index=int(row["index"]),
                name=told(row["name"]),
                pci_address=find_address(row["address"]),
                memory_mib=None if total is None else find_mib(total["size"]),
            )
        )
    driver = _DRIVER.search(text)
    return Reading(
        source=source,
        devices=tuple(devices),
        driver=None if driver is None else find_version(driver["version"]),
        failure=None if devices or driver else unread(text),
    )


FORMS = (
    library_form(_VENDOR, "mtml", "libmtml.so"),
    Form(("mthreads-gmi",), parse_table),
)
