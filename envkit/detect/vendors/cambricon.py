"""Cambricon."""

from envkit.detect.by_pci import PciSigns
from envkit.detect.by_tool import Told, ask, facts_by_tool
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "cabc"
_CLASS = "1200"
_SIGNS = PciSigns(
    vendor="cambricon",
    nodes=("/dev/cambricon_dev{index}",),
    shared_nodes=("/dev/cambricon_ctl",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Cambricon's MLUs; where a board has several chips, each chip is a device.

    Sources, in order: 1. the bus; 2. libcndev.so; 3. the table of cnmon; 4. `cnmon info`; 5. the device table.
    """
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device_class == _CLASS
    )
    if not found and around.pci is not None:
        return VendorFacts()
    # Imported here: most hosts have no such device.
    from envkit.detect.sources import cambricon

    tools = ask(around, found, cambricon.FORMS)
    return facts_by_tool(around, found, _SIGNS, Told(tools=tools, runtimes=cambricon.read_runtimes(around.host)))
