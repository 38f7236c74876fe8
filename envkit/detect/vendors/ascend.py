"""Huawei Ascend."""

from envkit.detect.by_pci import PciSigns
from envkit.detect.by_tool import Told, ask, facts_by_tool
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.models import architecture_of, known_vendor

_PCI_VENDOR = "19e5"
# Processing accelerators: the vendor also makes the VGA of server boards (1711) and network cards.
_CLASS = "1200"
_SIGNS = PciSigns(
    vendor="ascend",
    nodes=("/dev/davinci{index}",),
    shared_nodes=("/dev/davinci_manager",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Huawei's Ascend NPUs; where a board has several chips, each chip is a device.

    Sources, in order: 1. the bus; 2. the driver's version file; 3. libdcmi.so; 4. `npu-smi info`; 5. `npu-smi info -m`,
    for masked names; 6. the device table.
    """
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device_class == _CLASS
    )
    if not found and around.pci is not None:
        return VendorFacts()
    # Imported here: most hosts have no such device.
    from envkit.detect.sources import ascend

    table = known_vendor(_SIGNS.vendor)
    # Chips in pairs that bear the family's name are those of a 910C.
    paired = None if table is None else architecture_of(table, "910C")
    forms = ascend.forms(paired, ascend.driver_home(around.host))
    files = (ascend.read_driver(around.host),)
    tools = ask(around, found, forms, files=files)
    return facts_by_tool(around, found, _SIGNS, Told(files, tools, ascend.read_runtimes(around.host)))
