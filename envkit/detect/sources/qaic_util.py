"""Qualcomm's qaic-util; its parser leaves out what it cannot read."""

import re

from envkit.detect.by_tool import Form
from envkit.detect.pci import full_address
from envkit.detect.printed import blocks, find_mib, unread
from envkit.detect.reading import Reading
from envkit.model.host import Device

_VENDOR = "qualcomm"
_TOOL = "qaic-util"
_FOLDERS = ("/opt/qti-aic/tools",)
_CARD = re.compile(r"^QID (?P<index>\d{1,3})\s*$", re.MULTILINE)
_FIELD = re.compile(r"^[ \t]+(?P<key>[A-Za-z][A-Za-z _]*):(?P<value>.*)$", re.MULTILINE)
_ID = re.compile(r"Device (?P<device>[0-9a-f]{4})")
_READY = "Ready"


def parse_query(text: str, source: str) -> Reading:
    """Parse `qaic-util -q`: a block per card, indented.

    QID 0
            Status:Ready
            PCI Address:0002:01:00.0
            PCI Info:Unassigned class [ff00] Qualcomm Device a100
            Dram Total:8116 MB
    """
    devices = []
    for card, block in blocks(text, _CARD):
        fields = {field["key"]: field["value"].strip() for field in _FIELD.finditer(block)}
        written = _ID.search(fields.get("PCI Info", ""))
        status = fields.get("Status")
        devices.append(
            Device(
                vendor=_VENDOR,
                index=int(card["index"]),
                pci_address=full_address(fields.get("PCI Address", "")),
                pci_id=None if written is None else f"17cb:{written['device']}",
                memory_mib=find_mib(fields.get("Dram Total", "")),
                usable=None if not status else status == _READY,
            )
        )
    return Reading(source=source, devices=tuple(devices), failure=None if devices else unread(text))


FORMS = (Form((_TOOL, "-q"), parse_query, _FOLDERS),)
