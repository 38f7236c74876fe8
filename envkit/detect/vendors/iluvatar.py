"""Iluvatar CoreX."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1e3e"
_CLASSES = ("0300", "0302", "0380", "1200")
_SIGNS = PciSigns(
    vendor="iluvatar",
    remedy=("install the CoreX driver",),
    nodes=("/dev/iluvatar{index}",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Iluvatar's GPUs, as the bus and the device nodes tell them."""
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class in _CLASSES
    )
    return facts_by_pci(around, found, _SIGNS)
