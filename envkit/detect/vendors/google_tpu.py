"""Google TPUs."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1ae0"
# Chips v2 to v7x; other functions of the vendor are network and storage of its virtual machines.
_CHIPS = ("0027", "005e", "0062", "0063", "006f", "0076")
_SIGNS = PciSigns(
    vendor="google-tpu",
    through_vfio=True,
    remedy=("use the TPU VM image that belongs to this chip",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Google's TPUs, as the bus and the device nodes tell them."""
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device in _CHIPS
    )
    return facts_by_pci(around, found, _SIGNS)
