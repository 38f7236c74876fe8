"""T-Head."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1ded"
_CLASS = "1200"
# Network cards of the same vendor.
_NETWORK = ("107f", "5007")
_SIGNS = PciSigns(
    vendor="thead",
    remedy=("install the PPU driver",),
    nodes=("/dev/alixpu_ppu{index}",),
    shared_nodes=("/dev/alixpu",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return T-Head's PPUs, as the bus and the device nodes tell them."""
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class == _CLASS and function.device not in _NETWORK
    )
    return facts_by_pci(around, found, _SIGNS)
