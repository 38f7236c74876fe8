"""Outputs: plans written in the form of another tool; a format is the module `formats/NAME.py`, found by its name.

`NAME` is that of the format with `_` for `-`. A module provides one of two functions:

- `generate_files(plan)`, where an output describes one environment
- `generate_project(plans)`, where it describes all profiles of a project together

A module with `OPTIONS = ("dialect",)` heeds these options (`options.py`): its function takes `Options` after the plans.
One with `MODE = Mode.NATIVE` is of environments without a container, one with `MODE = None` of both kinds.
Formats know nothing of each other; what several need stands in modules of this package, `image.py` above all.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import cast

from envkit.errors import UsageError
from envkit.generate import formats
from envkit.generate.options import Options, check_options
from envkit.model.artifact import Artifacts, GeneratedFile
from envkit.model.plan import Plan
from envkit.model.request import Mode

_Writer = Callable[..., tuple[GeneratedFile, ...]]


def output_names() -> tuple[str, ...]:
    """Return the names of all formats."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(formats.__path__)))


def takes_project(output: str) -> bool:
    """Tell whether a format describes all profiles of a project together; raises `UsageError` for an unknown one."""
    return hasattr(_module(output), "generate_project")


def output_mode(output: str) -> Mode | None:
    """Return what an output is made for, containers or the machine itself; None: either; raises `UsageError`."""
    return cast("Mode | None", getattr(_module(output), "MODE", Mode.CONTAINER))


def generate_artifacts(plans: Plan | tuple[Plan, ...], output: str, options: Options | None = None) -> Artifacts:
    """Return the files of one format; the same plans and options give the same bytes.

    Raises `UsageError` for an unknown format, an option that it does not heed, or several plans for a format that
    describes one, and `DataError` for a value that has no place in a file.
    """
    plans = plans if isinstance(plans, tuple) else (plans,)
    module, options = _module(output), options or Options()
    heeded = cast("tuple[str, ...]", getattr(module, "OPTIONS", ()))
    check_options(options, heeded, output)
    further = (options,) if heeded else ()
    if takes_project(output):
        return Artifacts(output=output, files=cast("_Writer", vars(module)["generate_project"])(plans, *further))
    if len(plans) != 1:
        names = " ".join(plan.profile or plan.name for plan in plans)
        message = f"`{output}` describes one environment, and there are {len(plans)}: {names}"
        raise UsageError(message, hints=tuple(f"--profile {plan.profile}" for plan in plans if plan.profile))
    return Artifacts(output=output, files=cast("_Writer", vars(module)["generate_files"])(plans[0], *further))


def _module(output: str) -> ModuleType:
    if output not in output_names():
        message = f"no such format: `{output}`"
        raise UsageError(message, hints=tuple(f"--format {name}" for name in output_names()))
    return import_module(f"{formats.__name__}.{output.replace('-', '_')}")
