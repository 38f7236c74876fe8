"""`envkit host setup`: what is missing on a host, as a script or step by step."""

import sys
from pathlib import Path

import msgspec

from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.output import Output
from envkit.errors import DeviceMissingError, SetupError, UsageError
from envkit.model.host import HostFacts
from envkit.model.setup import SetupPlan
from envkit.model.value import to_json
from envkit.setup import plan_setup, render_script
from envkit.setup.apply import apply_plan
from envkit.setup.script import restart_sentence
from envkit.system.files import write_atomically

_SCRIPT_MODE = 0o755


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which host is to be set up for what, and what becomes of the plan."""

    host: str | None = None
    vendor: str | None = None
    extra: tuple[str, ...] = ()
    apply: bool = False
    assume_yes: bool = False
    as_json: bool = False
    file: str | None = None


def set_up_host(output: Output, wanted: Wanted) -> int:
    """Print the script of what is missing, write it to a file, or run it."""
    _check(wanted)
    facts = live_facts() if wanted.host is None else read_host(wanted.host)
    if wanted.vendor is not None and all(device.vendor != wanted.vendor for device in facts.devices or ()):
        raise DeviceMissingError(
            f"no device of this vendor was detected: `{wanted.vendor}`",
            facts=_detected(facts),
            hints=("envkit detect",),
        )
    plan = plan_setup(facts, only=wanted.vendor, extra=wanted.extra)
    _summarize(output, plan)
    if wanted.apply:
        _apply(output, plan, assume_yes=wanted.assume_yes)
    if wanted.file is not None and plan.parts:
        write_atomically(Path(wanted.file), render_script(plan), mode=_SCRIPT_MODE)
        output.line(f"written: {wanted.file}")
    if wanted.as_json:
        output.data(to_json(plan))
    elif plan.parts and wanted.file is None and not wanted.apply:
        output.data(render_script(plan))
    return 0


def _check(wanted: Wanted) -> None:
    if wanted.apply and wanted.host is not None:
        raise UsageError("`--apply` sets up this machine and cannot be used with `--host`")
    if wanted.assume_yes and not wanted.apply:
        raise UsageError("`--yes` answers what `--apply` asks and does nothing without it")
    if wanted.apply and not wanted.assume_yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "`--apply` asks before each step, and there is no terminal to ask on",
            hints=("envkit host setup --apply --yes",),
        )
    if wanted.file == "":
        raise UsageError("`--output` takes the name of a file; it was given an empty one")


def _detected(facts: HostFacts) -> tuple[str, ...]:
    vendors = tuple(dict.fromkeys(device.vendor for device in facts.devices or ()))
    return tuple(f"detected: {vendor}" for vendor in vendors) or ("detected: no device",)


def _summarize(output: Output, plan: SetupPlan) -> None:
    if not plan.parts:
        output.line("nothing is missing" if not plan.notes else "nothing that envkit can set up is missing")
    for part in plan.parts:
        output.stage("missing", f"{part.title}: {part.reason}")
    if plan.parts and plan.family is None:
        output.line(f"no steps are known for this distribution, {plan.system}; these are for every Linux")
    for note in plan.notes:
        output.line(f"note: {note}")
    root = sum("sudo " in command for part in plan.parts for command in part.commands)
    count = sum(len(part.commands) for part in plan.parts)
    if count:
        output.note(f"commands: {count}, as root (sudo): {root}")


def _apply(output: Output, plan: SetupPlan, *, assume_yes: bool) -> None:
    def confirm(question: str) -> bool:
        return assume_yes or output.confirm(question)

    try:
        apply_plan(plan, confirm=confirm, say=output.line)
    except SetupError as error:
        sentence = restart_sentence(plan)
        facts = error.facts if sentence is None else (*error.facts, f"remains: {sentence}")
        raise SetupError(error.message, facts=facts, hints=error.hints) from error
    sentence = restart_sentence(plan)
    if sentence is not None:
        output.line(f"now {sentence}")
