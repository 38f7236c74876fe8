"""Files of other tools that a project can start from; a format is a module of this folder, found by its name.

What such a module has is `Importer`. Formats know nothing of each other.
"""

from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path, PurePath
from pkgutil import iter_modules
from typing import Literal, Protocol, cast

from envkit.errors import UsageError
from envkit.project.drafts import Draft, Read

# requirements: lists Python packages, so that the field `requirements` of a project file may name it; environment: says
# more than that; container: says what is around the packages
Role = Literal["requirements", "environment", "container"]


class Importer(Protocol):
    """One format."""

    NAMES: tuple[str, ...]  # glob patterns of paths below a project, the usual one first
    RANK: int  # files with a lower one are taken first where several lie in a project
    ROLE: Role

    @staticmethod
    def import_file(text: str, path: str, read: Read) -> Draft:
        """Make a draft of a text; raises `DataError` with file and line for what it cannot be.

        `read` reads the files that it names.
        """


def importers() -> tuple[Importer, ...]:
    """Return all formats, the one to be taken first at the front."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return tuple(sorted((cast("Importer", module) for module in modules), key=lambda module: module.RANK))


def find_importable(directory: Path) -> tuple[tuple[Importer, Path], ...]:
    """Return the files of a project directory that can be imported, the one to be taken first at the front."""
    found = ((module, path) for module in importers() for pattern in module.NAMES for path in directory.glob(pattern))
    return tuple(dict.fromkeys((module, path) for module, path in found if path.is_file()))


def importer_of(path: str, *, roles: frozenset[Role] | None = None) -> Importer:
    """Return the format that a file's name tells, of some roles or of all; raises `UsageError`."""
    usable = [module for module in importers() if roles is None or module.ROLE in roles]
    name = PurePath(path).name
    for module in usable:
        if any(fnmatchcase(name, PurePath(pattern).name) for pattern in module.NAMES):
            return module
    names = ", ".join(f"`{PurePath(module.NAMES[0]).name}`" for module in usable)
    raise UsageError(f"no format is known by the name of this file: {path}", hints=(f"files like these are: {names}",))
