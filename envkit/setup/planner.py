"""The plan of what is missing on a host, from its facts and findings."""

import re
from collections.abc import Iterator

from envkit.data import load_remedies, load_systems
from envkit.detect.branches import (
    DriverChoice,
    NoDriver,
    choose_driver,
    driver_serves,
    driver_values,
    modules_serve,
    possible_architectures,
)
from envkit.detect.models import known_vendor
from envkit.detect.remedies import family_chain, filled_steps, needed_remedies, system_values
from envkit.model.access import AccessRow
from envkit.model.host import ContainerEngine, Device, Finding, HostFacts, OperatingSystem, Severity
from envkit.model.knowledge import RemedyRow
from envkit.model.provenance import Source
from envkit.model.setup import Restart, SetupPart, SetupPlan
from envkit.model.text import strip_controls
from envkit.model.vendor import Vendor

_REBOOT = "sudo reboot"
_GROUPS = "join-owning-groups"
_NO_DRIVER = ("driver-missing", "driver-nouveau")
_NO_ACCESS = "nodes-inaccessible"
_CDI = "-cdi"
# What may stand in a command: these values can come from a file that somebody else wrote.
_PLAIN = re.compile(r"[A-Za-z0-9._:/@+-]+( /dev/[A-Za-z0-9._:/-]+)*")
_PLACE = re.compile(r"devices\[(\d+)\]")
_FAMILY_LESS = ("container", "wsl", "any")


def plan_setup(facts: HostFacts, *, only: str | None = None, extra: tuple[str, ...] = ()) -> SetupPlan:
    """Return what is missing for the accelerators of a host, or of one vendor, and for containers that use them.

    1. A kernel driver that supports every card. 2. What gives containers more of the driver than its device nodes,
    where an engine is there and they need it. 3. The groups that own the device nodes. 4. The remedies of `extra`.
    A restart comes once, at the end; what needs the driver running is left for after it. Raises `UsageError` for a
    remedy that does not exist.
    """
    work = _Work(facts)
    vendors = dict.fromkeys(device.vendor for device in facts.devices or () if only in (None, device.vendor))
    if facts.os is None or facts.os.system == "linux":
        for name in vendors:
            _plan_vendor(work, name)
    for name in extra:
        work.add((name,), "asked for")
    work.notes += [
        f"not dealt with here: {finding.evidence} (envkit explain {finding.id})"
        for finding in facts.findings
        if finding.severity is Severity.ERROR and finding.id not in (*_NO_DRIVER, _NO_ACCESS)
    ]
    return work.plan()


class _Work:
    """A plan in the making."""

    def __init__(self, facts: HostFacts) -> None:
        self.facts = facts
        self.notes: list[str] = []
        self._parts: dict[str, SetupPart] = {}
        self._reboot = False
        self._login = False
        self._later = False
        self._values = _plain_values(system_values(facts.os))
        self._sources = {row.id: group.sources[row.source] for group in load_remedies() for row in group.remedies}

    @property
    def restarting(self) -> bool:
        """Tell whether the machine has to be restarted after what is planned so far."""
        return self._reboot

    def add(self, names: tuple[str, ...], reason: str, values: dict[str, str] | None = None) -> None:
        """Add remedies with what they need, once each."""
        for row in needed_remedies(names):
            if row.id not in self._parts:
                why = reason if row.id in names else f"`{names[0]}` needs it"
                self._add(row, why, self._values | _plain_values(values or {}))

    def postpone(self) -> None:
        """Leave something for after the restart."""
        self._later = True

    def _add(self, row: RemedyRow, reason: str, values: dict[str, str]) -> None:
        steps = filled_steps(row, self.facts.os, values)
        self._reboot |= _REBOOT in steps
        self._login |= row.id == _GROUPS
        kept = tuple(step for step in steps if step != _REBOOT)
        if kept:
            source: Source = self._sources[row.id]
            self._parts[row.id] = SetupPart(
                remedy=row.id,
                title=row.title,
                reason=strip_controls(reason),
                source=source.text,
                retrieved=source.retrieved,
                steps=kept,
            )

    def plan(self) -> SetupPlan:
        """Return the finished plan."""
        restart: Restart | None = "reboot" if self._reboot else "login" if self._login else None
        return SetupPlan(
            system=_system_name(self.facts.os),
            family=_family(self.facts.os),
            parts=tuple(self._parts.values()),
            restart=restart,
            afterwards=("envkit host setup",) if self._later else ("envkit detect",) if restart else (),
            notes=tuple(dict.fromkeys(strip_controls(note) for note in self.notes)),
        )


def _plan_vendor(work: _Work, name: str) -> None:
    vendor = known_vendor(name)
    if vendor is None:
        work.notes.append(f"nothing is known about this vendor: `{name}`")
        return
    _plan_driver(work, vendor)
    if vendor.access is not None and not vendor.access.nodes_suffice:
        _plan_containers(work, vendor, vendor.access)
    _plan_groups(work, vendor)


