"""Hygon DCUs, which answer to ROCm tools but are not AMD devices."""

from envkit.detect.by_pci import PciSigns, file_readings
from envkit.detect.by_tool import Told, ask, facts_by_tool
from envkit.detect.facts import Surroundings, VendorFacts

_PCI_VENDOR = "1d94"
# Co-processors and displays; the other functions are parts of Hygon processors.
_CLASSES = ("0b40", "0380")
_SIGNS = PciSigns(
    vendor="hygon",
    shared_nodes=("/dev/kfd",),
    version_files=("/sys/module/hycu/version", "/sys/module/hydcu/version"),
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Hygon's DCUs.

    Sources, in order: 1. the bus; 2. the kernel's compute topology; 3. the driver's version file; 4. Hygon's ROCm SMI
    library; 5. hy-smi; 6. rocm-smi and rocminfo, where they name Hygon; 7. the device table.
    """
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class in _CLASSES
    )
    if not found and around.pci is not None:
        return VendorFacts()
    # Imported here: most hosts have no such device.
    from envkit.detect.sources import hygon

    files = (hygon.read_devices(around.host),)
    tools = ask(around, found, hygon.forms(around.host), files=(*file_readings(around, found, _SIGNS), *files))
    return facts_by_tool(around, found, _SIGNS, Told(files, tools, hygon.read_runtimes(around.host)))
