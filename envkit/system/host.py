"""What probes may ask of a machine: the live one, a recording of another."""

from typing import Protocol

import msgspec

from envkit.system.command import Command, Completed


class Read(msgspec.Struct, frozen=True):
    """The text of a file, or why there is none; exactly one of the two is set."""

    text: str | None = None
    failure: str | None = None  # `no such file`, `permission denied`, …


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a running process knows of its machine without asking a file; None where a recording does not say."""

    system: str | None = None  # linux | darwin | windows
    kernel: str | None = None  # `uname -r`
    architecture: str | None = None  # `uname -m`
    libc: str | None = None  # family and version of the process's own C library: `glibc 2.36`


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a path belongs to and who may open it; None where a recording does not say."""

    uid: int | None = None
    gid: int | None = None
    mode: int | None = None  # permission bits: 0o660


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an HTTP request, or why there is none; exactly one of `status` and `failure` is set."""

    status: int | None = None
    body: str = ""
    failure: str | None = None  # `permission denied`, `connection refused`, `no such file`, …


class Host(Protocol):
    """A machine that can be looked at. Nothing here raises: what cannot be read is a failure or None."""

    def read(self, path: str, *, limit: int = 65536) -> Read:
        """Return up to `limit` bytes of a text file, undecodable bytes replaced."""

    def names(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted entries of a directory, or None when it is missing or unreadable."""

    def link(self, path: str) -> str | None:
        """Return what a symbolic link points to, as written, or None."""

    def exists(self, path: str) -> bool | None:
        """Tell whether a path exists; None when a recording does not say."""

    def real_path(self, path: str) -> str | None:
        """Return a path with every symbolic link in it followed, or None when it does not exist or is not recorded."""

    def accessible(self, path: str) -> bool | None:
        """Tell whether this user may read and write a path; None when that is not known."""

    def owner(self, path: str) -> Owner | None:
        """Return whom a path belongs to, links followed, or None when that cannot be seen."""

    def variable(self, name: str) -> str | None:
        """Return an environment variable."""

    def which(self, name: str) -> str | None:
        """Return the path of a command on the search path."""

    def run(self, command: Command) -> Completed:
        """Run a command to its end or its time limit."""

    def machine(self) -> Machine:
        """Return what this process knows of its machine."""

    def free_bytes(self, path: str) -> int | None:
        """Return the bytes that this user may still write where `path` is, or will be once it is made."""

    def http_get(self, endpoint: str, path: str, timeout_seconds: float) -> Fetched:
        """Ask the HTTP server at `unix:///a/socket` or `tcp://name:port`."""
