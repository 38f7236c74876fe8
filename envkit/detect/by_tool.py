"""A vendor's own tool, asked only where something shows a device of that vendor."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from envkit.detect.by_pci import PciSigns, facts_from_readings, file_readings
from envkit.detect.facts import PciDevice, Surroundings, VendorFacts
from envkit.detect.findings import make_finding
from envkit.detect.obstacles import PASSTHROUGH
from envkit.detect.reading import Reading, combine, first
from envkit.model.host import Finding, Runtime, Severity
from envkit.system.command import Command
from envkit.system.host import Host

_TIMEOUT_SECONDS = 10.0
# Where a library lies that the loader finds by itself.
_LIBRARY_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib64",
    "/usr/local/lib",
)


class Form(NamedTuple):
    """One way to ask a tool, and what reads its answer."""

    argv: tuple[str, ...]
    parse: Callable[[str, str], Reading]
    folders: tuple[str, ...] = ()  # where the tool lies when it is not on the search path
    library_folders: tuple[str, ...] = ()  # where its libraries lie beyond the loader's list
    source: str | None = None  # what the answer is said to come from; default: the command

    @property
    def is_child(self) -> bool:
        """Tell whether this asks a library, whose name is the source, through a child of envkit's own."""
        return self.argv[0] == sys.executable


class Told(NamedTuple):
    """What is known of one vendor's devices and driver beyond the bus."""

    files: tuple[Reading, ...] = ()
    tools: tuple[Reading, ...] = ()
    runtimes: tuple[Runtime, ...] | None = None  # as files tell them


def facts_by_tool(around: Surroundings, found: tuple[PciDevice, ...], signs: PciSigns, told: Told) -> VendorFacts:
    """Return devices, driver and findings of one vendor.

    Sources, in order: 1. the bus and the files of `signs`; 2. the files and 3. the tools that were `told`; 4. the
    vendor's device table. A device that a tool lists can be used unless something else is in the way.
    """
    tools = tuple(map(_with_usable, told.tools))
    named = tuple(runtime for reading in tools for runtime in reading.runtimes)
    readings = (*file_readings(around, found, signs), *told.files, *tools)
    facts = facts_from_readings(around, found, signs, readings, told.runtimes or named or told.runtimes)
    return msgspec.structs.replace(facts, findings=(*facts.findings, *_troubles(around, facts, tools)))


def _with_usable(reading: Reading) -> Reading:
    broken = {trouble.index for trouble in reading.troubles if trouble.severity == Severity.ERROR}
    return msgspec.structs.replace(
        reading,
        devices=tuple(msgspec.structs.replace(device, usable=device.index not in broken) for device in reading.devices),
    )


def _troubles(around: Surroundings, facts: VendorFacts, tools: tuple[Reading, ...]) -> tuple[Finding, ...]:
    """Return what tools say of the health of devices; where a driver is missing, that is said already."""
    found = {finding.fact for finding in facts.findings}
    places = {device.index: f"devices[{place}]" for place, device in enumerate(facts.devices)}
    return tuple(
        make_finding(
            "device-unhealthy",
            places[trouble.index],
            f"{reading.source}: {trouble.said}",
            system=around.system,
            severity=trouble.severity,
            remedies=(f"{facts.devices[0].vendor}-health",),
            **trouble.values,
        )
        for reading in tools
        for trouble in reading.troubles
        if trouble.index in places and places[trouble.index] not in found
    )


def ask(
    around: Surroundings,
    found: tuple[PciDevice, ...],
    forms: tuple[Form, ...],
    *,
    files: tuple[Reading, ...] = (),
) -> tuple[Reading, ...]:
    """Return what the forms answer, in order, until every device has a name and memory and the driver is known.

    Nothing is run where no device is on the bus or in `files`, nor where no driver serves any; only where the bus could
    not be read, the tool itself, or the file of a library, is a sign.
    """
    seen = bool(found) or any(reading.devices for reading in files)
    idle = bool(found) and all(card.unbound or card.driver == PASSTHROUGH for card in found)
    if idle or not (seen or around.pci is None):
        return ()
    return ask_forms(around, forms, lambda readings: _enough((*files, *readings)), seen=seen)


def ask_forms(
    around: Surroundings, forms: tuple[Form, ...], enough: Callable[[tuple[Reading, ...]], bool], *, seen: bool
) -> tuple[Reading, ...]:
    """Return what the forms answer, in order, until it is `enough`; after one that hangs no further is asked.

    Where no device was `seen`, a library is only asked whose file is there.
    """
    readings: list[Reading] = []
    missing: set[str] = set()
    for form in forms:
        name = form.argv[0]
        if form.is_child and not seen and not _library_exists(around.host, form):
            continue
        program = None if name in missing else _program(around.host, form)
        if program is not None:
            readings.append(_answer(around, program, form))
        elif name not in missing:
            missing.add(name)
            readings.append(Reading(source=name, failure="not found"))
        if _hangs(readings) or enough(tuple(readings)):
            break
    return tuple(readings)


def _program(host: Host, form: Form) -> str | None:
    name = form.argv[0]
    if form.is_child:  # which there is in a recording as well
        return name
    places = (f"{folder}/{name}" for folder in form.folders)
    return host.which(name) or next((place for place in places if host.exists(place)), None)


def _library_exists(host: Host, form: Form) -> bool:
    return any(host.exists(f"{folder}/{form.source}") for folder in (*form.library_folders, *_LIBRARY_FOLDERS))


def _answer(around: Surroundings, program: str, form: Form) -> Reading:
    host, source = around.host, form.source or " ".join(form.argv[:3])
    folders = [folder for folder in (host.variable("LD_LIBRARY_PATH"), *form.library_folders) if folder]
    completed = host.run(
        Command(
            argv=(program, *form.argv[1:]),
            timeout_seconds=_TIMEOUT_SECONDS,
            environment={"LD_LIBRARY_PATH": ":".join(folders)} if form.library_folders else {},
            stable=True,
        )
    )
    if completed.failure is not None:
        return Reading(source=source, failure=completed.failure)
    if completed.status is not None and completed.status < 0 and not completed.stdout:
        return Reading(source=source, failure=f"ended by signal {-completed.status}")
    reading = form.parse(completed.stdout, source)
    return _on_bus(around, reading) if form.is_child else reading


def _on_bus(around: Surroundings, reading: Reading) -> Reading:
    """Return what a library told without the devices at places where the bus, if it could be read, has none."""
    places = {function.address for function in around.pci or ()}
    placed = {device.index: device.pci_address for device in reading.devices if device.pci_address is not None}
    strange = {index: address for index, address in placed.items() if address not in places}
    if around.pci is None or not strange:
        return reading
    return msgspec.structs.replace(
        reading,
        devices=tuple(device for device in reading.devices if device.index not in strange),
        troubles=tuple(trouble for trouble in reading.troubles if trouble.index not in strange),
        failure=f"tells of a device where the bus has none: {next(iter(strange.values()))}",
    )


def _enough(readings: tuple[Reading, ...]) -> bool:
    devices = [sourced.device for sourced in combine(readings)]
    complete = all(device.name and device.memory_mib for device in devices)
    return bool(devices) and complete and first(readings, "driver") is not None


def _hangs(readings: list[Reading]) -> bool:
    """Tell whether the last answer did not come in time: so would not the next."""
    return bool(readings) and (readings[-1].failure or "").startswith("timed out")
