"""Cambricon."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "cabc"
_CLASS = "1200"
_SIGNS = PciSigns(
    vendor="cambricon",
    remedy=("install the Cambricon driver package", "sudo modprobe cambricon-drv"),
    nodes=("/dev/cambricon_dev{index}",),
    shared_nodes=("/dev/cambricon_ctl",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Cambricon's MLUs, as the bus and the device nodes tell them."""
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device_class == _CLASS
    )
    return facts_by_pci(around, found, _SIGNS)
