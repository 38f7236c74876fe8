"""Iluvatar CoreX."""

from envkit.detect.by_pci import PciSigns
from envkit.detect.by_tool import Told, ask, facts_by_tool
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1e3e"
_CLASSES = ("0300", "0302", "0380", "1200")
_SIGNS = PciSigns(
    vendor="iluvatar",
    nodes=("/dev/iluvatar{index}",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Iluvatar's GPUs, whose CUDA-alike library makes no NVIDIA of them; a board may have two chips.

    Sources, in order: 1. the bus; 2. IXML, its management library; 3. ixsmi; 4. the device table.
    """
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class in _CLASSES
    )
    if not found and around.pci is not None:
        return VendorFacts()
    # Imported here: most hosts have no such device.
    from envkit.detect.sources import iluvatar

    told = Told(tools=ask(around, found, iluvatar.FORMS), runtimes=iluvatar.read_runtimes(around.host))
    return facts_by_tool(around, found, _SIGNS, told)
