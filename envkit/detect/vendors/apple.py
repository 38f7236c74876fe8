"""Apple's own chips, under macOS."""

import msgspec

from envkit.detect.by_pci import PciSigns, facts_from_readings
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.findings import make_finding
from envkit.detect.reading import Reading
from envkit.model.host import Finding
from envkit.system.command import Command
from envkit.system.host import Host

_FAST = ("sysctl", "machdep.cpu.brand_string", "hw.memsize", "sysctl.proc_translated")
_FULL = ("system_profiler", "SPDisplaysDataType", "-json")
_FAST_SECONDS = 2.0
_FULL_SECONDS = 15.0
_SIGNS = PciSigns(vendor="apple")


def detect(around: Surroundings) -> VendorFacts:
    """Return the GPU of an Apple chip.

    Sources, in order: 1. sysctl, which names the chip and its memory; 2. system_profiler, which takes seconds, where
    sysctl did not tell; 3. the device table.
    """
    if around.pci is not None or (around.system is not None and around.system.system != "darwin"):
        return VendorFacts()
    host = around.host
    if host.which(_FAST[0]) is None and host.which(_FULL[0]) is None:
        return VendorFacts()
    # Imported here: only a Mac comes here.
    from envkit.detect.sources.apple_tools import is_translated, parse_displays, parse_sysctl

    text, failure = _printed(host, _FAST, _FAST_SECONDS)
    readings = [parse_sysctl(text, _FAST[0]) if failure is None else Reading(source=_FAST[0], failure=failure)]
    if failure is not None:
        displays, failure = _printed(host, _FULL, _FULL_SECONDS)
        source = " ".join(_FULL)
        told = parse_displays(displays, source) if failure is None else Reading(source=source, failure=failure)
        readings.append(told)
    runtimes = next((reading.runtimes for reading in readings if reading.runtimes), None)
    facts = facts_from_readings(around, (), _SIGNS, tuple(readings), runtimes)
    if not facts.devices or not is_translated(text):
        return facts
    return msgspec.structs.replace(facts, findings=(*facts.findings, _translated(around)))


def _printed(host: Host, argv: tuple[str, ...], seconds: float) -> tuple[str, str | None]:
    completed = host.run(Command(argv=argv, timeout_seconds=seconds))
    failure = completed.failure or (None if completed.stdout.strip() else "printed nothing")
    return completed.stdout, failure


def _translated(around: Surroundings) -> Finding:
    return make_finding("python-under-rosetta", "devices[0]", "sysctl.proc_translated is 1", system=around.system)
