"""Huawei Ascend."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "19e5"
# Processing accelerators: the vendor also makes the VGA of server boards (1711) and network cards.
_CLASS = "1200"
_SIGNS = PciSigns(
    vendor="ascend",
    remedy=("install the Ascend HDK driver and firmware for this chip", "sudo reboot"),
    nodes=("/dev/davinci{index}",),
    shared_nodes=("/dev/davinci_manager",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Huawei's Ascend NPUs, as the bus and the device nodes tell them."""
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device_class == _CLASS
    )
    return facts_by_pci(around, found, _SIGNS)
