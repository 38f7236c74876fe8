"""What an analyzer is given, and the run of all of them."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import NamedTuple

from envkit.detect.analyzers import machine, vendors
from envkit.model.host import Device, Finding, HostFacts, OperatingSystem
from envkit.system.host import Host


class Situation(NamedTuple):
    """A host and what is known about it."""

    host: Host
    facts: HostFacts

    @property
    def system(self) -> OperatingSystem | None:
        """Return the operating system."""
        return self.facts.os

    @property
    def contained(self) -> bool:
        """Tell whether this is known to be inside a container."""
        return self.facts.os is not None and self.facts.os.container is not None

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


Analyzer = Callable[[Situation], tuple[Finding, ...]]


def analyze_host(host: Host, facts: HostFacts) -> tuple[Finding, ...]:
    """Return what every analyzer finds: those of the machine, and those of the vendors that it has devices of.

    A module in one of the two folders lists its own in `ANALYZERS`.
    """
    situation = Situation(host, facts)
    seen = {device.vendor for device in facts.devices or ()} | {stack.vendor for stack in facts.stacks or ()}
    modules = [*_modules(machine, None), *_modules(vendors, {vendor.replace("-", "_") for vendor in seen})]
    return tuple(finding for module in modules for analyze in module.ANALYZERS for finding in analyze(situation))


def _modules(package: ModuleType, wanted: set[str] | None) -> Iterator[ModuleType]:
    for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        if wanted is None or name in wanted:
            yield importlib.import_module(f"{package.__name__}.{name}")
