"""Devices that a variable of the user's shell hides from every program that inherits it."""

import shlex

from envkit.model.host import Mask
from envkit.model.request import Mode
from envkit.resolve.checks.judgement import Gulf, Judgement, failed, passed, unknown
from envkit.resolve.situation import Situation

RULE = "device-visibility"
_FACTS = ("masks",)


def device_visibility(situation: Situation) -> Judgement | None:
    """Require that no variable hides a chosen device from a native environment, which inherits it from the shell.

    A container does not. What is hidden and not asked for is left out of the choice. A value that cannot be mapped to
    devices, such as the identity of one, is assumed to leave the chosen ones.
    """
    masks = situation.problem.facts.masks_of(situation.vendor_name)
    if not masks or not situation.devices or situation.problem.mode is not Mode.NATIVE:
        return None
    names, settings = ", ".join(device.label for device in situation.devices), settings_text(masks)
    if any(mask.devices is None for mask in masks):
        reason = f"which devices {settings} leaves is not known; assumed {names}; {undoing(masks)} undoes that"
        return unknown(RULE, reason, facts=_FACTS)
    hidden = ", ".join(device.label for device in situation.devices if device.hidden)
    if hidden:
        reason = f"{settings} hides {hidden} from every program of this shell; {undoing(masks)} undoes that"
        return failed(RULE, reason, Gulf(seen=settings, needed=f"{hidden} visible", group="hidden"), facts=_FACTS)
    left_out = ", ".join(device.label for device in situation.every_device if device.hidden)
    if not left_out:
        return passed(RULE, f"{settings} leaves {names} visible", facts=_FACTS)
    reason = f"{settings} hides {left_out}, and leaves {names}; {undoing(masks)} undoes that"
    return passed(RULE, reason, facts=_FACTS)


def settings_text(masks: tuple[Mask, ...]) -> str:
    """Write variables with their values: `CUDA_VISIBLE_DEVICES=0`."""
    return " and ".join(f"`{mask.variable}={shlex.quote(mask.value)}`" for mask in masks)


def unset_words(masks: tuple[Mask, ...]) -> tuple[str, ...]:
    """Return the beginning of a command that runs without these variables."""
    return ("env", *(word for mask in masks for word in ("-u", mask.variable)))


def undoing(masks: tuple[Mask, ...]) -> str:
    """Name that command, as a sentence does."""
    return f"`{' '.join(unset_words(masks))} envkit up …`"