def _plan_driver(work: _Work, vendor: Vendor) -> None:
    devices = _whole_devices(work.facts, vendor.name)
    reason = next(_driver_reasons(work.facts, vendor, devices), None)
    if reason is None:
        return
    possible = tuple(possible_architectures(vendor, device.architecture, device.pci_id) for device in devices)
    known = tuple(sorted({architecture for each in possible for architecture in each}))
    choice = choose_driver(vendor, known) if all(possible) else None
    if isinstance(choice, NoDriver):
        work.notes.append(f"{vendor.title}: {reason}, and nothing is installed: {choice.reason}")
        return
    if isinstance(choice, DriverChoice):
        ended = f", no longer kept up since {choice.end_of_life}" if choice.ended else ""
        until = f", kept up until {choice.end_of_life}" if choice.end_of_life and not choice.ended else ""
        reason += f"; {', '.join(known)}: branch {choice.branch}, {choice.kind} kernel modules{until}{ended}"
    names, values = driver_values(vendor.name, choice)
    work.add(names, reason, values)


def _driver_reasons(facts: HostFacts, vendor: Vendor, devices: tuple[Device, ...]) -> Iterator[str]:
    """Yield why the driver has to be installed: it is missing, of a kind that cannot compute, or of another branch."""
    for finding in _findings(facts, vendor.name, *_NO_DRIVER):
        yield f"{finding.id}: {finding.evidence}"
    stack = facts.stack(vendor.name)
    driver = None if stack is None else stack.driver
    for device in devices:
        if driver is None and device.usable is False and device.kernel_driver is None and not facts.findings:
            yield f"device {device.index} cannot be used, and no driver is known"
        # Under WSL the driver carries a number of Windows, which are others.
        if not (facts.os and facts.os.wsl) and driver_serves(vendor, device.architecture, driver) is False:
            yield f"the installed driver does not support {device.architecture}: {driver}"
        kind = None if stack is None else stack.driver_kind
        if modules_serve(vendor, device.architecture, kind) is False:
            yield f"the installed kernel modules do not serve {device.architecture}: {kind}"


def _plan_containers(work: _Work, vendor: Vendor, access: AccessRow) -> None:
    engines = tuple(engine for engine in work.facts.engines or () if engine.usable)
    if any(_offers(engine, access) is not False for engine in engines):
        return
    reasons = ", ".join(f"{engine.name} has neither {_ways(access)}" for engine in engines)
    for engine in engines:
        name = _container_remedy(engine, vendor.name)
        if name is None:
            work.notes.append(
                f"no toolkit is known, and {engine.name} does not read CDI specifications: {vendor.title}"
            )
        elif name.endswith(_CDI) and work.restarting:
            # The specification names files of the running driver.
            work.postpone()
            work.add(tuple(need.id for need in needed_remedies((name,)) if need.id != name), reasons)
        else:
            work.add((name,), reasons)


def _offers(engine: ContainerEngine, access: AccessRow) -> bool | None:
    """Tell whether an engine can give a container the devices; None when it is not known."""
    if access.engine_runtime is not None and access.engine_runtime in (engine.runtimes or ()):
        return True
    if any(name.startswith(f"{access.cdi_kind}=") for name in engine.cdi_devices or ()):
        return True
    return None if engine.runtimes is None or (engine.cdi and engine.cdi_devices is None) else False


def _ways(access: AccessRow) -> str:
    runtime = f"the runtime `{access.engine_runtime}` nor " if access.engine_runtime else ""
    return f"{runtime}CDI devices of `{access.cdi_kind}`"


def _container_remedy(engine: ContainerEngine, vendor: str) -> str | None:
    known = {row.id for group in load_remedies() for row in group.remedies}
    wanted = (f"{vendor}-cdi", f"{vendor}-container-toolkit") if engine.cdi else (f"{vendor}-container-toolkit",)
    return next((name for name in wanted if name in known), None)


def _plan_groups(work: _Work, vendor: Vendor) -> None:
    findings = tuple(_findings(work.facts, vendor.name, _NO_ACCESS))
    places = {int(match[1]) for match in (_PLACE.match(finding.fact) for finding in findings) if match}
    devices = tuple(device for place, device in enumerate(work.facts.devices or ()) if place in places)
    nodes = tuple(dict.fromkeys(node for device in devices for node in device.nodes or ()))
    common = () if vendor.access is None else vendor.access.common_nodes
    if nodes:
        denied = tuple(node for node in common if any(node in finding.evidence for finding in findings))
        work.add((_GROUPS,), findings[0].evidence, {"nodes": " ".join(dict.fromkeys((*denied, *nodes)))})


def _findings(facts: HostFacts, vendor: str, *names: str) -> Iterator[Finding]:
    for finding in facts.findings:
        match = _PLACE.match(finding.fact)
        device = None if match is None else dict(enumerate(facts.devices or ())).get(int(match[1]))
        if finding.id in names and device is not None and device.vendor == vendor:
            yield finding


def _whole_devices(facts: HostFacts, vendor: str) -> tuple[Device, ...]:
    return tuple(device for device in facts.devices or () if device.vendor == vendor and device.partition_of is None)


def _plain_values(values: dict[str, str]) -> dict[str, str]:
    """Return the values that may stand in a command: steps with another one are passed over."""
    return {name: value for name, value in values.items() if _PLAIN.fullmatch(value)}


def _system_name(system: OperatingSystem | None) -> str:
    if system is None:
        return "an unknown system"
    return strip_controls(system.name or " ".join(filter(None, (system.id or system.system, system.version))))


def _family(system: OperatingSystem | None) -> str | None:
    names = {family.name for family in load_systems().families}
    chain = family_chain(system, load_systems().families)
    return next((name for name in chain if name in names and name not in _FAMILY_LESS), None)
