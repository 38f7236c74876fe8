"""Devices that no driver serves because the kernel is older than they are."""

import re

from envkit.detect.findings import make_finding
from envkit.detect.models import known_vendor
from envkit.detect.situation import Situation
from envkit.model.host import Finding
from envkit.model.version import VendorVersion

# Red Hat's kernels keep the number of their first release while they take over the graphics drivers of later ones.
_BACKPORTED = re.compile(r"\.el\d")
_RELEASE = re.compile(r"\d+\.\d+")


def older_kernel(situation: Situation, vendor: str) -> tuple[Finding, ...]:
    """Report a vendor's devices without a driver whose architecture is served from a later kernel on."""
    kernel = None if situation.system is None else situation.system.kernel
    release = None if kernel is None or _BACKPORTED.search(kernel) else _RELEASE.match(kernel)
    table = known_vendor(vendor)
    if release is None or table is None:
        return ()
    floors = {row.architecture: row.minimum for row in table.kernel_floors}
    return tuple(
        make_finding(
            "kernel-too-old",
            fact,
            f"no driver is bound to {device.pci_address} ({device.name or vendor}); the kernel is {kernel}",
            system=situation.system,
            minimum=floors[device.architecture],
        )
        for fact, device in situation.devices(vendor)
        if device.architecture in floors
        and situation.found_at(fact, "driver-missing")
        and VendorVersion(release[0]) < VendorVersion(floors[device.architecture])
    )
