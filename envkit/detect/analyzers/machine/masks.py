"""Environment variables that hide devices from frameworks."""

from envkit.detect.findings import make_finding
from envkit.detect.models import is_integrated, known_vendor
from envkit.detect.situation import Situation
from envkit.model.host import Device, Finding, Mask, Severity


def masked_devices(situation: Situation) -> tuple[Finding, ...]:
    """Report each variable that hides a device; all hidden is a warning. Graphics of a processor may be hidden."""
    found = (_masked(situation, mask) for mask in situation.facts.masks if not mask.container)
    return tuple(finding for finding in found if finding is not None)


def _masked(situation: Situation, mask: Mask) -> Finding | None:
    places = tuple(situation.devices(mask.vendor))
    hidden = [device for _, device in places if device.index not in (mask.devices or ())]
    if mask.devices and (not hidden or _all_integrated(mask.vendor, hidden)):
        return None
    return make_finding(
        "devices-masked",
        places[0][0],
        f'{mask.variable}="{mask.value}", and the host has {len(places)} {mask.vendor} devices',
        system=situation.system,
        severity=Severity.WARNING if mask.devices == () else None,
        variable=mask.variable,
        seen=_seen(mask),
    )


def _seen(mask: Mask) -> str:
    if mask.devices is None:
        return f"only the {mask.vendor} devices that it names"
    if not mask.devices:
        return f"no {mask.vendor} device"
    return f"of the {mask.vendor} devices only {', '.join(map(str, mask.devices))}"


def _all_integrated(vendor: str, devices: list[Device]) -> bool:
    table = known_vendor(vendor)
    return all(is_integrated(table, device) for device in devices)


ANALYZERS = (masked_devices,)
