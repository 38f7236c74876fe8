"""Intel graphics: Arc, Flex and Max cards, and the graphics inside of processors."""

import msgspec

from envkit.detect.by_pci import PciSigns, facts_from_readings, file_readings, tool_is_wanted
from envkit.detect.facts import PciDevice, Surroundings, VendorFacts
from envkit.detect.reading import Reading

_PCI_VENDOR = "8086"
_DISPLAY = "03"
_TOOL = "xpu-smi"
_LIBRARY = "libze_loader.so.1"
# Where the graphics inside of a processor always is.
_INSIDE = "0000:00:02.0"
_SIGNS = PciSigns(
    vendor="intel",
)


def detect(around: Surroundings) -> VendorFacts:
    """Return Intel's GPUs, driver and Level Zero.

    Sources, in order: 1. the bus, device nodes and files of i915 and xe; 2. libze_loader.so.1, where these do not tell
    enough of a card; 3. xpu-smi, likewise; 4. lspci's names, where lspci was read; 5. the device table.
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
    return facts_from_readings(around, found, _SIGNS, readings, read_runtimes(around.host))


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
    library = _told_by_library(around, cards, of_cards)
    files = (*files, *library)
    hangs = any((reading.failure or "").startswith("timed out") for reading in library)
    if hangs or not tool_is_wanted(around, cards, (*of_cards, *library), _SIGNS.vendor):
        return files
    if host.which(_TOOL) is None:
        return (*files, Reading(source=_TOOL, failure="not found"))
    # Imported here: only a host with a card whose files do not tell enough comes here.
    from envkit.detect.sources.xpu_smi import ask_xpu_smi

    return (*files, *ask_xpu_smi(host))


def _told_by_library(
    around: Surroundings, cards: tuple[PciDevice, ...], files: tuple[Reading, ...]
) -> tuple[Reading, ...]:
    """Return what Level Zero tells; a card that it lists can be used."""
    # Imported here, as xpu-smi's parser.
    from envkit.detect.by_tool import ask
    from envkit.detect.sources.library import library_form

    form = library_form(_SIGNS.vendor, "level_zero", _LIBRARY)
    return tuple(
        msgspec.structs.replace(
            reading, devices=tuple(msgspec.structs.replace(device, usable=True) for device in reading.devices)
        )
        for reading in ask(around, cards, (form,), files=files)
    )
