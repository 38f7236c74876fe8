"""Qualcomm Cloud AI."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "17cb"
_CARD = "a100"
_SIGNS = PciSigns(
    vendor="qualcomm",
    remedy=("sudo modprobe qaic",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Qualcomm's AI 100 cards, as the bus and the device nodes tell them."""
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device == _CARD
    )
    return facts_by_pci(around, found, _SIGNS)
