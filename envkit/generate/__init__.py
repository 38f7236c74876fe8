"""Outputs: a plan written in the form of another tool; a format is the module `formats/NAME.py`, found by its name."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from envkit.errors import UsageError
from envkit.generate import formats
from envkit.model.artifact import Artifacts, GeneratedFile
from envkit.model.plan import Plan


class Format(Protocol):
    """What a module in `formats/` provides."""

    def generate_files(self, plan: Plan) -> tuple[GeneratedFile, ...]:
        """Return the files of this format."""


def output_names() -> tuple[str, ...]:
    """Return the names of all formats."""
    return tuple(sorted(module.name for module in iter_modules(formats.__path__)))


def generate_artifacts(plan: Plan, output: str) -> Artifacts:
    """Return the files of one format; the same plan gives the same bytes.

    Raises `UsageError` for an unknown format, and `DataError` for a value that has no place in a file.
    """
    if output not in output_names():
        message = f"no such format: `{output}`"
        raise UsageError(message, hints=tuple(f"--format {name}" for name in output_names()))
    module = cast("Format", import_module(f"{formats.__name__}.{output}"))
    return Artifacts(output=output, files=module.generate_files(plan))
