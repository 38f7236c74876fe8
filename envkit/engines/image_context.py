"""The directory that a builder gets: generated files, the locked wheels of this machine, and secrets beside them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import msgspec

from envkit.errors import BuildError
from envkit.model.artifact import GeneratedFile
from envkit.model.lock import LockedFile
from envkit.model.plan import Plan
from envkit.system.directories import ensure_directory, storage_error


class StagedContext(msgspec.Struct, frozen=True, kw_only=True):
    """Directories that stand until the build has ended."""

    files: Path  # the build context
    wheelhouse: Path  # a context of its own, for wheels of this machine
    secrets: Path

    @property
    def wheels(self) -> Path:
        """Where the wheels lie for a builder that has one context alone."""
        return self.files / "wheelhouse"


@contextmanager
def staged_context(plan: Plan, files: tuple[GeneratedFile, ...], directory: Path) -> Iterator[StagedContext]:
    """Make `directory`, readable by its owner alone, fill it, and remove it however the build ends.

    What a killed build left in it is removed first. Raises `StorageError`, or `BuildError` when a locked wheel is gone.
    """
    _remove(directory)
    staged = StagedContext(
        files=directory / "context", wheelhouse=directory / "wheelhouse", secrets=directory / "secrets"
    )
    try:
        for part in (staged.files, staged.wheelhouse, staged.secrets):
            ensure_directory(part)
        for file in files:
            _write(staged.files / _plain(file.path), file)
        for package in plan.lock.packages:
            if package.file.path is not None:
                _link(Path(package.file.path), staged.wheelhouse / _plain(package.file.filename), package.file)
        yield staged
    finally:
        _remove(directory)


def _plain(path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or len(parts.parts) != 1:
        message = f"a file of a build stands directly in its directory: {path!r}"
        raise BuildError(message)
    return path


def _write(path: Path, file: GeneratedFile) -> None:
    try:
        path.write_text(file.text, encoding="utf-8")
        # Modes reach the image: they must not follow from this user's umask.
        path.chmod(0o755 if file.executable else 0o644)
    except OSError as error:
        raise storage_error(error, path, "cannot write") from error


def _link(wheel: Path, place: Path, file: LockedFile) -> None:
    """Bring a wheel in place; builders do not follow symbolic links, and copying gigabytes takes time and space."""
    try:
        wheel = wheel.resolve(strict=True)
    except OSError as error:
        message = f"a locked wheel is not there any more ({(error.strerror or str(error)).lower()}): {file.path}"
        raise BuildError(message) from error
    try:
        os.link(wheel, place)
    except OSError:
        # Another filesystem, or a file that this user may read but not link.
        try:
            shutil.copyfile(wheel, place)
        except OSError as error:
            raise storage_error(error, place, "cannot copy a wheel") from error


def _remove(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, directory, "cannot remove") from error
