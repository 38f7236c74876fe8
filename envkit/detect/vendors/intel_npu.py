"""Intel NPUs, which are part of the processor."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "8086"
_CLASS = "1200"
_SIGNS = PciSigns(
    vendor="intel-npu",
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Intel's NPUs, as the bus and the device nodes tell them."""
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device_class == _CLASS
    )
    return facts_by_pci(around, found, _SIGNS)
