"""Forward compatibility: a newer driver's library over an older kernel driver, for who allows it."""

from msgspec.structs import replace

from envkit.model.host import Runtime
from envkit.model.request import Allowance, Mode
from envkit.model.vendor import ForwardRow
from envkit.model.version import VendorVersion
from envkit.resolve.checks.judgement import Judgement, passed, unknown
from envkit.resolve.situation import Situation


def find_forward_row(runtime: Runtime, situation: Situation, *, exact: bool) -> ForwardRow | None:
    """Return the newest library that lets the host's driver serve a runtime, where the request allows that.

    The vendor lists driver branches and kinds of devices for each; `exact`: the library has to implement the runtime
    itself, and not only its major version. Boards and WSL have drivers of their own, for which nothing is listed.
    """
    problem, vendor, driver = situation.problem, situation.vendor, situation.driver
    if Allowance.FORWARD_COMPAT not in problem.request.allow or vendor is None or driver is None or situation.wsl:
        return None
    if not situation.devices or any(device.embedded for device in situation.devices):
        return None
    kinds = {device.category for device in situation.devices}
    wanted = VendorVersion(runtime.version)
    fitting = [
        row
        for row in vendor.forward_rows
        if driver.major in row.branches
        and kinds <= set(row.categories)
        and (VendorVersion(row.runtime) >= wanted if exact else VendorVersion(row.runtime).major >= wanted.major)
    ]
    return max(fitting, key=lambda row: VendorVersion(row.runtime)) if fitting else None


def judge_forward(rule: str, runtime: Runtime, row: ForwardRow, situation: Situation) -> Judgement:
    """Say that a library stands in for a newer driver: for certain where it is loaded already, else as assumed."""
    facts, sources = (situation.driver_fact,), (situation.source(row.source),)
    lead = f"{runtime.name} {runtime.version} runs on driver {situation.driver} through `{row.package}`"
    if is_provided(row, situation):
        judgement = passed(rule, f"{lead}, which is loaded here", facts=facts, sources=sources)
    else:
        judgement = unknown(rule, f"{lead}; assumed that the environment has it", facts=facts, sources=sources)
    return replace(judgement, forward=row)


def is_provided(row: ForwardRow, situation: Situation) -> bool:
    """Tell whether the library is loaded on the host, and counts: it does not reach into containers."""
    stack = situation.stack
    if stack is None or stack.runtime_ceiling is None or situation.problem.mode is not Mode.NATIVE:
        return False
    return VendorVersion(stack.runtime_ceiling.version) >= VendorVersion(row.runtime)
