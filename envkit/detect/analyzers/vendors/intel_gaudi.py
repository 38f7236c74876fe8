"""Intel Gaudi: driver and firmware of two releases."""

import re

from envkit.detect.findings import make_finding
from envkit.detect.situation import Situation
from envkit.model.host import Device, Finding

_VENDOR = "intel-gaudi"
_NODE = re.compile(r"/dev/accel/(?P<name>accel\d{1,4})")
_FIRMWARE = re.compile(r"hl-gaudi\d?-(?P<release>\d{1,3}\.\d{1,3})\.\d{1,3}")
_RELEASE = re.compile(r"\d{1,3}\.\d{1,3}")


def firmware_of_another_release(situation: Situation) -> tuple[Finding, ...]:
    """Report cards whose firmware is of another release than the driver, which Intel tests as one set."""
    stack = situation.facts.stack(_VENDOR)
    driver = None if stack is None or stack.driver is None else _RELEASE.match(stack.driver)
    if stack is None or driver is None:
        return ()
    read = [(fact, *_firmware(situation, device)) for fact, device in situation.devices(_VENDOR)]
    return tuple(
        make_finding(
            "gaudi-firmware-mismatch",
            fact,
            f"{path} says {release}; the driver is {stack.driver}",
            system=situation.system,
            driver=stack.driver or "",
            firmware=release,
        )
        for fact, path, release in read
        if release is not None and release != driver[0]
    )


def _firmware(situation: Situation, device: Device) -> tuple[str, str | None]:
    """Return the release of a card's firmware, and the file that says it.

    Preboot version hl-gaudi2-1.18.0-fw-53.1.1-sec-9
    """
    folder = f"/sys/bus/pci/devices/{device.pci_address}"
    nodes = [match["name"] for match in map(_NODE.fullmatch, device.nodes or ()) if match is not None]
    paths = (f"{folder}/preboot_btl_ver", *(f"{folder}/accel/{node}/preboot_btl_ver" for node in nodes))
    found = ((path, _FIRMWARE.search(situation.host.read(path).text or "")) for path in paths)
    return next(((path, match["release"]) for path, match in found if match is not None), (paths[0], None))


ANALYZERS = (firmware_of_another_release,)
