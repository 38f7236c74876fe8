"""The vendor chosen, and the processor as fallback: which attempt answers the request, and what it leaves unused."""

from envkit.model.reserved import CPU
from envkit.model.resolution import Check, Status, Verdict
from envkit.model.value import Value
from envkit.resolve.agreement import Conflicts
from envkit.resolve.attempt import Attempt, attempt_vendor
from envkit.resolve.checks.visibility import settings_text
from envkit.resolve.devices import Accelerator, accelerators, vendor_names
from envkit.resolve.options import OptionSource
from envkit.resolve.problem import Problem, Want, check_doubt, check_index_name, check_vendor_name, find_wants

UNUSED_RULE = "accelerator-unused"


class Answer(Value):
    """The attempt that answers, the accelerator attempts that failed before it, and devices that stay idle."""

    problem: Problem
    wants: tuple[Want, ...]
    options: tuple[OptionSource, ...]
    conflicts: Conflicts
    status: Status
    attempt: Attempt
    failed: tuple[Attempt, ...] = ()
    unused: tuple[Accelerator, ...] = ()  # that look usable, of all vendors
    idle: tuple[Accelerator, ...] = ()  # that cannot be used, or of which nothing is known
    checks: tuple[Check, ...] = ()  # about what is unused


def find_answer(problem: Problem) -> Answer:
    """Try the vendor that was asked for, or those of the host's usable-looking devices, and the processor last.

    Of several vendors the one counts that rests on the fewest assumptions, then the one with the most memory. Raises
    the errors of `find_wants`, `check_vendor_name`, `check_index_name`, `check_doubt` and `make_situation`.
    """
    check_vendor_name(problem)
    wants = find_wants(problem)
    check_index_name(problem, wants)
    check_doubt(problem, wants)
    options = tuple(OptionSource(problem, want) for want in wants)
    devices = {name: accelerators(problem, name) for name in vendor_names(problem)}
    asked = problem.request.on
    tried = _tried(asked, devices)
    conflicts = Conflicts()
    attempts = [attempt_vendor(problem, wants, options, name, conflicts) for name in tried]
    good = [attempt for attempt in attempts if attempt.combination is not None]
    failed: tuple[Attempt, ...] = ()
    if good:
        attempt = min(good, key=_preference)
    elif asked is not None:
        attempt = attempts[0]
    else:
        attempt, failed = attempt_vendor(problem, wants, options, CPU, conflicts), tuple(attempts)
    unused = _left(devices, attempt, looking=True)
    checks = _unused_checks(problem, attempt, unused) if asked is None else ()
    return Answer(
        problem=problem,
        wants=wants,
        options=options,
        conflicts=conflicts,
        status=_status(attempt, checks),
        attempt=attempt,
        failed=failed,
        unused=unused,
        idle=_left(devices, attempt, looking=False),
        checks=checks,
    )


def _tried(asked: str | None, devices: dict[str, tuple[Accelerator, ...]]) -> tuple[str, ...]:
    if asked is not None:
        return (asked,)
    return tuple(name for name, own in sorted(devices.items()) if any(device.usable_looking for device in own))


def _preference(attempt: Attempt) -> tuple[bool, int, str]:
    assumed = attempt.combination is None or attempt.combination.assumed
    memory = sum(device.device.memory_mib or 0 for device in attempt.situation.devices)
    return (assumed, -memory, attempt.situation.vendor_name)


def _left(devices: dict[str, tuple[Accelerator, ...]], attempt: Attempt, *, looking: bool) -> tuple[Accelerator, ...]:
    used = {device.position for device in attempt.situation.devices}
    return tuple(
        device
        for _, own in sorted(devices.items())
        for device in own
        if device.usable_looking is looking and device.position not in used
    )


def _unused_checks(problem: Problem, attempt: Attempt, unused: tuple[Accelerator, ...]) -> tuple[Check, ...]:
    if attempt.situation.vendor_name != CPU:
        return ()
    if problem.facts.devices is None:
        reason = "devices of the host are not known; assumed that there is none"
        return (Check(rule=UNUSED_RULE, verdict=Verdict.UNKNOWN, reason=reason, facts=("devices",)),)
    if not unused:
        return ()
    names = ", ".join(f"{problem.vendor_title(device.device.vendor)} {device.label}" for device in unused)
    reason = f"{names} would be left unused; `--on cpu` agrees to that"
    if all(device.hidden for device in unused):
        masks = tuple(mask for name in vendor_names(problem) for mask in problem.facts.masks_of(name))
        reason = (
            f"{names} would be left unused, for {settings_text(masks)} hides all of them; `--on cpu` agrees to that"
        )
    facts = tuple(f"devices[{device.position}]" for device in unused)
    return (Check(rule=UNUSED_RULE, verdict=Verdict.FAIL, reason=reason, facts=facts),)


def _status(attempt: Attempt, checks: tuple[Check, ...]) -> Status:
    if attempt.combination is None:
        return Status.UNSATISFIABLE
    return Status.DEGRADED if checks or attempt.combination.assumed else Status.OK
