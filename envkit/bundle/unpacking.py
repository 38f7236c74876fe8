"""Taking a bundle apart: everything into a directory beside the target, and from there into place at the end."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from envkit.bundle.archive import extract_files
from envkit.errors import UsageError
from envkit.model.bundle import Bundle
from envkit.system.directories import ensure_directory, storage_error

# Folders of a bundle, and where their files lie in the project's directory.
PLACES = {"project": "", "wheels": "wheels", "sbom": "sbom"}
_MODE = 0o755


def check_target(bundle: Bundle, directory: Path) -> None:
    """Raise `UsageError` where a file of the bundle would replace another one in a directory."""
    clashes = []
    for file in bundle.files:
        folder, _, name = file.path.partition("/")
        if folder in PLACES:
            path = directory / PLACES[folder] / name
            if (path.exists() or path.is_symlink()) and _digest(path) != file.sha256:
                clashes.append(str(path))
    if clashes:
        message = f"a file is there already and is another one than that of the bundle: {clashes[0]}"
        facts = () if len(clashes) == 1 else (f"and {len(clashes) - 1} more",)
        hints = ("the same command with `--into DIR` for another directory", "the same command with `--force`")
        raise UsageError(message, facts=facts, hints=hints)


@contextmanager
def unpacked(path: Path, directory: Path) -> Iterator[Path]:
    """Yield a directory beside the target with all that is not an image; it goes, whatever happens.

    Raises `BundleError`, and `StorageError` when there is no room.
    """
    parent = ensure_directory(directory.parent, mode=_MODE)
    try:
        staging = Path(mkdtemp(prefix=f".{directory.name}.", dir=parent))
    except OSError as error:
        raise storage_error(error, parent, "cannot write") from error
    try:
        for folder in (*PLACES, "recipes", "overlay"):
            extract_files(path, folder, staging / folder)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def put_in_place(staging: Path, directory: Path) -> int:
    """Move what belongs into the project's directory there and return the number of files; raises `StorageError`.

    `envkit.yaml` and the lock come last: a directory in which they are is whole.
    """
    moved = 0
    for folder in sorted(PLACES, key=lambda folder: folder == "project"):
        for source in sorted(path for path in (staging / folder).rglob("*") if path.is_file()):
            target = directory / PLACES[folder] / source.relative_to(staging / folder)
            ensure_directory(target.parent, mode=_MODE)
            try:
                source.replace(target)
            except OSError as error:
                raise storage_error(error, target, "cannot write") from error
            moved += 1
    return moved


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # a directory, or nothing that can be read: another one in any case
        return None
