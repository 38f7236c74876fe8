"""Everything that the probes asked of a machine, and what it answered."""

import sys
import threading
from pathlib import Path
from typing import TypeVar

import msgspec

from envkit.model.value import Value
from envkit.system.command import Command, Completed
from envkit.system.host import Fetched, Host, Machine, Owner, Read

NOT_RECORDED = "not recorded"
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
Answer = TypeVar("Answer")


class RecordedCommand(Value):
    """A command and how it ended; see `normal_argv` for its arguments."""

    argv: tuple[str, ...]
    answer: Completed


class RecordedRequest(Value):
    """A request to an HTTP server and its answer."""

    endpoint: str
    path: str
    answer: Fetched


class Recording(Value):
    """The answers of one machine, each under what was asked; what is not in it was not asked."""

    envkit: str  # the version that recorded
    data_directory: str  # where environments are stored: free space was asked of it
    machine: Machine = Machine()
    files: dict[str, Read] = {}
    directories: dict[str, tuple[str, ...] | None] = {}
    links: dict[str, str | None] = {}
    existing: dict[str, bool | None] = {}
    real_paths: dict[str, str | None] = {}
    accessible: dict[str, bool | None] = {}
    owners: dict[str, Owner | None] = {}
    variables: dict[str, str | None] = {}
    programs: dict[str, str | None] = {}
    free_bytes: dict[str, int | None] = {}
    commands: tuple[RecordedCommand, ...] = ()
    requests: tuple[RecordedRequest, ...] = ()


class RecordingHost:
    """A machine that is asked through it, and what it answered so far; probes may ask from several threads."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._machine = Machine()
        self._answers: dict[str, dict[str, object]] = {}
        self._commands: dict[tuple[str, ...], Completed] = {}
        self._requests: dict[tuple[str, str], Fetched] = {}

    def recording(self, *, envkit: str, data_directory: str) -> Recording:
        """Return what was asked until now, in the order of the alphabet."""
        with self._lock:
            answers = {kind: dict(sorted(told.items())) for kind, told in self._answers.items()}
            commands = sorted(self._commands.items())
            requests = sorted(self._requests.items())
            return Recording(
                envkit=envkit,
                data_directory=data_directory,
                machine=self._machine,
                commands=tuple(RecordedCommand(argv=argv, answer=told) for argv, told in commands),
                requests=tuple(
                    RecordedRequest(endpoint=endpoint, path=path, answer=told) for (endpoint, path), told in requests
                ),
                **answers,  # type: ignore[arg-type]  # each kind holds what the method of its name returned
            )

    def read(self, path: str, *, limit: int = 65536) -> Read:
        """Return up to `limit` bytes of a text file; of several answers the longest is kept."""
        told = self._host.read(path, limit=limit)
        with self._lock:
            known = self._answers.setdefault("files", {}).get(path)
            if not isinstance(known, Read) or len(known.text or "") <= len(told.text or ""):
                self._answers["files"][path] = told
        return told

    def names(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted entries of a directory."""
        return self._noted("directories", path, self._host.names(path))

    def link(self, path: str) -> str | None:
        """Return what a symbolic link points to."""
        return self._noted("links", path, self._host.link(path))

    def exists(self, path: str) -> bool | None:
        """Tell whether a path exists."""
        return self._noted("existing", path, self._host.exists(path))

    def real_path(self, path: str) -> str | None:
        """Return a path with every symbolic link in it followed."""
        return self._noted("real_paths", path, self._host.real_path(path))

    def accessible(self, path: str) -> bool | None:
        """Tell whether this user may read and write a path."""
        return self._noted("accessible", path, self._host.accessible(path))

    def owner(self, path: str) -> Owner | None:
        """Return whom a path belongs to."""
        return self._noted("owners", path, self._host.owner(path))

    def variable(self, name: str) -> str | None:
        """Return an environment variable."""
        return self._noted("variables", name, self._host.variable(name))

    def which(self, name: str) -> str | None:
        """Return the path of a command on the search path."""
        return self._noted("programs", name, self._host.which(name))

    def run(self, command: Command) -> Completed:
        """Run a command to its end or its time limit."""
        told = self._host.run(command)
        # How long it took is no fact about the machine, and differs each time.
        with self._lock:
            self._commands[normal_argv(command.argv)] = msgspec.structs.replace(told, seconds=0.0)
        return told

    def machine(self) -> Machine:
        """Return what this process knows of its machine."""
        self._machine = self._host.machine()
        return self._machine

    def free_bytes(self, path: str) -> int | None:
        """Return the bytes that this user may still write at a path."""
        return self._noted("free_bytes", path, self._host.free_bytes(path))

    def http_get(self, endpoint: str, path: str, timeout_seconds: float) -> Fetched:
        """Ask an HTTP server."""
        told = self._host.http_get(endpoint, path, timeout_seconds)
        with self._lock:
            self._requests[endpoint, path] = told
        return told

    def _noted(self, kind: str, key: str, answer: Answer) -> Answer:
        with self._lock:
            self._answers.setdefault(kind, {})[key] = answer
        return answer


