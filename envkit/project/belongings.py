"""The files of a project that its lock rests on: what another machine needs beside wheels and images."""

from os.path import normpath
from pathlib import Path

from envkit.errors import DataError
from envkit.model.project_lock import ProjectLock
from envkit.project.files import read_foreign
from envkit.project.imports import importer_of
from envkit.project.lock_files import LOCK_FILE
from envkit.project.reading import ProjectFile


def find_belongings(file: ProjectFile, lock: ProjectLock) -> tuple[Path, ...]:
    """Return the project file, the files of its lock, and what the project file names, sorted.

    That are requirements with all that they include, and recorded hosts. Raises `DataError` for a file outside of the
    project, which would have no place on another machine.
    """
    directory = file.directory
    found = [Path(file.path), directory / LOCK_FILE]
    found += [directory / profile.packages.path for profile in lock.profiles]
    if file.project.requirements is not None:
        found += _requirements(directory / Path(file.project.requirements).expanduser())
    for profile in file.project.profiles.values():
        if profile.host is not None:
            found += _recording(directory / Path(profile.host).expanduser())
    return tuple(sorted({_inside(path, directory) for path in found}))


def _requirements(path: Path) -> list[Path]:
    found = [path]

    def read(name: str) -> str:
        found.append(Path(name))
        return read_foreign(name)

    draft = importer_of(str(path), roles=frozenset({"requirements"})).import_file(
        read_foreign(str(path)), str(path), read
    )
    return [*found, *(Path(line.text) for line in draft.constraints)]


def _recording(path: Path) -> list[Path]:
    return [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]


def _inside(path: Path, directory: Path) -> Path:
    # Not resolved: where a link is that leads out of the project, its target's content takes its place.
    absolute = Path(normpath(path.absolute()))
    if not absolute.is_relative_to(directory):
        facts = (f"the project: {directory}",)
        raise DataError(f"a file of the project lies outside of it: {absolute}", facts=facts)
    return absolute.relative_to(directory)
