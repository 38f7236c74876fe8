"""The project file: found, read, decoded and checked."""

from pathlib import Path

import msgspec

from envkit.data.documents import LIMIT_BYTES, decode_document, decoding_error
from envkit.errors import UsageError
from envkit.model.project import Project, SourcesTable
from envkit.model.value import Value
from envkit.project.checks import find_faults
from envkit.project.files import read_file

PROJECT_FILE = "envkit.yaml"
_REPOSITORIES = (".git", ".hg", ".jj", ".svn")


class ProjectFile(Value):
    """A project, and where it was read."""

    path: str  # absolute
    project: Project

    @property
    def directory(self) -> Path:
        """The directory that its paths are relative to."""
        return Path(self.path).parent

    def place(self, key: str) -> str:
        """Return where a field stands, for messages."""
        return f"{self.path}, `{key}`"


def current_directory() -> Path:
    """Return the current directory; raises `UsageError` when it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the current directory has been removed", hints=("cd",)) from error


def find_project(directory: Path) -> Path | None:
    """Return the project file of a directory, else that of the nearest parent in its repository; None: none is there.

    Outside of a repository parents are not looked at: what lies in `/tmp` or `/home` is not of this project.
    """
    parents = (directory, *directory.parents)
    root = next((parent for parent in parents if any((parent / name).exists() for name in _REPOSITORIES)), None)
    for parent in parents:
        path = parent / PROJECT_FILE
        if path.exists() or path.is_symlink():
            return path
        if root is None or parent == root:
            return None
    return None


def read_project(directory: str | None = None) -> ProjectFile | None:
    """Read the project file that holds in the current directory, or that of a directory that was named.

    Raises `DataError` with file, line and path for everything that is wrong in it, and `UsageError` when the directory
    that was named has none.
    """
    if directory is None:
        found = find_project(current_directory())
        return None if found is None else load_project(found)
    path = Path(directory).expanduser().absolute()
    path = path if path.name == PROJECT_FILE else path / PROJECT_FILE
    if not (path.exists() or path.is_symlink()):
        raise UsageError(f"the directory has no `{PROJECT_FILE}`: {path.parent}", hints=("envkit init",))
    return load_project(path)


def load_project(path: Path) -> ProjectFile:
    """Read, decode and check one project file; raises `DataError`."""
    text = read_file(str(path), limit=LIMIT_BYTES)
    project = decode_document(text, str(path), Project)
    faults = find_faults(project)
    if faults:
        raise decoding_error(faults, text, str(path))
    sources = _absolute(project.sources, path.parent)
    return ProjectFile(path=str(path), project=msgspec.structs.replace(project, sources=sources))


def _absolute(table: SourcesTable, directory: Path) -> SourcesTable:
    """Take the paths of a `sources` table as relative to the project file; addresses stay."""
    wheelhouses = (table.wheelhouse,) if isinstance(table.wheelhouse, str) else table.wheelhouse
    certificate = table.ca_certificate
    return msgspec.structs.replace(
        table,
        wheelhouse=tuple(
            house if "://" in house else str(directory / Path(house).expanduser()) for house in wheelhouses
        ),
        ca_certificate=None if certificate is None else str(directory / Path(certificate).expanduser()),
    )
