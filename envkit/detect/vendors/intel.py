"""Intel graphics: Arc, Flex and Max cards, and the graphics inside of processors."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "8086"
_DISPLAY = "03"
_SIGNS = PciSigns(
    vendor="intel",
    remedy=("sudo modprobe xe || sudo modprobe i915", "install a newer kernel where neither knows the device"),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Intel's GPUs, as the bus and the device nodes tell them."""
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class.startswith(_DISPLAY)
    )
    return facts_by_pci(around, found, _SIGNS)
