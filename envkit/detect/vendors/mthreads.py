"""Moore Threads."""

from envkit.detect.by_pci import PciSigns
from envkit.detect.by_tool import Told, ask, facts_by_tool
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1ed5"
# Display controllers; the audio functions of the same cards are no devices.
_CLASSES = ("0300", "0302", "0380")
_SIGNS = PciSigns(
    vendor="mthreads",
    nodes=("/dev/mtgpu.{index}",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Moore Threads' GPUs.

    Sources, in order: 1. the bus; 2. libmtml.so; 3. mthreads-gmi; 4. the device table.
    """
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class in _CLASSES
    )
    if not found and around.pci is not None:
        return VendorFacts()
    # Imported here: most hosts have no such device.
    from envkit.detect.sources import mthreads

    return facts_by_tool(around, found, _SIGNS, Told(tools=ask(around, found, mthreads.FORMS)))
