"""Rules about the host and its devices alone: what they refuse is refused for every build of the vendor."""

from envkit.model.reserved import CPU
from envkit.model.version import VendorVersion
from envkit.resolve.checks.judgement import Gulf, Judgement, failed, passed, unknown
from envkit.resolve.devices import Accelerator
from envkit.resolve.situation import Situation


def device(situation: Situation) -> Judgement | None:
    """Require devices of the vendor, those that were asked for, and none that is unusable."""
    if situation.vendor_name == CPU:
        return None
    facts, title = situation.problem.facts, situation.title
    if facts.devices is None:
        reason = f"devices of the host are not known; assumed {with_article(title)} device"
        return unknown("device", reason, facts=("devices",))
    asked = situation.problem.request.devices
    there = tuple(device.index for device in situation.every_device)
    absent = tuple(index for index in asked or () if index not in there)
    if absent or not there:
        needed = f"{title} {_listed(absent)}" if absent else f"{with_article(title)} device"
        seen = f"{title} {_listed(there)}" if there else f"no {title} device"
        gulf = Gulf(seen=seen, needed=needed, group="absent")
        return failed("device", f"needs {needed}; host has {seen}", gulf, facts=("devices",))
    chosen = situation.devices or situation.every_device
    unusable = [device for device in chosen if device.device.usable is False]
    if unusable:
        return _unusable(situation, unusable)
    return passed("device", f"environment for {', '.join(device.label for device in chosen)}", facts=("devices",))


def kernel_module(situation: Situation) -> Judgement | None:
    """Require one flavour of the kernel module for all chosen devices, and a driver of that flavour.

    Cards before Turing need the proprietary module and Blackwell the open one, so that a host with both can never use
    all its devices.
    """
    needs = [(device, device.row.driver_kind) for device in situation.devices if device.row is not None]
    strict = [(device, kind) for device, kind in needs if kind in {"open", "proprietary"} and not device.embedded]
    kinds = sorted({kind for _, kind in strict if kind is not None})
    if not kinds:
        return None
    facts = (*(f"devices[{device.position}].architecture" for device, _ in strict),)
    sources = tuple(sorted({situation.source(device.row.source) for device, _ in strict if device.row is not None}))
    needed = " and ".join(
        f"the {kind} kernel module for {', '.join(f'{d.label}, {d.architecture}' for d, own in strict if own == kind)}"
        for kind in kinds
    )
    if len(kinds) > 1:
        seen = ", ".join(f"{device.label} is {device.architecture}" for device, _ in strict)
        gulf = Gulf(seen=seen, needed="devices that one kernel module serves", group="mixed")
        return failed(
            "kernel-module", f"a host has one kernel module, but needs {needed}", gulf, facts=facts, sources=sources
        )
    stack = situation.stack
    if stack is None or stack.driver_kind is None:
        return None
    fact = f"stacks.{situation.vendor_name}.driver_kind"
    if stack.driver_kind != kinds[0]:
        reason = f"needs {needed}; host has the {stack.driver_kind} one"
        gulf = Gulf(
            seen=f"the {stack.driver_kind} kernel module", needed=f"the {kinds[0]} kernel module", group=kinds[0]
        )
        return failed("kernel-module", reason, gulf, facts=(fact, *facts), sources=sources)
    return passed("kernel-module", f"host has {needed}", facts=(fact, *facts), sources=sources)


def driver_generation(situation: Situation) -> Judgement | None:
    """Require a driver branch that serves the generation of every chosen device.

    Numbers of Windows drivers (under WSL) and of embedded boards are not branches of the Linux driver.
    """
    rows = [device for device in situation.devices if device.row is not None and not device.embedded]
    limited = [device for device in rows if device.row and (device.row.first_driver or device.row.last_driver)]
    if situation.wsl or not limited:
        return None
    facts = (situation.driver_fact, *(f"devices[{device.position}].architecture" for device in limited))
    sources = tuple(sorted({situation.source(device.row.source) for device in limited if device.row is not None}))
    if situation.driver is None:
        ranges = ", ".join(sorted({f"{device.label} {branch_range(device)}" for device in limited}))
        return unknown(
            "driver-generation", f"driver is not known; assumed to fit: {ranges}", facts=facts, sources=sources
        )
    for device in limited:
        if not in_branches(device, situation.driver):
            needed = branch_range(device)
            reason = f"{device.label} needs driver {needed}; host has {situation.driver}"
            gulf = Gulf(seen=str(situation.driver), needed=needed, group=needed)
            return failed("driver-generation", reason, gulf, facts=facts, sources=sources)
    return passed("driver-generation", f"driver {situation.driver} serves every device", facts=facts, sources=sources)


def in_branches(device: Accelerator, driver: VendorVersion) -> bool:
    """Tell whether a driver is of a branch that serves the device's generation."""
    row = device.row
    if row is None:
        return True
    old = row.first_driver is not None and driver < VendorVersion(row.first_driver)
    new = row.last_driver is not None and driver.major > VendorVersion(row.last_driver).major
    return not old and not new


def branch_range(device: Accelerator) -> str:
    """Return the driver range of the device's generation: `>=570`, `>=384,<581`."""
    row = device.row
    parts: list[str] = []
    if row is not None and row.first_driver is not None:
        parts.append(f">={row.first_driver}")
    if row is not None and row.last_driver is not None:
        parts.append(f"<{VendorVersion(row.last_driver).major + 1}")
    return ",".join(parts)


def with_article(title: str) -> str:
    """Put the indefinite article before a vendor's title, by its sound: `an NVIDIA`, `a Google TPU`, `an Intel GPU`."""
    vowels = "AEFHILMNORSX" if title.partition(" ")[0].isupper() else "AEIOU"
    return f"{'an' if title[:1].upper() in vowels else 'a'} {title}"


def _listed(indices: tuple[int, ...]) -> str:
    return f"device{'s' if len(indices) > 1 else ''} {', '.join(map(str, indices))}"


def _unusable(situation: Situation, devices: list[Accelerator]) -> Judgement:
    findings = {finding.fact: finding.cause for finding in situation.problem.facts.findings}
    causes = [
        findings[f"devices[{device.position}]"] for device in devices if f"devices[{device.position}]" in findings
    ]
    why = f": {causes[0]}" if causes else ""
    labels = ", ".join(device.label for device in devices)
    reason = f"{labels} cannot be used as things are{why}"
    gulf = Gulf(seen=reason, needed=f"a usable {situation.title} device", group="unusable")
    return failed("device", reason, gulf, facts=tuple(f"devices[{device.position}].usable" for device in devices))
