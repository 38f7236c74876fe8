"""Hygon DCUs, which answer to ROCm tools but are not AMD devices."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1d94"
# Co-processors and displays; the other functions are parts of Hygon processors.
_CLASSES = ("0b40", "0380")
_SIGNS = PciSigns(
    vendor="hygon",
    remedy=("install the DCU driver (rock) of the DTK release",),
    shared_nodes=("/dev/kfd",),
    version_files=("/sys/module/hycu/version", "/sys/module/hydcu/version"),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Hygon's DCUs, as the bus and the device nodes tell them."""
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class in _CLASSES
    )
    return facts_by_pci(around, found, _SIGNS)
