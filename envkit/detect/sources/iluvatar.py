"""IXML and ixsmi of Iluvatar; the parser takes text and leaves out what it cannot read.

The library was never asked on a real device here. The CUDA version that it tells is the one that CoreX imitates.
"""

import re

from envkit.detect.by_tool import Form
from envkit.detect.printed import ADDRESS, blocks, find_address, find_version, told, unread
from envkit.detect.reading import Reading
from envkit.detect.sources.library import library_form
from envkit.model.host import Device, Runtime
from envkit.system.host import Host

_ROW = re.compile(
    rf"^\|[ \t]*(?P<index>\d{{1,4}})[ \t]+(?P<name>[^\s|][^|\n]*)\|[ \t]*(?P<address>{ADDRESS})", re.MULTILINE
)
_HEADER = re.compile(r"IX-ML\s*:.*?Driver Version\s*:\s*(?P<driver>\S+)")
_MEMORY = re.compile(r"MiB\s*/\s*(?P<total>\d{1,9})\s*MiB")
_COREX = "/usr/local/corex"
_COREX_FOLDER = re.compile(r"corex-(?P<version>\d+(?:\.\d+)+)$")


def read_runtimes(host: Host) -> tuple[Runtime, ...] | None:
    """Return the CoreX that is installed, which the link to its folder names, or None when that is not known."""
    match = _COREX_FOLDER.search(host.link(_COREX) or "")
    return None if match is None else (Runtime(name="corex", version=match["version"], path=_COREX),)


def parse_table(text: str, source: str) -> Reading:
    """Parse `ixsmi`: two lines per chip. The CUDA version in its header is the one that CoreX imitates: no fact.

    |  IX-ML: 4.3.0       Driver Version: 4.3.0       CUDA Version: 10.2          |
    | 0    Iluvatar BI-V150         | 00000000:10:00.0     | 1500MHz   1600MHz    |
    | N/A  40C   P0    N/A / N/A    | 64MiB / 32768MiB     | 0%        Default    |
    """
    header = _HEADER.search(text)
    if header is None:
        # A table of this form without the library's name is that of the tool it imitates.
        return Reading(source=source, failure=unread(text))
    devices = []
    for row, block in blocks(text, _ROW):
        memory = _MEMORY.search(block)
        devices.append(
            Device(
                vendor="iluvatar",
                index=int(row["index"]),
                name=told(row["name"]),
                pci_address=find_address(row["address"]),
                memory_mib=None if memory is None else int(memory["total"]) or None,
            )
        )
    return Reading(source=source, devices=tuple(devices), driver=find_version(header["driver"]))


FORMS = (
    library_form("iluvatar", "ixml", "libixml.so", (f"{_COREX}/lib64", f"{_COREX}/lib")),
    Form(("ixsmi",), parse_table, (f"{_COREX}/bin",)),
)
