"""What stands between a device and its use, as every vendor's detector may see it."""

from collections.abc import Sequence

from envkit.detect.facts import Surroundings
from envkit.model.host import Device, Finding, Severity

_FREE_DRIVERS = ("nouveau", "nova", "nova_core")
PASSTHROUGH = "vfio-pci"


def driver_finding(
    device: Device, fact: str, *, unbound: bool | None, serving: Sequence[str] | None, remedy: tuple[str, ...]
) -> Finding | None:
    """Return what is wrong with the kernel module bound to a device, or None.

    `serving` are the modules with which the device works (None: any but the two kinds that are known not to), `remedy`
    installs the vendor's driver on this system.
    """
    place = f"/sys/bus/pci/devices/{device.pci_address}"
    driver = device.kernel_driver
    if driver is None:
        return _missing(fact, f"{place} has no driver bound", remedy) if unbound else None
    if serving is not None and driver in serving:
        return None
    evidence = f"{place}/driver is {driver}"
    if driver == PASSTHROUGH:
        return Finding(
            id="driver-vfio",
            severity=Severity.ERROR,
            fact=fact,
            evidence=evidence,
            cause="the device is reserved for a virtual machine",
            remedy=("release it from the virtual machine, and unbind it from vfio-pci",),
        )
    if driver in _FREE_DRIVERS:
        return Finding(
            id="driver-nouveau",
            severity=Severity.ERROR,
            fact=fact,
            evidence=evidence,
            cause="the free driver shows pictures but cannot compute",
            remedy=remedy,
        )
    return None if serving is None else _missing(fact, evidence, remedy)


def _missing(fact: str, evidence: str, remedy: tuple[str, ...]) -> Finding:
    return Finding(
        id="driver-missing",
        severity=Severity.ERROR,
        fact=fact,
        evidence=evidence,
        cause="the vendor's driver is not loaded: not installed, built for another kernel, or its key was refused",
        remedy=remedy,
    )


def node_finding(around: Surroundings, fact: str, nodes: tuple[str, ...], *, device_flag: str) -> Finding | None:
    """Return what is wrong with the device nodes of a device whose driver is loaded, or None.

    `device_flag` is the container engine's option that hands over the device.
    """
    missing = next((node for node in nodes if around.host.exists(node) is False), None)
    if missing is not None and around.contained:
        return Finding(
            id="container-without-devices",
            severity=Severity.ERROR,
            fact=fact,
            evidence=f"{missing} does not exist, while the host's driver is visible",
            cause="this container was started without device access",
            remedy=(f"start the container again with `{device_flag}`",),
        )
    denied = next((node for node in nodes if node != missing and around.host.accessible(node) is False), None)
    return None if denied is None or around.host.exists(denied) is False else nodes_inaccessible(around, fact, denied)


def nodes_inaccessible(around: Surroundings, fact: str, node: str) -> Finding:
    """Return the finding that this user may not open a node that is there."""
    if around.contained:
        remedy: tuple[str, ...] = (
            f"start the container with `--group-add` and the number that `stat -c %g {node}` prints",
        )
    else:
        remedy = ('sudo usermod -aG render,video "$USER"', "log out and in again: groups are read at login")
    return Finding(
        id="nodes-inaccessible",
        severity=Severity.ERROR,
        fact=fact,
        evidence=f"{node} cannot be opened for reading and writing",
        cause="this user is not in the group of the device node, or is in it only since the last login",
        remedy=remedy,
    )
