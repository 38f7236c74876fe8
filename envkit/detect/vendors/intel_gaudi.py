"""Intel Gaudi."""

import re

from envkit.detect.by_pci import PciSigns, facts_from_readings, file_readings, tool_is_wanted
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.reading import Reading

_PCI_VENDOR = "1da3"
_CLASS = "1200"
_MODULE_VERSION = "/sys/module/habanalabs/version"
# The hash behind a version names the build: 1.18.0-ee698fb.
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_SIGNS = PciSigns(
    vendor="intel-gaudi",
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Intel's Gaudi accelerators and driver.

    Sources, in order: 1. the bus, device nodes and the module's version; where these do not tell enough 2. HLML, its
    management library, and 3. hl-smi; 4. the device table.
    """
    found = tuple(
        function for function in around.pci or () if function.vendor == _PCI_VENDOR and function.device_class == _CLASS
    )
    if not found and around.pci is not None:
        return VendorFacts()
    version = _VERSION.match((around.host.read(_MODULE_VERSION).text or "").strip()) if found else None
    files = () if version is None else (Reading(source=_MODULE_VERSION, driver=version[0]),)
    readings = (*file_readings(around, found, _SIGNS), *files)
    if not tool_is_wanted(around, found, readings, _SIGNS.vendor):
        return facts_from_readings(around, found, _SIGNS, readings)
    # Imported here: only a host with such a device whose files do not tell enough comes here.
    from envkit.detect.by_tool import Told, ask, facts_by_tool
    from envkit.detect.sources.hl_smi import FORMS

    return facts_by_tool(around, found, _SIGNS, Told(files, ask(around, found, FORMS, files=readings)))
