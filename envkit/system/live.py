"""The machine that this process runs on."""

import os
import shutil
import stat
from pathlib import Path

from envkit.system import unixhttp
from envkit.system.command import Command, Completed, run_command
from envkit.system.host import Fetched, Machine, Owner, Read

# Paths come from files and daemons as well: one with a NUL in it is a ValueError.
_UNREADABLE = (OSError, ValueError)


class LiveHost:
    """The real machine, as this user sees it."""

    def read(self, path: str, *, limit: int = 65536) -> Read:
        """Return up to `limit` bytes of a text file, undecodable bytes replaced."""
        try:
            with Path(path).open("rb") as file:
                return Read(file.read(limit).decode(errors="replace"))
        except FileNotFoundError:
            return Read(failure="no such file")
        except _UNREADABLE as error:
            return Read(failure=(getattr(error, "strerror", None) or str(error)).lower())

    def names(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted entries of a directory, or None when it is missing or unreadable."""
        try:
            return tuple(sorted(os.listdir(path)))  # noqa: PTH208 - names are wanted, not paths
        except _UNREADABLE:
            return None

    def link(self, path: str) -> str | None:
        """Return what a symbolic link points to, as written, or None."""
        try:
            return os.readlink(path)  # noqa: PTH115 - as written, which a Path would tidy
        except _UNREADABLE:
            return None

    def exists(self, path: str) -> bool | None:
        """Tell whether a path exists; None when this user may not look there.

        `os.path.exists` calls a forbidden path absent, which in a container is how a GPU gets lost.
        """
        try:
            os.stat(path)  # noqa: PTH116 - the error tells absent from forbidden
        except (FileNotFoundError, NotADirectoryError):
            return False
        except _UNREADABLE:
            return None
        return True

    def real_path(self, path: str) -> str | None:
        """Return a path with every symbolic link in it followed, or None when it does not exist."""
        try:
            return os.path.realpath(path, strict=True)
        except _UNREADABLE:
            return None

    def accessible(self, path: str) -> bool | None:
        """Tell whether this user may read and write a path."""
        return os.access(path, os.R_OK | os.W_OK)

    def owner(self, path: str) -> Owner | None:
        """Return whom a path belongs to."""
        try:
            status = os.stat(path)  # noqa: PTH116 - paths are text here
        except _UNREADABLE:
            return None
        return Owner(uid=status.st_uid, gid=status.st_gid, mode=stat.S_IMODE(status.st_mode))

    def variable(self, name: str) -> str | None:
        """Return an environment variable."""
        return os.environ.get(name)

    def which(self, name: str) -> str | None:
        """Return the path of a command on the search path."""
        return shutil.which(name)

    def run(self, command: Command) -> Completed:
        """Run a command to its end or its time limit."""
        return run_command(command)

    def machine(self) -> Machine:
        """Return what this process knows of its machine."""
        uname = os.uname()
        return Machine(system=uname.sysname.lower(), kernel=uname.release, architecture=uname.machine, libc=_libc())

    def free_bytes(self, path: str) -> int | None:
        """Return the bytes that this user may still write where `path` is, or will be once it is made."""
        for directory in (Path(path), *Path(path).parents):
            try:
                status = os.statvfs(directory)
            except FileNotFoundError:
                continue
            except OSError:
                return None
            return status.f_bavail * status.f_frsize
        return None

    def http_get(self, endpoint: str, path: str, timeout_seconds: float) -> Fetched:
        """Ask the HTTP server at `unix:///a/socket` or `tcp://name:port`."""
        return unixhttp.http_get(endpoint, path, timeout_seconds)


def _libc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):  # not glibc: the name is not known there
        return None
