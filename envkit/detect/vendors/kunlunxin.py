"""Kunlunxin."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1d22"
_CLASS = "1200"
_SIGNS = PciSigns(
    vendor="kunlunxin",
    remedy=("install the Kunlunxin driver (XRE)",),
    nodes=("/dev/xpu{index}",),
    shared_nodes=("/dev/xpuctrl",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Kunlunxin's XPUs, as the bus and the device nodes tell them."""
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device_class == _CLASS
    )
    return facts_by_pci(around, found, _SIGNS)
