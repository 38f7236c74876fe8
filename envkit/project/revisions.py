"""Locks to compare: the one that stands, the committed one, and files that somebody names."""

from pathlib import Path

from envkit.errors import LockFileError, UsageError
from envkit.lock.written import read_lock, text_digest
from envkit.model.lock import Lock
from envkit.model.project_lock import LockedProfile, ProjectLock
from envkit.project.difference import Side
from envkit.project.files import read_file
from envkit.project.lock_files import LOCK_FILE, decode_project_lock, read_profile_packages, read_project_lock
from envkit.system.command import Command, run_command

_SECONDS = 30.0


def standing_side(directory: Path, *, lenient: bool = False) -> Side:
    """Return the lock of a project; raises `LockFileError` where there is none, unless `lenient`."""
    try:
        lock = read_project_lock(directory)
    except LockFileError:
        if not lenient:
            raise
        lock = None
    if lock is None and not lenient:
        raise LockFileError(f"the project has no lock: {directory / LOCK_FILE}", hints=("envkit lock",))
    return _side(LOCK_FILE, lock, directory)


def committed_side(directory: Path) -> Side:
    """Return the lock of the last commit, an empty one where that has none; raises `UsageError` without git."""
    text = _show(directory, "HEAD", LOCK_FILE)
    if text is None and not _is_checkout(directory):
        raise UsageError(
            f"not a checkout of git, so that there is no committed lock: {directory}",
            hints=("envkit lock diff OLD/envkit.lock NEW/envkit.lock",),
        )
    return _revision_side("HEAD", directory, text)


def named_side(name: str, directory: Path) -> Side:
    """Return the lock in a file or directory, else that of a revision of git; raises `UsageError`, `LockFileError`."""
    path = Path(name)
    if path.is_dir():
        path /= LOCK_FILE
    if path.is_file():
        return _side(name, decode_project_lock(read_file(str(path)), str(path)), path.parent)
    text = None if name.startswith("-") else _show(directory, name, LOCK_FILE)
    if text is None:
        raise UsageError(f"neither a lock nor a revision of git that has one: {name}")
    return _revision_side(name, directory, text)


def _side(title: str, lock: ProjectLock | None, directory: Path) -> Side:
    profiles = {profile.name: profile for profile in (lock.profiles if lock is not None else ())}
    return Side(
        title=title,
        profiles=profiles,
        packages={name: _packages(directory, profile) for name, profile in profiles.items()},
    )


def _packages(directory: Path, profile: LockedProfile) -> Lock | None:
    try:
        return read_profile_packages(directory, profile)
    except LockFileError:  # the hashes in the lock still tell whether the packages are the same
        return None


def _revision_side(revision: str, directory: Path, text: str | None) -> Side:
    title = f"{LOCK_FILE} of {revision}"
    profiles = () if text is None else decode_project_lock(text, title).profiles
    return Side(
        title=title,
        profiles={profile.name: profile for profile in profiles},
        packages={profile.name: _committed_packages(revision, directory, profile) for profile in profiles},
    )


def _committed_packages(revision: str, directory: Path, profile: LockedProfile) -> Lock | None:
    text = _show(directory, revision, profile.packages.path)
    chosen = profile.resolution.chosen
    if text is None or chosen is None or text_digest(text) != profile.packages.sha256:
        return None
    return read_lock(text, profile.packages.path, python=chosen.python, platform=profile.platform)


def _show(directory: Path, revision: str, name: str) -> str | None:
    """Return a file of the project as a revision has it, None where it has none."""
    # `./` makes the path relative to the directory, which may lie below the top of the checkout.
    argv = ("git", "-C", str(directory), "show", "--end-of-options", f"{revision}:./{name}")
    completed = run_command(Command(argv=argv, timeout_seconds=_SECONDS))
    return completed.stdout if completed.ok else None


def _is_checkout(directory: Path) -> bool:
    argv = ("git", "-C", str(directory), "rev-parse", "--verify", "--quiet", "HEAD")
    return run_command(Command(argv=argv, timeout_seconds=_SECONDS)).ok
