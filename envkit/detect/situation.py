"""What an analyzer is given, the run of all of them, and what their findings mean for the devices."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cached_property
from types import ModuleType

import msgspec

from envkit.detect.analyzers import machine, vendors
from envkit.detect.facts import PciDevice
from envkit.model.host import Device, Finding, HostFacts, OperatingSystem, Severity
from envkit.system.host import Host


class Situation:
    """A host and what is known about it; `pci` are the functions on its bus, None where that could not be read."""

    def __init__(self, host: Host, facts: HostFacts, pci: tuple[PciDevice, ...] | None = None) -> None:
        self.host = host
        self.facts = facts
        self.pci = pci

    @property
    def system(self) -> OperatingSystem | None:
        """Return the operating system."""
        return self.facts.os

    @property
    def contained(self) -> bool:
        """Tell whether this is known to be inside a container."""
        return self.facts.os is not None and self.facts.os.container is not None

    @cached_property
    def kernel_log(self) -> tuple[str, ...] | None:
        """Return the kernel's messages since the start, None where this user may not read them.

        Reading them takes a process: it is for analyzers that already know that something is wrong.
        """
        # Imported here: a healthy host's log is not read.
        from envkit.detect.sources.kernel_log import read_kernel_log

        return read_kernel_log(self.host)

    def devices(self, vendor: str) -> Iterator[tuple[str, Device]]:
        """Yield the devices of a vendor, each with the path of its fact: `devices[1]`; partitions are left out."""
        for place, device in enumerate(self.facts.devices or ()):
            if device.vendor == vendor and device.partition_of is None:
                yield f"devices[{place}]", device

    def stack(self, vendor: str) -> str:
        """Return the path of a vendor's stack, `stacks[0]`, or that of its first device where it has no stack."""
        places = (f"stacks[{place}]" for place, stack in enumerate(self.facts.stacks or ()) if stack.vendor == vendor)
        return next(places, next((fact for fact, _ in self.devices(vendor)), "devices"))

    def found(self, *names: str) -> bool:
        """Tell whether one of these findings was made already."""
        return any(finding.id in names for finding in self.facts.findings)

    def found_at(self, fact: str, *names: str) -> bool:
        """Tell whether one of these findings was made already about this fact; without names, whether any was."""
        return any(finding.fact == fact and (not names or finding.id in names) for finding in self.facts.findings)


Analyzer = Callable[[Situation], tuple[Finding, ...]]


def judge_host(host: Host, facts: HostFacts, pci: tuple[PciDevice, ...] | None) -> HostFacts:
    """Return the facts with what every analyzer finds; a device that an error is about cannot be used."""
    findings = _without_replaced((*facts.findings, *analyze_host(host, facts, pci)))
    broken = {finding.fact for finding in findings if finding.severity == Severity.ERROR}
    devices = facts.devices and tuple(
        msgspec.structs.replace(device, usable=False) if f"devices[{place}]" in broken else device
        for place, device in enumerate(facts.devices)
    )
    return msgspec.structs.replace(facts, devices=devices, findings=findings)


def analyze_host(host: Host, facts: HostFacts, pci: tuple[PciDevice, ...] | None = None) -> tuple[Finding, ...]:
    """Return what every analyzer finds: those of the machine, and those of the vendors that it has devices of.

    A module in one of the two folders lists its own in `ANALYZERS`.
    """
    situation = Situation(host, facts, pci)
    seen = {device.vendor for device in facts.devices or ()} | {stack.vendor for stack in facts.stacks or ()}
    modules = [*_modules(machine, None), *_modules(vendors, {vendor.replace("-", "_") for vendor in seen})]
    return tuple(finding for module in modules for analyze in module.ANALYZERS for finding in analyze(situation))


def _modules(package: ModuleType, wanted: set[str] | None) -> Iterator[ModuleType]:
    for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        if wanted is None or name in wanted:
            yield importlib.import_module(f"{package.__name__}.{name}")


def _without_replaced(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Leave out what another finding about the same fact explains better, so that a cause is told once."""
    if not findings:
        return ()
    # Imported here: a healthy host has no finding.
    from envkit.data import load_finding

    replaced = {
        (finding.fact, name) for finding in findings for name in load_finding(finding.id).replaces if name != finding.id
    }
    return tuple(finding for finding in findings if (finding.fact, finding.id) not in replaced)
