"""Moore Threads."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1ed5"
# Display controllers; the audio functions of the same cards are no devices.
_CLASSES = ("0300", "0302", "0380")
_SIGNS = PciSigns(
    vendor="mthreads",
    remedy=("install the MT GPU driver package", "sudo modprobe mtgpu"),
    nodes=("/dev/mtgpu.{index}",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Moore Threads' GPUs, as the bus and the device nodes tell them."""
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class in _CLASSES
    )
    return facts_by_pci(around, found, _SIGNS)
