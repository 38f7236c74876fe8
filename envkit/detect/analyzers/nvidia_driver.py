"""NVIDIA: a driver that is there and does not take the card."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from envkit.detect.branches import (
    DriverChoice,
    Kind,
    driver_remedy,
    driver_serves,
    driver_values,
    possible_architectures,
)
from envkit.detect.facts import Surroundings
from envkit.detect.findings import make_finding
from envkit.detect.models import known_vendor
from envkit.detect.pci import full_address
from envkit.detect.situation import Situation
from envkit.detect.sources.kernel_modules import module_field
from envkit.model.host import Device, Finding
from envkit.model.vendor import ArchitectureRow

_VENDOR = "nvidia"
_LICENSES = {"Dual MIT/GPL": "open", "NVIDIA": "proprietary"}
_NEEDS_OPEN = "requires use of the NVIDIA open kernel modules"
_NO_FIRMWARE = "is not supported by open nvidia.ko"
# The driver breaks these sentences into lines, and begins each with its own name.
_REFUSED = re.compile(
    r"The NVIDIA GPU (?P<address>[0-9a-f:.]+) \(PCI ID: [^)]*\) installed in this system "
    rf"(?P<said>{_NEEDS_OPEN}|{re.escape(_NO_FIRMWARE)}|is not supported by the.{{1,40}}? driver release)"
)
_KIND_WANTED: dict[str, Kind] = {_NEEDS_OPEN: "open", _NO_FIRMWARE: "proprietary"}
_LOADED = "loaded driver"
_LEGACY = re.compile(
    r"installed in this system is supported through the (?:NVIDIA |the )*(?P<branch>\d+)\.xx Legacy drivers"
)


class _Module(NamedTuple):
    """The kernel module that is loaded, or would be."""

    driver: str
    kind: str | None
    source: str


def explain_refused_card(situation: Situation) -> tuple[Finding, ...]:
    """Return for each card that the driver does not take why: of the wrong kind, of the wrong branch, or refused."""
    refused = tuple(_refused(situation))
    module = _module(situation) if refused else None
    if module is None:
        return ()
    findings = (
        _by_table(situation, fact, device, module) or _by_kernel(situation, fact, device, module)
        for fact, device in refused
    )
    return tuple(finding for finding in findings if finding is not None)


def _refused(situation: Situation) -> Iterator[tuple[str, Device]]:
    # A container is not handed every device, and of two versions neither says anything of the card.
    in_doubt = not situation.contained and not situation.found("driver-library-mismatch")
    for fact, device in situation.devices(_VENDOR):
        bound = device.kernel_driver == _VENDOR and device.usable is None and not situation.found_at(fact)
        if (bound and in_doubt) or situation.found_at(fact, "driver-missing"):
            yield fact, device


def _module(situation: Situation) -> _Module | None:
    """Return the loaded module, or the one installed for this kernel: one that refused every card is unloaded again."""
    stack = situation.facts.stack(_VENDOR)
    if stack is not None and stack.driver is not None:
        return _Module(stack.driver, stack.driver_kind, _LOADED)
    if situation.contained:
        return None
    table, kernel = known_vendor(_VENDOR), None if situation.system is None else situation.system.kernel
    if table is None or kernel is None:
        return None
    for name in table.kernel_modules:
        version = module_field(situation.host, name, "version", kernel)
        if version:
            kind = _LICENSES.get(module_field(situation.host, name, "license", kernel) or "")
            return _Module(version, kind, "installed kernel module")
    return None


def _by_table(situation: Situation, fact: str, device: Device, module: _Module) -> Finding | None:
    """Return that no architecture which the card may have is served by this branch, or by modules of this kind."""
    table = known_vendor(_VENDOR)
    if table is None:
        return None
    possible = possible_architectures(table, device.architecture, device.pci_id)
    rows = [row for row in table.architectures if row.architecture in possible]
    if not rows or len(rows) < len(possible):
        return None
    card = f"{device.name or device.pci_id} is {' or '.join(dict.fromkeys(row.generation for row in rows))}"
    if all(driver_serves(table, row.architecture, module.driver) is False for row in rows):
        evidence = f"{module.source} {module.driver}; {card}"
        return _finding(situation, "driver-branch-wrong", fact, evidence, device, needed=_needed_branch(rows[0]))
    wanted = {row.driver_kind for row in rows}
    kind = next(iter(wanted))
    if len(wanted) > 1 or kind in (None, "either") or module.kind in (None, kind):
        return None
    evidence = f"{module.source} {module.driver} has {module.kind} modules; {card}"
    return _finding(situation, "driver-kind-wrong", fact, evidence, device, needed=f"the {kind} modules")


def _needed_branch(row: ArchitectureRow) -> str:
    if row.last_driver is not None:
        return f"{row.last_driver} is the last branch that does"
    return f"{row.first_driver} is the first branch that does"


def _by_kernel(situation: Situation, fact: str, device: Device, module: _Module) -> Finding | None:
    """Return what the kernel's log says of this card, or that a loaded driver left it alone."""
    text = " ".join(line.removeprefix("NVRM:").strip() for line in situation.kernel_log or ())
    refused = (match for match in _REFUSED.finditer(text) if full_address(match["address"]) == device.pci_address)
    said = next(refused, None)
    if said is not None:
        return _as_refused(situation, fact, device, module, said)
    if device.kernel_driver is not None:
        return None
    legacy = _LEGACY.search(text)
    if legacy is not None:
        branch = int(legacy["branch"])
        needed, choice = f"{branch} is the last branch that does", DriverChoice(branch=branch, kind="proprietary")
        evidence = f"kernel log: {legacy[0]}"
        return _finding(situation, "driver-branch-wrong", fact, evidence, device, needed=needed, choice=choice)
    if module.source != _LOADED:
        return None
    evidence = f"{_LOADED} {module.driver}, and /sys/bus/pci/devices/{device.pci_address} has none bound"
    return make_finding("driver-probe-rejected", fact, evidence, system=situation.system)


def _as_refused(situation: Situation, fact: str, device: Device, module: _Module, said: re.Match[str]) -> Finding:
    """Return that the modules are of the wrong kind, where the kernel says that, or else its words."""
    evidence = f"kernel log: {said[0]}"
    kind = _KIND_WANTED.get(said["said"])
    branch = module.driver.partition(".")[0]
    if kind is None or not branch.isdecimal():
        return make_finding("driver-probe-rejected", fact, evidence, system=situation.system)
    needed, choice = f"the {kind} modules", DriverChoice(branch=int(branch), kind=kind)
    return _finding(situation, "driver-kind-wrong", fact, evidence, device, needed=needed, choice=choice)


def _finding(
    situation: Situation,
    name: str,
    fact: str,
    evidence: str,
    device: Device,
    *,
    needed: str,
    choice: DriverChoice | None = None,
) -> Finding:
    """Return a finding with the driver to install: by the tables, or the `choice` where they do not know the card."""
    around = Surroundings(situation.host, situation.system, situation.pci)
    remedies, values = driver_remedy(around, device)
    if not values and choice is not None:
        remedies, values = driver_values(_VENDOR, choice)
    values = {"needed": needed} | values
    return make_finding(name, fact, evidence, system=situation.system, severity=None, remedies=remedies, **values)


ANALYZERS = (explain_refused_card,)
