"""Rules that compare the driver with the runtime of a build."""

from envkit.model.host import Runtime
from envkit.model.vendor import DriverFloor, DriverRow, DriverWindow, Vendor
from envkit.model.version import VendorVersion
from envkit.resolve.checks.architecture import needs_exact_driver, runtime_text
from envkit.resolve.checks.forward import find_forward_row, judge_forward
from envkit.resolve.checks.judgement import Gulf, Judgement, failed, passed, unknown
from envkit.resolve.options import Option
from envkit.resolve.situation import Situation


def driver_floor(option: Option, situation: Situation) -> Judgement | None:
    """Require a driver that serves the major version of the build's runtime (minor-version compatibility).

    Under WSL the driver carries the Windows number and has its own floor. Embedded boards number their drivers by
    themselves, so that no floor applies. Where the number cannot be compared, the driver's own word on the newest
    runtime that it implements decides.
    """
    runtime = _runtime(option, situation)
    if runtime is None or situation.vendor is None or not situation.vendor.driver_floors:
        return None
    rule = "driver-floor"
    floor = find_floor(situation.vendor, runtime)
    if floor is None:
        return unknown(rule, f"no driver floor is known for {runtime_text(runtime)}", facts=(situation.driver_fact,))
    facts, sources = (situation.driver_fact,), (situation.source(floor.source),)
    if any(device.embedded for device in situation.devices):
        reason = "drivers of embedded boards are numbered on their own and have no floor to compare with"
        return unknown(rule, reason, facts=facts, sources=sources)
    minimum = floor.minimum_windows if situation.wsl else floor.minimum
    if situation.driver is None or minimum is None:
        return _by_ceiling(runtime, minimum, situation, sources)
    return _by_number(runtime, minimum, situation.driver, situation, sources, exact=False)


def driver_exact(option: Option, situation: Situation) -> Judgement | None:
    """Require a driver that implements the build's runtime itself where a device is served through PTX.

    The driver compiles PTX and knows only that of its own runtime and older ones.
    """
    runtime = _runtime(option, situation)
    if runtime is None or situation.vendor is None or not needs_exact_driver(option.build, situation):
        return None
    rule, facts = "driver-exact", (situation.driver_fact,)
    row = find_row(situation.vendor, runtime)
    sources = () if row is None else (situation.source(row.source),)
    if situation.ceiling is not None and situation.ceiling >= VendorVersion(runtime.version):
        reason = f"PTX of {runtime_text(runtime)} is compiled by a driver for {runtime.name} {situation.ceiling}"
        return passed(rule, reason, facts=facts, sources=sources)
    comparable = not situation.wsl and not any(device.embedded for device in situation.devices)
    if row is None or situation.driver is None or not comparable:
        reason = f"whether the driver compiles PTX of {runtime_text(runtime)} is not known; assumed that it does"
        return unknown(rule, reason, facts=facts, sources=sources)
    return _by_number(runtime, row.minimum, situation.driver, situation, sources, exact=True)


def amd_driver_window(option: Option, situation: Situation) -> Judgement | None:
    """Require a runtime that the kernel driver was tested with, where its window is known."""
    runtime = _runtime(option, situation)
    if runtime is None or situation.vendor is None or not situation.vendor.driver_windows:
        return None
    rule, facts = "amd-driver-window", (situation.driver_fact,)
    if situation.driver is None:
        reason = f"driver is not known; assumed that it serves {runtime_text(runtime)}"
        return unknown(rule, reason, facts=facts)
    window = find_window(situation.vendor, str(situation.driver))
    if window is None:
        reason = f"no window is known for driver {situation.driver}; assumed that it serves {runtime_text(runtime)}"
        return unknown(rule, reason, facts=facts)
    tested = ", ".join(window.runtimes)
    reason = f"driver {situation.driver} was tested with {tested}; build has {runtime_text(runtime)}"
    sources = (situation.source(window.source),)
    if any(_is_below(runtime.version, prefix) for prefix in window.runtimes):
        return passed(rule, reason, facts=facts, sources=sources)
    gulf = Gulf(seen=str(situation.driver), needed=f"a driver for {runtime_text(runtime)}", group=runtime.version)
    return failed(rule, reason, gulf, facts=facts, sources=sources)


