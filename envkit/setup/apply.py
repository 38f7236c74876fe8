"""The plan carried out on this machine, step by step."""

from collections.abc import Callable

from envkit.errors import SetupError
from envkit.model.setup import SetupPart, SetupPlan
from envkit.setup.script import ROOT_WITHOUT_SUDO
from envkit.system.command import Command, attach_command

_SENTENCE = "#"
# What is printed belongs to the person who watches; standard output is for the result.
_PREFACE = f"set -eu\nexec 1>&2\n{ROOT_WITHOUT_SUDO}"
_SECONDS = 3600.0  # said, not kept: a step on the user's own terminal takes the time it takes


def apply_plan(plan: SetupPlan, *, confirm: Callable[[str], bool], say: Callable[[str], None]) -> None:
    """Run the commands of a plan one after the other, each after `confirm` agreed to it; `say` shows what comes.

    Raises `SetupError` at the first step that fails, is declined, or that only a person can do, and says what remains.
    """
    for place, part in enumerate(plan.parts):
        say(f"{part.title}, because: {part.reason}")
        later = tuple(command for after in plan.parts[place + 1 :] for command in after.commands)
        if not part.commands:
            raise SetupError(
                f"only you can do the next step: {part.title}",
                facts=(*part.sentences, *_remaining(later)),
                hints=("envkit host setup",),
            )
        _apply_part(part, later, confirm=confirm, say=say)


def _apply_part(
    part: SetupPart, later: tuple[str, ...], *, confirm: Callable[[str], bool], say: Callable[[str], None]
) -> None:
    commands = part.commands
    for step in part.steps:
        if step.startswith(_SENTENCE):
            say(step)
            continue
        remaining = _remaining((*commands[commands.index(step) + 1 :], *later))
        say(f"$ {step}")
        if not confirm("run this?"):
            raise SetupError(f"the step was declined: {step}", facts=remaining, hints=("envkit host setup",))
        # A shell is right here and nowhere else: the steps are envkit's own data, or the site's, written for a shell,
        # and the values in them were checked to be plain words.
        status = attach_command(Command(argv=("sh", "-c", f"{_PREFACE}{step}"), timeout_seconds=_SECONDS))
        if status != 0:
            raise SetupError(
                f"the step failed with exit status {status}: {step}",
                facts=(*part.sentences, *remaining),
                hints=("envkit host setup",),
            )


def _remaining(commands: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"remains: {command}" for command in commands)
