"""Files that are complete or not there at all, and locks between envkit commands."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envkit.errors import EnvironmentBusyError
from envkit.system.directories import ensure_directory, storage_error


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file so that any reader, also after a crash, sees all of the old text or all of the new.

    Raises `StorageError` with the path and the system's reason; the old file is then as it was. What is no file but a
    device or a pipe is written to and never replaced.
    """
    if _is_special(path):
        _write_through(path, text)
        return
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        _remove_quietly(temporary)
        raise storage_error(error, path, "cannot write") from error
    except BaseException:
        _remove_quietly(temporary)
        raise


@contextmanager
def lock_directory(path: Path, *, timeout_seconds: float = 5.0) -> Iterator[None]:
    """Hold a directory for this process through the file `PATH.lock` beside it.

    Raises `EnvironmentBusyError` when another process holds it for longer than `timeout_seconds`. The lock ends with
    the process that holds it, however that ends.
    """
    # Imported here: it is slow to import and not needed on the path of `envkit ls`.
    from filelock import FileLock, Timeout

    ensure_directory(path.parent)
    lock = FileLock(path.with_name(path.name + ".lock"), timeout=timeout_seconds)
    try:
        lock.acquire()
    except Timeout as error:
        message = f"another envkit command is working on it: {path.name}"
        raise EnvironmentBusyError(message, facts=(f"lock held: {lock.lock_file}",)) from error
    except OSError as error:
        raise storage_error(error, path, "cannot lock") from error
    try:
        yield
    finally:
        lock.release()


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _write_through(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise storage_error(error, path, "cannot write") from error


def _remove_quietly(path: Path) -> None:
    # It may not have been made, and the failure that led here is the one to report.
    with suppress(OSError):
        path.unlink()
