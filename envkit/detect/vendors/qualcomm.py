"""Qualcomm Cloud AI."""

import re

import msgspec

from envkit.detect.by_pci import PciSigns, facts_from_readings, file_readings, tool_is_wanted
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.findings import make_finding
from envkit.model.host import Device, Finding, Runtime
from envkit.system.host import Host

_PCI_VENDOR = "17cb"
_CARDS = ("a080", "a100")
_INSTALLED = "/opt/qti-aic"
_PLATFORM = f"{_INSTALLED}/versions/platform.xml"
_FIELD = re.compile(r"<(?P<key>base_version|build_id)>\s*(?P<value>[\w.]+)\s*<")
_SIGNS = PciSigns(
    vendor="qualcomm",
    version_files=("/sys/module/qaic/version",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Qualcomm's AI 100 cards, driver and platform SDK.

    Sources, in order: 1. the bus, device nodes and files of module and SDK; 2. qaic-util, where these do not tell
    enough; 3. the device table.
    """
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device in _CARDS
    )
    if not found and around.pci is not None:
        return VendorFacts()
    readings = file_readings(around, found, _SIGNS)
    if tool_is_wanted(around, found, readings, _SIGNS.vendor):
        # Imported here: only a host with such a card comes here.
        from envkit.detect.by_tool import ask
        from envkit.detect.sources.qaic_util import FORMS

        readings = (*readings, *ask(around, found, FORMS, files=readings))
    facts = facts_from_readings(around, found, _SIGNS, readings, _runtimes(around.host))
    unready = tuple(
        _not_ready(around, place, device) for place, device in enumerate(facts.devices) if device.usable is False
    )
    known = {finding.fact for finding in facts.findings}
    return msgspec.structs.replace(
        facts, findings=(*facts.findings, *(finding for finding in unready if finding.fact not in known))
    )


def _not_ready(around: Surroundings, place: int, device: Device) -> Finding:
    evidence = f"qaic-util -q: the status of QID {device.index} is not `Ready`"
    return make_finding("card-not-ready", f"devices[{place}]", evidence, system=around.system)


def _runtimes(host: Host) -> tuple[Runtime, ...] | None:
    """Return the platform SDK.

    <base_version>1.6</base_version> <build_id>80</build_id>
    """
    fields = {match["key"]: match["value"] for match in _FIELD.finditer(host.read(_PLATFORM).text or "")}
    if "base_version" in fields:
        version = ".".join(fields[key] for key in ("base_version", "build_id") if key in fields)
        return (Runtime(name="qaic-platform", version=version, path=_INSTALLED),)
    return () if host.exists(_INSTALLED) is False else None
