"""AWS Inferentia and Trainium."""

from envkit.detect.by_pci import PciSigns, facts_by_pci
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1d0f"
# Inferentia 1, Trainium 1, Inferentia 2, Trainium 2; other functions of the vendor are network and storage.
_CHIPS = ("7064", "7164", "7264", "7364")
_SIGNS = PciSigns(
    vendor="aws-neuron",
    remedy=("sudo apt install aws-neuronx-dkms", "sudo modprobe neuron"),
    nodes=("/dev/neuron{index}",),
    version_files=("/sys/module/neuron/version",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return AWS's Neuron devices, as the bus and the device nodes tell them."""
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device in _CHIPS
    )
    return facts_by_pci(around, found, _SIGNS)
