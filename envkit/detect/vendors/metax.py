"""MetaX."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "9999"
_CLASSES = ("0300", "0302", "0380")
_SIGNS = PciSigns(
    vendor="metax",
    remedy=("install the MetaX kernel driver",),
    shared_nodes=("/dev/mxcd",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return MetaX's GPUs, as the bus and the device nodes tell them."""
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class in _CLASSES
    )
    return facts_by_pci(around, found, _SIGNS)
