"""Intel graphics: Arc, Flex and Max cards, and the graphics inside of processors."""

import msgspec

from envkit.detect.by_pci import PciSigns, facts_from_readings, file_readings, tool_is_wanted
from envkit.detect.facts import PciDevice, Surroundings, VendorFacts
from envkit.detect.findings import make_finding
from envkit.detect.reading import Reading
from envkit.model.host import Finding, OperatingSystem, Runtime

_PCI_VENDOR = "8086"
_DISPLAY = "03"
_TOOL = "xpu-smi"
# Where the graphics inside of a processor always is.
_INSIDE = "0000:00:02.0"
_SERVING = ("i915", "xe")
_RUNTIME = "compute-runtime"
_SIGNS = PciSigns(
    vendor="intel",
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Intel's GPUs, driver and Level Zero.

    Sources, in order: 1. the bus, device nodes and files of i915 and xe; 2. xpu-smi, where these do not tell enough of
    a card; 3. lspci's names, where lspci was read; 4. the device table.
    """
    found = tuple(
        function
        for function in around.pci or ()
        if function.vendor == _PCI_VENDOR and function.device_class.startswith(_DISPLAY)
    )
    if not found and around.pci is not None:
        return VendorFacts()
    # Imported here: most hosts have nothing of Intel's that draws.
    from envkit.detect.sources.intel_files import read_runtimes

    cards = tuple(function for function in found if function.address != _INSIDE)
    readings = _readings(around, found, cards)
    runtimes = read_runtimes(around.host)
    facts = facts_from_readings(around, found, _SIGNS, readings, runtimes)
    missing = _runtime_missing(cards, runtimes, around.system)
    return facts if missing is None else msgspec.structs.replace(facts, findings=(*facts.findings, missing))


def _readings(around: Surroundings, found: tuple[PciDevice, ...], cards: tuple[PciDevice, ...]) -> tuple[Reading, ...]:
    from envkit.detect.sources import intel_files

    host = around.host
    files: tuple[Reading, ...] = ()
    if found:
        driver = intel_files.read_driver(host, found, around.system)
        files = (*file_readings(around, found, _SIGNS), intel_files.read_memory(host, cards), driver)
    if found and not cards:  # what is inside of the processor has no memory that xpu-smi could tell
        return files
    of_cards = (*file_readings(around, cards, _SIGNS), *files[1:])
    if not tool_is_wanted(around, cards, of_cards, _SIGNS.vendor):
        return files
    if host.which(_TOOL) is None:
        return (*files, Reading(source=_TOOL, failure="not found"))
    # Imported here: only a host with a card whose files do not tell enough comes here.
    from envkit.detect.sources.xpu_smi import ask_xpu_smi

    return (*files, *ask_xpu_smi(host))


def _runtime_missing(
    cards: tuple[PciDevice, ...], runtimes: tuple[Runtime, ...] | None, system: OperatingSystem | None
) -> Finding | None:
    served = any(card.driver in _SERVING for card in cards)
    if not served or runtimes is None or any(runtime.name == _RUNTIME for runtime in runtimes):
        return None
    evidence = "libze_intel_gpu.so is in none of the system's library folders"
    return make_finding("compute-runtime-missing", "stacks[0].runtimes", evidence, system=system)
