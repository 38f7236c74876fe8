"""Writing generated files: whole or not at all, and never over what somebody else wrote."""

import hashlib
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from envkit.errors import DataError, OutputTakenError
from envkit.model.artifact import Artifacts, GeneratedFile
from envkit.model.value import Value, to_json
from envkit.project.files import read_file
from envkit.system.directories import storage_error
from envkit.system.files import write_atomically

RECORD = ".envkit-generated.json"
_SHOWN = 5


class Record(Value, tag_field="format", tag="envkit-files/1"):
    """`.envkit-generated.json`: what was generated into its directory, and may be replaced while it is as it was."""

    files: dict[str, str]  # path → SHA-256


class WrittenFile(Value):
    """One generated file and what became of it."""

    path: str  # relative to the directory
    sha256: str
    state: Literal["written", "unchanged"]


def write_outputs(artifacts: Artifacts, directory: Path, *, force: bool = False) -> tuple[WrittenFile, ...]:
    """Write the files of an output into a directory and note them in its record.

    Raises `OutputTakenError`, before anything is written, for files that were not generated or were changed since,
    unless `force`; and `StorageError`, `DataError` for a damaged record.
    """
    recorded = _read_record(directory)
    states = [(file, _state(directory / _inside(file), file, recorded.get(file.path))) for file in artifacts.files]
    taken = [file.path for file, state in states if state == "taken"]
    if taken and not force:
        more = f" and {len(taken) - _SHOWN} more" if len(taken) > _SHOWN else ""
        raise OutputTakenError(
            f"files are there that would be replaced: {' '.join(taken[:_SHOWN])}{more}",
            facts=(f"not generated, or changed since, in {directory}",),
            hints=("the same command with `--output DIRECTORY`", "the same command with `--force` replaces them"),
        )
    written = tuple(
        WrittenFile(path=file.path, sha256=_digest(file.text), state=_write(directory / file.path, file, state))
        for file, state in states
    )
    record = Record(files=dict(sorted((recorded | {file.path: file.sha256 for file in written}).items())))
    if record.files != recorded:
        write_atomically(directory / RECORD, to_json(record), mode=0o644)
    return written


def _read_record(directory: Path) -> dict[str, str]:
    path = directory / RECORD
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(read_file(str(path)), type=Record).files
    except msgspec.DecodeError as error:
        raise DataError(f"the record of generated files is damaged ({error}): {path}", hints=(f"rm {path}",)) from error


def _inside(file: GeneratedFile) -> str:
    path = PurePosixPath(file.path)
    if path.is_absolute() or ".." in path.parts:
        raise DataError(f"a generated file would stand outside of its directory: {file.path}")
    return file.path


def _state(path: Path, file: GeneratedFile, recorded: str | None) -> Literal["new", "same", "ours", "taken"]:
    if not (path.exists() or path.is_symlink()):
        return "new"
    try:
        content = path.read_bytes()
    except OSError:
        return "taken"  # a directory, or nothing that this user may read
    if content == file.text.encode():
        return "same"
    return "ours" if hashlib.sha256(content).hexdigest() == recorded else "taken"


def _write(path: Path, file: GeneratedFile, state: str) -> Literal["written", "unchanged"]:
    if state == "same":
        return "unchanged"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, path.parent, "cannot make a directory") from error
    write_atomically(path, file.text, mode=0o755 if file.executable else 0o644)
    return "written"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