class RecordedHost:
    """The machine of a recording: it gives the same answers, and to any other question that it does not know."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._commands = {row.argv: row.answer for row in recording.commands}
        self._requests = {(row.endpoint, row.path): row.answer for row in recording.requests}

    def read(self, path: str, *, limit: int = 65536) -> Read:
        """Return up to `limit` bytes of a recorded file."""
        told = self._recording.files.get(path, Read(failure=NOT_RECORDED))
        if told.text is None:
            return told
        return Read(_beginning(told.text, limit))

    def names(self, path: str) -> tuple[str, ...] | None:
        """Return the entries of a recorded directory."""
        return self._recording.directories.get(path)

    def link(self, path: str) -> str | None:
        """Return what a recorded link points to."""
        return self._recording.links.get(path)

    def exists(self, path: str) -> bool | None:
        """Tell whether a path existed, where that was asked."""
        return self._recording.existing.get(path)

    def real_path(self, path: str) -> str | None:
        """Return where a recorded path led."""
        return self._recording.real_paths.get(path)

    def accessible(self, path: str) -> bool | None:
        """Tell whether the user could read and write a path, where that was asked."""
        return self._recording.accessible.get(path)

    def owner(self, path: str) -> Owner | None:
        """Return whom a path belonged to, where that was asked."""
        return self._recording.owners.get(path)

    def variable(self, name: str) -> str | None:
        """Return a recorded environment variable."""
        return self._recording.variables.get(name)

    def which(self, name: str) -> str | None:
        """Return where a command was found."""
        return self._recording.programs.get(name)

    def run(self, command: Command) -> Completed:
        """Return how a recorded command ended."""
        return self._commands.get(normal_argv(command.argv), Completed(failure=NOT_RECORDED))

    def machine(self) -> Machine:
        """Return what the recording process knew of its machine."""
        return self._recording.machine

    def free_bytes(self, path: str) -> int | None:
        """Return the free space that was found at a path."""
        return self._recording.free_bytes.get(path)

    def http_get(self, endpoint: str, path: str, timeout_seconds: float) -> Fetched:  # noqa: ARG002 - the protocol's
        """Return the recorded answer of a server."""
        return self._requests.get((endpoint, path), Fetched(failure=NOT_RECORDED))


def _beginning(text: str, limit: int) -> str:
    """Return what the first `limit` bytes of a file decode to; a byte that is no text stands as one replacement."""
    if text.isascii():
        return text[:limit]
    taken = 0
    for position, character in enumerate(text):
        taken += 1 if character == "\N{REPLACEMENT CHARACTER}" else len(character.encode())
        if taken > limit:
            return text[:position]
    return text


def normal_argv(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the arguments of a command as a recording has them.

    A child of envkit's own is `python` and its path within the package, wherever either is installed.
    """
    words = tuple(_within_package(word) for word in argv)
    own = words != argv and argv[0] == sys.executable
    return ("python", *words[1:]) if own else words


def _within_package(word: str) -> str:
    path = Path(word)
    if path.is_absolute() and path.is_relative_to(_PACKAGE_PARENT / "envkit"):
        return str(path.relative_to(_PACKAGE_PARENT))
    return word
