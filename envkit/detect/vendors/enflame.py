"""Enflame."""

from envkit.detect.by_pci import PciSigns
from envkit.detect.by_tool import Told, ask, facts_by_tool
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1e36"
_CLASS = "1200"
_SIGNS = PciSigns(
    vendor="enflame",
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Enflame's GCUs.

    Sources, in order: 1. the bus; 2. libefml.so; 3. `efsmi -q`; 4. the table of efsmi; 5. the device table.
    """
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device_class == _CLASS
    )
    if not found and around.pci is not None:
        return VendorFacts()
    # Imported here: most hosts have no such device.
    from envkit.detect.sources import enflame

    return facts_by_tool(around, found, _SIGNS, Told(tools=ask(around, found, enflame.FORMS)))
