"""Devices of which only the bus was read, as in a listing of lspci."""

from envkit.detect.findings import make_finding
from envkit.detect.situation import Situation
from envkit.model.host import Device, Finding


def drivers_not_told(situation: Situation) -> tuple[Finding, ...]:
    """Note devices on a bus that does not tell their driver, where nothing else tells one: unknown is not missing."""
    if situation.facts.findings or any(stack.driver is not None for stack in situation.facts.stacks or ()):
        return ()
    silent = {
        function.address for function in situation.pci or () if function.driver is None and function.unbound is None
    }
    return tuple(
        make_finding(
            "driver-unknown",
            fact,
            f"{device.pci_id or device.pci_address} is on the PCI bus, and what was read does not say whether a driver"
            " serves it",
            system=situation.system,
        )
        for fact, device in _untold(situation)
        if device.pci_address in silent
    )


def _untold(situation: Situation) -> tuple[tuple[str, Device], ...]:
    return tuple(
        (f"devices[{place}]", device)
        for place, device in enumerate(situation.facts.devices or ())
        if device.usable is None and device.kernel_driver is None
    )


ANALYZERS = (drivers_not_told,)
