"""NVIDIA: a device that the driver took and that does not answer."""

import re
from collections.abc import Iterator

from envkit.detect.findings import make_finding
from envkit.detect.pci import full_address
from envkit.detect.situation import Situation
from envkit.detect.sources.nvidia_nvml import NO_DEVICE, SOURCE
from envkit.model.host import Device, Finding

_VENDOR = "nvidia"
_DEVICE_FLAG = "--device nvidia.com/gpu=all"
_UNKNOWN = "Unknown Error"
_TOOL_FOUND_NONE = "No devices were found"
_LOST = "GPU is lost"
_CONFIGURATION_BYTES = 64
# NVRM: Xid (PCI:0000:41:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.
_XID = re.compile(r"NVRM: Xid \((?:PCI:)?(?P<address>[0-9a-f:.]+)\): (?P<said>.*)")
_FELL = re.compile(r"NVRM: GPU (?P<address>[0-9a-f:.]+): (?P<said>GPU has fallen off the bus.*)")
_FALLEN = "fallen off the bus"
# NVRM: GPU 0000:02:00.0: RmInitAdapter failed! (0x22:0x56:884)
_NOT_STARTED = re.compile(r"NVRM: GPU (?P<address>[0-9a-f:.]+): (?P<said>RmInitAdapter failed.*)")
# Explained elsewhere: what these say also keeps NVML from answering.
_EXPLAINED = ("driver-library-mismatch", "driver-library-missing")
# Variables of schedulers, which show a job the devices that it asked for and no others.
_JOBS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")


def explain_silence(situation: Situation) -> tuple[Finding, ...]:
    """Return why devices that the driver took do not answer; nothing where the host does not show it."""
    silent = tuple(_silent(situation))
    failure = _failure(situation)
    answering = any(device.usable for _, device in situation.devices(_VENDOR))
    # In a container that was given some of the devices the others are silent, and that is as it should be.
    if situation.found(*_EXPLAINED) or (situation.contained and answering):
        return ()
    if failure is not None and failure.startswith("timed out"):
        return _lost(situation, silent) or (_hanging(situation, failure),)
    if not silent or (failure is None and not answering):
        return ()
    if situation.contained:
        return _withdrawn(situation, silent, failure)
    return _lost(situation, silent) or _unlisted(situation, silent, failure)


def _silent(situation: Situation) -> Iterator[tuple[str, Device]]:
    for fact, device in situation.devices(_VENDOR):
        serving = device.kernel_driver == _VENDOR and device.pci_address is not None
        if serving and device.usable is None and not situation.found_at(fact):
            yield fact, device


def _failure(situation: Situation) -> str | None:
    """Return why NVML did not tell of every device, or that nvidia-smi found none."""
    gaps = [gap for gap in situation.facts.gaps if gap.fact.startswith("stacks")]
    from_library = next((gap.reason for gap in gaps if gap.source == SOURCE and gap.reason != "not recorded"), None)
    none_found = (gap.reason for gap in gaps if gap.source.startswith("nvidia-smi") and _TOOL_FOUND_NONE in gap.reason)
    return from_library or next(none_found, None)


def _lost(situation: Situation, silent: tuple[tuple[str, Device], ...]) -> tuple[Finding, ...]:
    """Return the devices that no longer answer on the bus: their configuration reads as ones, or the kernel says so."""
    found = ((fact, _fallen(situation, device)) for fact, device in silent)
    return tuple(
        make_finding("device-off-the-bus", fact, evidence, system=situation.system)
        for fact, evidence in found
        if evidence is not None
    )


def _fallen(situation: Situation, device: Device) -> str | None:
    path = f"/sys/bus/pci/devices/{device.pci_address}/config"
    # Bytes that are not text are read as the replacement character.
    told = situation.host.read(path, limit=_CONFIGURATION_BYTES).text
    if told is not None and len(told) == _CONFIGURATION_BYTES and set(told) == {"\ufffd"}:
        return f"{path} reads as ff only"
    said = _said(situation, (_XID, _FELL), device)
    return None if said is None or _FALLEN not in said else f"kernel log: {said}"


def _said(situation: Situation, patterns: tuple[re.Pattern[str], ...], device: Device) -> str | None:
    """Return the last message of one of these forms about a device."""
    matches = [match for line in situation.kernel_log or () for pattern in patterns if (match := pattern.search(line))]
    about = [match for match in matches if _address(match["address"]) == device.pci_address]
    return about[-1][0][:200] if about else None


def _address(text: str) -> str | None:
    """Return a PCI address in full: Xid messages leave out the function."""
    return full_address(text) or full_address(f"{text}.0")


def _hanging(situation: Situation, failure: str) -> Finding:
    xid = next((match[0] for line in reversed(situation.kernel_log or ()) if (match := _XID.search(line))), None)
    evidence = f"NVML: {failure}" + ("" if xid is None else f"; kernel log: {xid[:200]}")
    return make_finding("driver-hangs", situation.stack(_VENDOR), evidence, system=situation.system)


def _withdrawn(
    situation: Situation, silent: tuple[tuple[str, Device], ...], failure: str | None
) -> tuple[Finding, ...]:
    """Return devices that a container has nodes of and may no longer open.

    When systemd reloads, it writes the container's device rules anew, without those that the engine's hook had added.
    """
    if failure != _UNKNOWN:
        return ()
    return tuple(
        make_finding(
            "container-lost-devices",
            fact,
            f"NVML: {failure}, while {_first_node(device)} is there",
            system=situation.system,
            device_flag=_DEVICE_FLAG,
        )
        for fact, device in silent
        if all(situation.host.exists(node) for node in device.nodes or ("/dev/nvidiactl",))
    )


def _first_node(device: Device) -> str:
    return next(iter(device.nodes or ()), "/dev/nvidiactl")


def _unlisted(situation: Situation, silent: tuple[tuple[str, Device], ...], failure: str | None) -> tuple[Finding, ...]:
    job = next((name for name in _JOBS if situation.host.variable(name)), None)
    listed_none = failure is not None and (failure == NO_DEVICE or _TOOL_FOUND_NONE in failure)
    if job is not None:
        evidence = f"NVML {NO_DEVICE}, and {job} is set"
        here = situation.stack(_VENDOR)
        return (make_finding("job-without-devices", here, evidence, system=situation.system),) if listed_none else ()
    found = []
    for fact, device in silent:
        said = _said(situation, (_NOT_STARTED,), device)
        bound = f"NVML: {failure}, while the driver is bound to {device.pci_address}"
        if failure is not None and _LOST in failure:
            found.append(("device-off-the-bus", fact, bound))
        elif said is not None:
            found.append(("device-not-started", fact, f"kernel log: {said}"))
        elif listed_none:
            found.append(("device-not-started", fact, bound))
    return tuple(make_finding(name, fact, text, system=situation.system) for name, fact, text in found)


ANALYZERS = (explain_silence,)