def find_floor(vendor: Vendor, runtime: Runtime) -> DriverFloor | None:
    """Return the floor of the runtime's major version."""
    major = VendorVersion(runtime.version).major
    return next((floor for floor in vendor.driver_floors if floor.runtime_major == major), None)


def find_row(vendor: Vendor, runtime: Runtime) -> DriverRow | None:
    """Return the row of the exact runtime."""
    return find_driver_row(vendor, runtime.version)


def find_driver_row(vendor: Vendor, runtime: str) -> DriverRow | None:
    """Return the row of a runtime by its version."""
    version = VendorVersion(runtime)
    return next((row for row in vendor.driver_rows if VendorVersion(row.runtime) == version), None)


def find_window(vendor: Vendor, driver: str) -> DriverWindow | None:
    """Return the window whose driver prefix is the longest that the driver begins with."""
    fitting = [window for window in vendor.driver_windows if _is_below(driver, window.driver)]
    return max(fitting, key=lambda window: (len(window.driver), window.driver)) if fitting else None


def _is_below(version: str, prefix: str) -> bool:
    """Tell whether a version lies below a prefix: `7.2.1` and `7.2` below `7.2.x`, but `7.14` not below `7.1`."""
    parts = prefix.removesuffix(".x").split(".")
    return version.split(".")[: len(parts)] == parts


def _runtime(option: Option, situation: Situation) -> Runtime | None:
    return option.build.runtime if option.build.vendor == situation.vendor_name else None


def _by_number(
    runtime: Runtime,
    minimum: str,
    driver: VendorVersion,
    situation: Situation,
    sources: tuple[str, ...],
    *,
    exact: bool,
) -> Judgement:
    """Compare the driver with a floor, or with the row of the exact runtime; a library may stand in for a newer one."""
    rule = "driver-exact" if exact else "driver-floor"
    what = f"PTX of {runtime_text(runtime)}" if exact else runtime_text(runtime)
    reason, facts = f"{what} needs driver >={minimum}; host has {driver}", (situation.driver_fact,)
    if driver >= VendorVersion(minimum):
        return passed(rule, reason, facts=facts, sources=sources)
    forward = find_forward_row(runtime, situation, exact=exact)
    if forward is not None:
        return judge_forward(rule, runtime, forward, situation)
    gulf = Gulf(seen=str(driver), needed=f">={minimum}", group=minimum)
    return failed(rule, reason, gulf, facts=facts, sources=sources)


def _by_ceiling(runtime: Runtime, minimum: str | None, situation: Situation, sources: tuple[str, ...]) -> Judgement:
    facts = (situation.driver_fact,)
    floor = f"driver >={minimum}" if minimum is not None else f"a driver for {runtime_text(runtime)}"
    if situation.ceiling is None:
        seen = "driver is not known" if situation.driver is None else f"driver {situation.driver} cannot be compared"
        return unknown("driver-floor", f"{seen}; assumed {floor}", facts=facts, sources=sources)
    reason = f"{runtime_text(runtime)} needs {floor}; host's driver implements {runtime.name} {situation.ceiling}"
    facts = (f"stacks.{situation.vendor_name}.runtime_ceiling",)
    if situation.ceiling.major >= VendorVersion(runtime.version).major:
        return passed("driver-floor", reason, facts=facts, sources=sources)
    seen = f"a driver for {runtime.name} {situation.ceiling}"
    gulf = Gulf(seen=seen, needed=f">={minimum}" if minimum is not None else floor, group=runtime.version)
    return failed("driver-floor", reason, gulf, facts=facts, sources=sources)
