"""AMD: what the kernel does not compute with, overridden architectures, graphics of the processor, ROCm's release."""

import re

from envkit.detect.findings import make_finding
from envkit.detect.models import is_integrated, known_vendor
from envkit.detect.situation import Situation
from envkit.detect.sources.amd_files import read_topology
from envkit.model.host import Device, Finding
from envkit.model.vendor import DriverWindow

_VENDOR = "amd"
_MODULE = "amdgpu"
_COMPUTE_NODE = "/dev/kfd"
_OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"
_VERSION = re.compile(r"(?P<major>\d{1,2})\.\d{1,2}\.\d{1,2}")
_TARGET = re.compile(r"gfx(?P<major>\d{1,2})[0-9a-f]{2}")
_KFD = re.compile(r"\bkfd\b.*(?:not supported|atomics|skipped)", re.IGNORECASE)


def overridden_architecture(situation: Situation) -> tuple[Finding, ...]:
    """Report an override of the architecture: a mistake where it names another family than a device's own."""
    value = situation.host.variable(_OVERRIDE)
    places = tuple(situation.devices(_VENDOR))
    if not value or not places:
        return ()
    version = _VERSION.fullmatch(value)
    foreign = [
        (fact, device) for fact, device in places if version and _major(device) not in (None, int(version["major"]))
    ]
    evidence = f"{_OVERRIDE}={value}"
    if not foreign:
        return (make_finding("gfx-override", f"{places[0][0]}.architecture", evidence, system=situation.system),)
    return tuple(
        make_finding(
            "gfx-override-family",
            f"{fact}.architecture",
            f"{evidence}, and the device is {device.architecture}",
            system=situation.system,
            architecture=device.architecture or "",
        )
        for fact, device in foreign
    )


def compute_node_missing(situation: Situation) -> tuple[Finding, ...]:
    """Report cards that amdgpu serves on a host whose kernel made no compute node."""
    if situation.contained or situation.host.exists(_COMPUTE_NODE) is not False:
        return ()
    return tuple(
        make_finding(
            "compute-node-missing",
            fact,
            _with_kernel_message(situation, f"amdgpu is bound and {_COMPUTE_NODE} does not exist"),
            system=situation.system,
        )
        for fact, device in situation.devices(_VENDOR)
        if device.kernel_driver == _MODULE and not situation.found_at(fact)
    )


def left_out_card(situation: Situation) -> tuple[Finding, ...]:
    """Report a card that the compute driver left out although it serves others of this host.

    A container's list is shortened to what it was given, so that nothing follows from it there.
    """
    without = [
        (fact, device)
        for fact, device in situation.devices(_VENDOR)
        if device.kernel_driver == _MODULE and device.pci_address is not None and not device.nodes
    ]
    if not without or situation.contained:
        return ()
    served = {device.pci_address for device in read_topology(situation.host).devices}
    table = known_vendor(_VENDOR)
    return tuple(
        make_finding("compute-generation-unsupported", fact, _left_out(situation, device), system=situation.system)
        for fact, device in without
        if served and device.pci_address not in served and not is_integrated(table, device)
    )


def integrated_visible(situation: Situation) -> tuple[Finding, ...]:
    """Report graphics of the processor that ROCm lists beside a card, unless a variable hides them."""
    listed = [(fact, device) for fact, device in situation.devices(_VENDOR) if device.nodes]
    if len(listed) < 2:  # noqa: PLR2004 - one beside another
        return ()
    table = known_vendor(_VENDOR)
    cards = [device for _, device in listed if not is_integrated(table, device)]
    inside = [(fact, device) for fact, device in listed if is_integrated(table, device)]
    masks = [mask.devices for mask in situation.facts.masks if mask.vendor == _VENDOR and not mask.container]
    if not cards or None in masks:
        return ()
    return tuple(
        make_finding(
            "integrated-visible",
            fact,
            f"the kernel's list of compute devices has {device.architecture} at {device.pci_address} "
            f"beside {cards[0].architecture} at {cards[0].pci_address}",
            system=situation.system,
            indices=",".join(str(card.index) for card in cards),
        )
        for fact, device in inside
        if all(device.index in (visible or ()) for visible in masks)
    )


def outside_window(situation: Situation) -> tuple[Finding, ...]:
    """Report an installed ROCm that AMD did not test with the kernel driver; a driver without a row says nothing."""
    stack = situation.facts.stack(_VENDOR)
    if stack is None or stack.driver is None or not stack.runtimes:
        return ()
    installed, table = stack.runtimes[0], known_vendor(_VENDOR)
    windows = () if table is None else table.driver_windows
    window = next((row for row in windows if _is_below(stack.driver, row.driver)), None)
    if window is None or _was_tested(installed.version, window):
        return ()
    tested = ", ".join(window.runtimes)
    evidence = f"driver {stack.driver}, ROCm {installed.version} in {installed.path}"
    fact = f"{situation.stack(_VENDOR)}.runtimes"
    return (make_finding("rocm-outside-window", fact, evidence, system=situation.system, tested=tested),)


def _major(device: Device) -> int | None:
    """Return 11 for gfx1100 and 9 for gfx90a: the last two digits are minor and step."""
    match = _TARGET.fullmatch(device.architecture or "")
    return None if match is None else int(match["major"])


def _left_out(situation: Situation, device: Device) -> str:
    seen = f"amdgpu is bound to {device.pci_address}, which is not in /sys/class/kfd/kfd/topology/nodes"
    return _with_kernel_message(situation, seen)


def _with_kernel_message(situation: Situation, seen: str) -> str:
    said = next((line for line in situation.kernel_log or () if _KFD.search(line)), None)
    return seen if said is None else f"{seen}; the kernel says: {said}"


def _was_tested(version: str, window: DriverWindow) -> bool:
    return any(_is_below(version, prefix) for prefix in window.runtimes)


def _is_below(version: str, prefix: str) -> bool:
    """Tell whether 7.2.1 is below 7.2.x: whole parts count."""
    parts = prefix.removesuffix(".x").split(".")
    return version.split(".")[: len(parts)] == parts


ANALYZERS = (overridden_architecture, compute_node_missing, left_out_card, integrated_visible, outside_window)
