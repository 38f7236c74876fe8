"""States of the compatibility data to compare: what is in use, a directory, a revision of the checkout."""

import os
from pathlib import Path

from envkit.data.checking.places import files_at
from envkit.data.compiled import TYPES, Document
from envkit.data.documents import decode_document
from envkit.data.overlay import read_data_file
from envkit.data.places import SINGLE, find_files
from envkit.errors import DataError, UsageError
from envkit.system.command import Command, run_command

State = dict[tuple[str, str], Document]
"""Documents by kind and name."""

_CHECKOUT = Path(__file__).resolve().parents[2]
_PLACES = ("recipes", "envkit/data")
_TIMEOUT_SECONDS = 30.0


def state_in_use() -> State:
    """Return the data that commands read; raises `DataError`."""
    return {(file.kind, file.name): read_data_file(file, TYPES[file.kind]).document for file in find_files()}


def state_at(place: str) -> State:
    """Return the data in a directory or file, or else of a revision of the checkout around envkit.

    Raises `UsageError` where the place is neither, and `DataError` for data that does not decode.
    """
    if os.path.exists(place):  # noqa: PTH110 - pathlib raises for a name that is too long to be one
        files = files_at((place,))
        return {(file.kind, file.name): read_data_file(file, TYPES[file.kind]).document for file in files}
    return _revision(place)


def _revision(name: str) -> State:
    listed = _git("ls-tree", "-r", "--name-only", "--end-of-options", name, "--", *_PLACES)
    if listed is None:
        raise UsageError(
            f"neither a path nor a revision of the checkout at {_CHECKOUT}: {name}",
            hints=("envkit matrix diff HEAD~1", "envkit matrix diff DIRECTORY"),
        )
    state: State = {}
    for path in listed.splitlines():
        kind, stem = _kind(path), Path(path).stem
        text = None if kind is None else _git("show", f"{name}:{path}")
        if kind is not None and text is not None:
            state[kind, stem] = _decoded(text, f"{name}:{path}", kind)
    return state


def _decoded(text: str, source: str, kind: str) -> Document:
    try:
        return decode_document(text, source, TYPES[kind])
    except DataError as error:
        fact = f"data of another form than this envkit reads; the envkit of that revision reads it: {error.message}"
        raise DataError(f"the data of the revision cannot be compared: {source}", facts=(fact, *error.facts)) from error


def _kind(path: str) -> str | None:
    name = Path(path)
    kind = name.stem if name.stem in SINGLE else name.parent.name
    return kind if name.suffix == ".yaml" and kind in TYPES else None


def _git(*arguments: str) -> str | None:
    """Return what git prints, None where it fails."""
    argv = ("git", "-C", str(_CHECKOUT), *arguments)
    completed = run_command(Command(argv=argv, timeout_seconds=_TIMEOUT_SECONDS))
    return completed.stdout if completed.ok else None
