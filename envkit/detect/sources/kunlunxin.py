"""XPUML, xpu_smi and xpu-smi of Kunlunxin; no parser here believes Intel's tool of the last name."""

import re

from envkit.detect.by_tool import Form
from envkit.detect.printed import ADDRESS, blocks, cells, find_address, find_version, told, unread
from envkit.detect.reading import Reading
from envkit.detect.sources.library import library_form
from envkit.model.host import Device, Runtime

_VENDOR = "kunlunxin"
_LIBRARY_FOLDERS = ("/usr/local/xpu/so", "/usr/local/xpu/lib64", "/opt/xre/so")
_ROW = re.compile(
    rf"^\|[ \t]*(?P<index>\d{{1,4}})[ \t]+(?P<name>[^\s|][^|\n]*)\|[ \t]*(?P<address>{ADDRESS})", re.MULTILINE
)
_PERSISTENCE = re.compile(r"\s+(?:On|Off|N/A)$")
_DRIVER = re.compile(r"Driver Version\s*:\s*(?P<version>\S+)")
_RUNTIME = re.compile(r"(?:XPU-RT|Runtime) Version\s*:\s*(?P<version>\S+)")
_TOTAL = re.compile(r"/\s*(?P<total>\d{1,9})\s*Mi?B")
_HEADINGS = ("DevID", "PCI Addr", "Model")


def parse_table(text: str, source: str) -> Reading:
    """Parse what the tool prints without options, in its old form or its new one.

    | XPU-SMI               Driver Version: 5.0.21.26    XPU-RT Version: 5.0.21   |
    |   0  P800 OAM           N/A   | 00000000:52:00.0 N/A |                    0 |
    | N/A   38C  N/A     85W / 400W |      0MiB / 98304MiB |      0%      Default |
    |                               |      0MiB /    96MiB |             Disabled |
    """
    devices = _new_form(text) if "XPU-RT" in text else _old_form(text)
    if not devices:
        return Reading(source=source, failure=unread(text))
    driver, runtime = _DRIVER.search(text), _RUNTIME.search(text)
    version = None if runtime is None else find_version(runtime["version"])
    return Reading(
        source=source,
        devices=devices,
        driver=None if driver is None else find_version(driver["version"]),
        runtimes=() if version is None else (Runtime(name="xre", version=version),),
    )


def _new_form(text: str) -> tuple[Device, ...]:
    return tuple(
        Device(
            vendor=_VENDOR,
            index=int(row["index"]),
            name=told(_PERSISTENCE.sub("", row["name"].rstrip())),
            pci_address=find_address(row["address"]),
            memory_mib=_total(block),
        )
        for row, block in blocks(text, _ROW)
    )


def _old_form(text: str) -> tuple[Device, ...]:
    """Read the rows below the headings of the DEVICES table; other tables number the same devices again.

    | DevID |   PCI Addr   | Model |   SN   |    INODE   | UseRate |    L3     |    Memory    |
    |     0 | 0000:53:00.0 | R300  | 02Kxxx | /dev/xpu0  |     0 % | 0 / 63 MB | 0 / 32768 MB |
    """
    devices: list[Device] = []
    headings: tuple[str, ...] = ()
    for row in map(cells, text.splitlines()):
        if _HEADINGS[0] in row:
            headings = row if set(_HEADINGS) <= set(row) else ()
        elif headings and len(row) == len(headings) and re.fullmatch(r"\d{1,4}", row[headings.index("DevID")]):
            fields = dict(zip(headings, row, strict=True))
            node = fields.get("INODE", "")
            devices.append(
                Device(
                    vendor=_VENDOR,
                    index=int(fields["DevID"]),
                    name=told(fields["Model"]),
                    pci_address=find_address(fields["PCI Addr"]),
                    memory_mib=_total(fields.get("Memory", "")),
                    nodes=(node,) if node.startswith("/dev/") else None,
                )
            )
    return tuple(devices)


def _total(text: str) -> int | None:
    match = _TOTAL.search(text)
    return None if match is None else int(match["total"]) or None


FORMS = (
    library_form(_VENDOR, "xpuml", "libxpuml.so", _LIBRARY_FOLDERS),
    Form(("xpu-smi",), parse_table),
    Form(("xpu_smi",), parse_table),
)
