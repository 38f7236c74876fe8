"""T-Head."""

import msgspec

from envkit.detect.by_pci import PciSigns
from envkit.detect.by_tool import Told, ask, facts_by_tool
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.reading import first
from envkit.model.host import Runtime

_PCI_VENDOR = "1ded"
_CLASS = "1200"
# Network cards of the same vendor.
_NETWORK = ("107f", "5007")
_SIGNS = PciSigns(
    vendor="thead",
    nodes=("/dev/alixpu_ppu{index}",),
    shared_nodes=("/dev/alixpu",),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return T-Head's PPUs, whose CUDA-alike compute capability makes no NVIDIA of them.

    Sources, in order: 1. the bus; 2. HGML, its management library; 3. `ppu-smi --query-ppu`; 4. the device table. The
    newest HGGC that the driver serves is told by the library only.
    """
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class == _CLASS and function.device not in _NETWORK
    )
    if not found and around.pci is not None:
        return VendorFacts()
    # Imported here: most hosts have no such device.
    from envkit.detect.sources import thead

    told = Told(tools=ask(around, found, thead.FORMS), runtimes=thead.read_runtimes(around.host))
    facts = facts_by_tool(around, found, _SIGNS, told)
    ceiling = first(told.tools, "ceiling")
    if facts.stack is None or ceiling is None:
        return facts
    runtime = Runtime(name="hggc", version=ceiling[0])
    return msgspec.structs.replace(facts, stack=msgspec.structs.replace(facts.stack, runtime_ceiling=runtime))
