"""The plan as a POSIX shell script that says what each step is for."""

import textwrap

from envkit.model.setup import SetupPart, SetupPlan

# In a minimal system root has no sudo, and needs none.
ROOT_WITHOUT_SUDO = 'if [ "$(id -u)" -eq 0 ] && ! command -v sudo >/dev/null; then\n  sudo() { "$@"; }\nfi\n'
_WIDTH = 118
_RESTARTS = {"reboot": "restart the machine", "login": "log out and in again"}


def render_script(plan: SetupPlan) -> str:
    """Return the script of a plan; empty when nothing is missing."""
    if not plan.parts:
        return ""
    head = (
        "#!/bin/sh\n"
        + _comment(f"What is missing on {plan.system}, as `envkit host setup` sees it. Read it before you run it.")
        + "set -eu\n"
    )
    body = "".join(f"\n{_part(part)}" for part in plan.parts)
    sudo = f"\n{ROOT_WITHOUT_SUDO}" if any("sudo " in step for part in plan.parts for step in part.commands) else ""
    return head + sudo + body + _end(plan)


def restart_sentence(plan: SetupPlan) -> str | None:
    """Return what has to be done after the last step, and what to type then; None when nothing has."""
    if plan.restart is None:
        return None
    then = f", then type: {' && '.join(plan.afterwards)}" if plan.afterwards else ""
    return f"{_RESTARTS[plan.restart]}{then}"


def _part(part: SetupPart) -> str:
    steps = "".join(_comment(step[1:].strip()) if step.startswith("#") else f"{step}\n" for step in part.steps)
    return (
        _comment(part.title)
        + _comment(f"Why: {part.reason}")
        + _comment(f"Source: {part.source} ({part.retrieved})")
        + steps
    )


def _end(plan: SetupPlan) -> str:
    sentence = restart_sentence(plan)
    if sentence is None:
        return ""
    return f"\nprintf '%s\\n' 'Now {sentence}' >&2\n"


def _comment(text: str) -> str:
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)
