"""What one vendor's detector returns, and the devices that it starts from."""

from typing import NamedTuple

from envkit.model.host import Device, Evidence, Finding, Gap, OperatingSystem, Stack
from envkit.model.value import Value
from envkit.system.host import Host


class PciDevice(Value):
    """A function on the PCI bus; vendor and device are four hexadecimal digits."""

    address: str  # 0000:1b:00.0
    vendor: str
    device: str  # empty where lspci printed a name instead
    device_class: str  # class and subclass: 0302
    driver: str | None = None  # the bound kernel module; None: none, or not known
    unbound: bool | None = None  # True: it is known that no kernel module is bound
    name: str | None = None  # only where lspci was read

    @property
    def pci_id(self) -> str | None:
        """Return `vendor:device`, or None when only the vendor is known."""
        return f"{self.vendor}:{self.device}" if self.device else None


class Surroundings(NamedTuple):
    """What every vendor's detector is given."""

    host: Host
    system: OperatingSystem | None
    pci: tuple[PciDevice, ...] | None  # None: the bus could not be read

    @property
    def contained(self) -> bool:
        """Tell whether this is known to be inside a container."""
        return self.system is not None and self.system.container is not None


class VendorFacts(Value):
    """What one vendor has on this host.

    Fact paths count from this vendor's own first device and stack: `devices[0]`, `stacks[0]`.
    """

    devices: tuple[Device, ...] = ()
    stack: Stack | None = None
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    gaps: tuple[Gap, ...] = ()
