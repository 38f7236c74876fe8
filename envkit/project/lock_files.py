"""The files of a project's lock: `envkit.lock` and one `pylock.PROFILE.toml` for each profile."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from envkit.errors import LockFileError
from envkit.lock.written import read_lock, text_digest
from envkit.model.lock import Lock
from envkit.model.project_lock import LockedProfile, ProjectLock
from envkit.model.text import strip_controls
from envkit.model.value import to_json
from envkit.project.files import read_file
from envkit.system.directories import storage_error
from envkit.system.files import write_atomically

LOCK_FILE = "envkit.lock"
_MODE = 0o644  # as any other file of a repository
_RESTORE = f"git checkout -- {LOCK_FILE} 'pylock.*.toml'"
_HINTS = ("envkit lock", _RESTORE)
# Nothing of a damaged lock can be kept, and that everything may move is for the user to say.
_ANEW = ("envkit lock --upgrade", _RESTORE)


def packages_file(profile: str) -> str:
    """Return the name of the file with a profile's packages."""
    return f"pylock.{profile}.toml"


def read_project_lock(directory: Path) -> ProjectLock | None:
    """Read `envkit.lock` of a project, None where there is none; raises `LockFileError`."""
    path = directory / LOCK_FILE
    if not (path.exists() or path.is_symlink()):
        return None
    return decode_project_lock(read_file(str(path)), str(path))


def decode_project_lock(text: str, path: str) -> ProjectLock:
    """Return the lock that a text holds; raises `LockFileError` with what is wrong, and where in it."""
    try:
        lock = msgspec.json.decode(text, type=ProjectLock)
    except msgspec.MsgspecError as error:
        hints = ("git checkout --theirs -- envkit.lock; envkit lock",) if "<<<<<<<" in text else _ANEW
        raise LockFileError(f"the lock is damaged: {path}", facts=(strip_controls(str(error)),), hints=hints) from error
    names = [profile.name for profile in lock.profiles]
    if names != sorted(set(names)):
        raise LockFileError(f"the lock names a profile twice or out of order: {path}", hints=_ANEW)
    return lock


def read_profile_packages(directory: Path, profile: LockedProfile) -> Lock:
    """Read the packages of a locked profile; raises `LockFileError` when the file is not the one that was locked."""
    name = packages_file(profile.name)
    path = directory / name
    if profile.packages.path != name:
        found = strip_controls(profile.packages.path)
        raise LockFileError(f"the lock names a foreign file for profile `{profile.name}`: {found}", hints=_HINTS)
    if not path.exists():
        raise LockFileError(f"a file of the lock is missing: {path}", hints=_HINTS)
    text = read_file(str(path))
    digest = text_digest(text)
    if digest != profile.packages.sha256:
        facts = (f"SHA-256 in `{LOCK_FILE}`: {profile.packages.sha256}", f"SHA-256 of the file: {digest}")
        raise LockFileError(f"a file of the lock was changed since it was written: {path}", facts=facts, hints=_HINTS)
    chosen = profile.resolution.chosen
    if chosen is None:
        raise LockFileError(f"the lock holds no choice for profile `{profile.name}`: {directory / LOCK_FILE}")
    return read_lock(text, str(path), python=chosen.python, platform=profile.platform)


def write_lock_files(directory: Path, lock: ProjectLock, packages: dict[str, Lock]) -> tuple[str, ...]:
    """Write a lock with the packages of its profiles and return the names of the files that changed.

    Everything is on the disk before the first file is replaced, and `envkit.lock`, which holds the hashes of the
    others, is replaced last. Raises `StorageError`.
    """
    texts = {packages_file(name): each.pylock for name, each in sorted(packages.items())} | {LOCK_FILE: to_json(lock)}
    changed = {name: text for name, text in texts.items() if _current(directory / name) != text}
    staged = {name: directory / f".{name}.{os.urandom(4).hex()}.new" for name in changed}
    try:
        for name, text in changed.items():
            write_atomically(staged[name], text, mode=_MODE)
        for name, path in staged.items():
            _replace(path, directory / name)
    finally:
        for path in staged.values():
            with suppress(OSError):
                path.unlink()
    return tuple(changed)


def remove_profile_files(directory: Path, names: tuple[str, ...]) -> None:
    """Remove the files of profiles that are no more; raises `StorageError`."""
    for name in names:
        path = directory / packages_file(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, path, "cannot remove") from error


def _current(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _replace(source: Path, path: Path) -> None:
    try:
        source.replace(path)
    except OSError as error:
        raise storage_error(error, path, "cannot write") from error
