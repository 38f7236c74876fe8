"""What stands between a device and its use, as every vendor's detector may see it."""

from collections.abc import Sequence

from envkit.detect.facts import Surroundings
from envkit.detect.findings import make_finding
from envkit.detect.nodes import nodes_denied
from envkit.model.host import Device, Finding

_FREE_DRIVERS = ("nouveau", "nova", "nova_core")
PASSTHROUGH = "vfio-pci"


def driver_finding(
    around: Surroundings, device: Device, fact: str, *, unbound: bool | None, serving: Sequence[str] | None
) -> Finding | None:
    """Return what is wrong with the kernel module bound to a device, or None.

    `serving` are the modules with which the device works (None: any but the two kinds that are known not to). The
    remedy `VENDOR-driver` installs the vendor's driver.
    """
    place = f"/sys/bus/pci/devices/{device.pci_address}"
    driver = device.kernel_driver
    system = around.system
    if driver is None:
        evidence = f"{place} has no driver bound"
        return _installable("driver-missing", around, device, fact, evidence) if unbound else None
    if serving is not None and driver in serving:
        return None
    evidence = f"{place}/driver is {driver}"
    if driver == PASSTHROUGH:
        return make_finding("driver-vfio", fact, evidence, system=system)
    if driver in _FREE_DRIVERS:
        return _installable("driver-nouveau", around, device, fact, evidence)
    if serving is None:
        return None
    return _installable("driver-missing", around, device, fact, evidence)


def _installable(name: str, around: Surroundings, device: Device, fact: str, evidence: str) -> Finding:
    # Imported here: a healthy host has no use for it.
    from envkit.detect.branches import driver_remedy

    remedies, values = driver_remedy(around, device)
    return make_finding(name, fact, evidence, system=around.system, severity=None, remedies=remedies, **values)


def node_finding(around: Surroundings, fact: str, nodes: tuple[str, ...], *, device_flag: str) -> Finding | None:
    """Return what is wrong with the device nodes of a device whose driver is loaded, or None.

    `device_flag` is the container engine's option that hands over the device.
    """
    missing = next((node for node in nodes if around.host.exists(node) is False), None)
    if missing is not None and around.contained:
        evidence = f"{missing} does not exist, while the host's driver is visible"
        return make_finding("container-without-devices", fact, evidence, system=around.system, device_flag=device_flag)
    denied = tuple(
        node for node in nodes if around.host.exists(node) is not False and around.host.accessible(node) is False
    )
    return nodes_denied(around, fact, denied) if denied else None
