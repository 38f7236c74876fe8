"""EFML and efsmi of Enflame, a table or keys with values; the parsers leave out what they cannot read."""

import re

from envkit.detect.by_tool import Form
from envkit.detect.pci import full_address
from envkit.detect.printed import ADDRESS, blocks, find_address, find_mib, find_version, told, unread
from envkit.detect.reading import Reading, Trouble
from envkit.detect.sources.library import library_form
from envkit.model.host import Device, Severity

_VENDOR = "enflame"
_ROW = re.compile(
    rf"^[|*][ \t]*(?P<index>\d{{1,4}})[ \t]+(?P<name>[^\s|][^|\n]*)\|[^|\n]*\|[ \t]*(?P<address>{ADDRESS})",
    re.MULTILINE,
)
_DRIVER = re.compile(r"Driver Ver(?:sion)?\s*:\s*(?P<version>\S+)")
_DEVICE = re.compile(r"^\s*DEV ID (?P<index>\d{1,4})\s*$", re.MULTILINE)


def parse_table(text: str, source: str) -> Reading:
    """Parse `efsmi`: two lines per device, in boxes of `|` or `*`; memory as `49120MiB` or `32G`.

    |EFSMI    V1.2.0.301       Driver Ver: 1.2.0.301                           |
    | DEV    NAME                | FW VER          | BUS-ID      ECC           |
    | 0      S60                 | 33.6.2          | 00:01:00.0  Disable       |
    | 39 C   Sleep    105W  300W | 49120MiB Disable|   0.0%      A073640510015 |
    """
    devices = tuple(
        Device(
            vendor=_VENDOR,
            index=int(row["index"]),
            name=told(row["name"]),
            pci_address=find_address(row["address"]),
            memory_mib=find_mib(" ".join(block.splitlines()[1:])),
        )
        for row, block in blocks(text, _ROW)
    )
    driver = _DRIVER.search(text)
    return Reading(
        source=source,
        devices=devices,
        driver=None if driver is None else find_version(driver["version"]),
        failure=None if devices else unread(text),
    )


def parse_details(text: str, source: str) -> Reading:
    """Parse `efsmi -q`: one block per device; `Mem Size` became `Total Size`.

    DEV ID 0
        Driver Info
            Ver                     : 1.4.3.4
        Device Info
            Dev Name                : S60
            Health                  : True
        PCIe Info
            Domain                  : 0000
            Bus                     : 17
            Dev                     : 00
            Func                    : 0
        Device Mem Info
            Total Size              : 42976 MiB
    """
    devices: list[Device] = []
    troubles: list[Trouble] = []
    driver = None
    for match, block in blocks(text, _DEVICE):
        fields = dict(_pairs(block))
        driver = driver or find_version(fields.get("Ver", ""))
        place = "{Domain}:{Bus}:{Dev}.{Func}" if {"Domain", "Bus", "Dev", "Func"} <= set(fields) else ""
        device = Device(
            vendor=_VENDOR,
            index=int(match["index"]),
            name=told(fields.get("Dev Name")),
            pci_address=full_address(place.format_map(fields)),
            memory_mib=find_mib(fields.get("Total Size") or fields.get("Mem Size", "")),
        )
        devices.append(device)
        troubles += _troubles(int(match["index"]), fields.get("Health", ""))
    return Reading(
        source=source,
        devices=tuple(devices),
        driver=driver,
        troubles=tuple(troubles),
        failure=None if devices else unread(text),
    )


def _pairs(block: str) -> list[tuple[str, str]]:
    """Return keys and values, the last first: in a dict the first of a name wins."""
    pairs = [line.partition(":") for line in block.splitlines()]
    return [(key.strip(), value.strip()) for key, _, value in reversed(pairs) if value.strip()]


def _troubles(index: int, health: str) -> tuple[Trouble, ...]:
    if health.lower() != "false":
        return ()
    said = f"Health of device {index}: {health}"
    return (Trouble(index=index, said=said, severity=Severity.ERROR),)


# The details tell health and the whole PCI address, which the table does not.
FORMS = (
    library_form(_VENDOR, "efml", "libefml.so"),
    Form(("efsmi", "-q"), parse_details),
    Form(("efsmi",), parse_table),
)
