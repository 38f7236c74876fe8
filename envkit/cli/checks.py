"""Checks of what was typed, before anything is looked at or asked."""

from envkit.data import load_recipe
from envkit.errors import BadSpecError, DataError, UsageError
from envkit.model.host import HostFacts
from envkit.model.request import Request
from envkit.model.resolution import Base
from envkit.model.text import strip_controls
from envkit.resolve.versions import python_allowed

_CPU = "cpu"


def check_recipe(name: str) -> None:
    """Raise `UnknownRecipeError` with similar names when no recipe has this name."""
    load_recipe(name)


def check_python(text: str) -> None:
    """Raise `BadSpecError` when a text is neither a Python version nor a range of them."""
    try:
        python_allowed(text, "3.12", "3.12.0")
    except BadSpecError as error:
        raise BadSpecError(f"`--python` and `python` take `3.12`, `>=3.11` and the like: {text}") from error


def check_package(text: str) -> None:
    """Raise `BadSpecError` when a text is no package requirement of PEP 508."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise BadSpecError(
            f"`--with` and `packages` take a requirement such as `numpy>=2`: {text}", facts=(reason,)
        ) from error


def check_image(text: str) -> str:
    """Return a reference of an image; raises `UsageError` when a text is none."""
    from envkit.generate.quoting import image_reference

    try:
        return image_reference(Base(image=text))
    except DataError as error:
        raise UsageError(f"`--base-image` takes `name:tag` or `name@sha256:…`: {strip_controls(text)}") from error


def check_devices(facts: HostFacts, request: Request) -> None:
    """Raise `UsageError` when no machine has a device of an index that is asked for: this one, or that of a daemon."""
    elsewhere = (facts.for_engine(engine.name) for engine in facts.engines or () if engine.elsewhere)
    missing = _missing_devices(facts, request)
    if missing and all(_missing_devices(machine, request) for machine in elsewhere):
        here = [device for device in facts.devices or () if request.on in (None, device.vendor)]
        rows = tuple(
            f"{device.vendor} {'?' if device.index is None else device.index}: {device.name or 'no name'}"
            for device in here
        )
        raise UsageError(
            f"no device of this machine has the index: {', '.join(map(str, missing))}",
            facts=rows or ("no device was found",),
            hints=("envkit detect",),
        )


def _missing_devices(facts: HostFacts, request: Request) -> tuple[int, ...]:
    if request.devices is None or facts.devices is None or request.on == _CPU:
        return ()
    here = [device for device in facts.devices if request.on in (None, device.vendor)]
    # Where a tool gave no index the devices of a vendor are counted.
    known = {device.index for device in here} | set(range(sum(device.index is None for device in here)))
    return tuple(index for index in request.devices if index not in known)
