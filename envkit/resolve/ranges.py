"""The drivers under which a chosen combination stays valid."""

from envkit.model.host import Runtime
from envkit.model.version import VendorVersion
from envkit.resolve.checks.architecture import needs_exact_driver
from envkit.resolve.checks.driver import find_floor, find_row
from envkit.resolve.checks.vendors import find_runtime_drivers
from envkit.resolve.combine import Combination
from envkit.resolve.situation import Situation


def driver_range(combination: Combination, situation: Situation) -> str | None:
    """Return the driver range, `>=525.60.13` or `>=525.60.13,<581`, or None where no numbers are known to compare with.

    None also under forward compatibility, which is tied to the driver's branch. The lower end is the runtime's floor,
    or the exact row where a device is served through PTX; the upper end is the last branch that serves all devices.
    """
    if any(device.embedded for device in situation.devices):
        return None
    if any(judgement.forward is not None for part in combination.parts for judgement in part.judgements):
        return None
    runtimes = [
        part.option.build.runtime
        for part in combination.parts
        if part.option.build.vendor == situation.vendor_name and part.option.build.runtime is not None
    ]
    exact = any(needs_exact_driver(part.option.build, situation) for part in combination.parts)
    lower = [floor for runtime in runtimes for floor in _lower_ends(runtime, situation, exact=exact)]
    upper: list[int] = []
    if not situation.wsl:
        rows = [device.row for device in situation.devices if device.row is not None]
        lower += [row.first_driver for row in rows if row.first_driver is not None]
        upper = [VendorVersion(row.last_driver).major for row in rows if row.last_driver is not None]
    parts = [f">={max(lower, key=VendorVersion)}"] if lower else []
    parts += [f"<{min(upper) + 1}"] if upper else []
    return ",".join(parts) or None


def _lower_ends(runtime: Runtime, situation: Situation, *, exact: bool) -> list[str]:
    if situation.vendor is None:
        return []
    floor = find_floor(situation.vendor, runtime)
    row = find_row(situation.vendor, runtime) if exact and not situation.wsl else None
    listed = find_runtime_drivers(situation.vendor, runtime.version)
    ends = [] if floor is None else [floor.minimum_windows if situation.wsl else floor.minimum]
    ends += [] if listed is None else [listed.minimum]
    return [end for end in (*ends, row.minimum if row is not None else None) if end is not None]
