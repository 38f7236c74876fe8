"""MetaX, also under the brand of others."""

from envkit.detect.by_pci import PciSigns
from envkit.detect.by_tool import Told, ask, facts_by_tool
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "9999"
_CLASSES = ("0300", "0302", "0380")
_SIGNS = PciSigns(
    vendor="metax",
    shared_nodes=("/dev/mxcd",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return MetaX's GPUs, whose CUDA-alike library makes no NVIDIA of them.

    Sources, in order: 1. the bus; 2. libmxsml.so; 3. mx-smi; 4. ht-smi, where the devices are sold under another brand;
    5. the device table.
    """
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class in _CLASSES
    )
    if not found and around.pci is not None:
        return VendorFacts()
    # Imported here: most hosts have no such device.
    from envkit.detect.sources import metax

    return facts_by_tool(around, found, _SIGNS, Told(tools=ask(around, found, metax.FORMS)))
