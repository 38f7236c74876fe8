"""Kunlunxin."""

from envkit.detect.by_pci import PciSigns
from envkit.detect.by_tool import Told, ask, facts_by_tool
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1d22"
_CLASS = "1200"
_SIGNS = PciSigns(
    vendor="kunlunxin",
    nodes=("/dev/xpu{index}",),
    shared_nodes=("/dev/xpuctrl",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Kunlunxin's XPUs.

    Sources, in order: 1. the bus; 2. libxpuml.so, which tells no names; 3. xpu-smi, unless it is Intel's tool of that
    name; 4. xpu_smi; 5. the device table.
    """
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device_class == _CLASS
    )
    if not found and around.pci is not None:
        return VendorFacts()
    # Imported here: most hosts have no such device.
    from envkit.detect.sources import kunlunxin

    return facts_by_tool(around, found, _SIGNS, Told(tools=ask(around, found, kunlunxin.FORMS)))
