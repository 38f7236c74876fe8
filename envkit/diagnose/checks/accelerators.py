"""Accelerators: what detection found wrong with them."""

from collections import Counter

from envkit.diagnose.examination import Answer, Examination, unknown
from envkit.model.host import Device

_TIMES = "\N{MULTIPLICATION SIGN}"


def check_devices(examination: Examination) -> Answer:
    """Look at the findings that came with the facts."""
    findings = examination.facts.findings
    devices = examination.facts.devices
    if devices is None and not findings:
        return unknown("not known whether there are any", "facts.devices")
    whole = Counter(_title(device) for device in devices or () if device.partition_of is None)
    listed = ", ".join(f"{count} {_TIMES} {title}" if count > 1 else title for title, count in whole.items())
    return Answer(listed or "none", "facts.findings", findings)


def _title(device: Device) -> str:
    name = device.name or f"{device.vendor} device {device.pci_id or ''}".strip()
    return f"{name} (not usable)" if device.usable is False else name


CHECKS = (check_devices,)
