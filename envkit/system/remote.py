"""The machine of a daemon elsewhere, looked at through a small program in a container there."""

import threading
from pathlib import Path
from typing import TypeVar

import msgspec

from envkit.system.command import Command, Completed, Conversation
from envkit.system.host import Fetched, Machine, Owner, Read

_AGENT = Path(__file__).with_name("agent.py")
_NOTHING = b"null"
_ELSEWHERE = "not run on the daemon's host"
Question = tuple[str | int, ...]  # a method of `Host` and its arguments
Answer = TypeVar("Answer")


class RemoteHost:
    """A machine that an agent tells about. What it does not answer is unknown, never absent.

    Environment variables, the search path and commands of that machine are not looked at: they would be those of the
    container. Every question is asked once.
    """

    def __init__(self, command: Command) -> None:
        """Start the agent; what goes wrong is its `failure`."""
        self.failure: str | None = None
        self._known: dict[Question, msgspec.Raw] = {}
        self._lock = threading.Lock()
        self._conversation: Conversation | None = None
        try:
            self._conversation = Conversation(command)
        except OSError as error:
            self.failure = (error.strerror or str(error)).lower()

    def close(self, *, grace_seconds: float = 5.0) -> bool:
        """End the agent, which nobody may be asking; tell whether it ended by itself within `grace_seconds`."""
        return self._conversation is None or self._conversation.close(grace_seconds=grace_seconds)

    def fetch(self, questions: tuple[Question, ...]) -> None:
        """Ask several questions at once, which saves the way there for each of them."""
        with self._lock:
            new = tuple(question for question in dict.fromkeys(questions) if question not in self._known)
            if not new or self.failure is not None or self._conversation is None:
                return
            reply = self._conversation.ask(msgspec.json.encode(new))
            try:
                answers = msgspec.json.decode(reply.line or b"[]", type=tuple[msgspec.Raw, ...])
            except msgspec.DecodeError:
                answers = ()
            if len(answers) == len(new):
                self._known.update(zip(new, map(_kept, answers), strict=True))
            else:
                self.failure = reply.failure or "the agent's answer cannot be read"

    def read(self, path: str, *, limit: int = 65536) -> Read:
        """Return up to `limit` bytes of a text file."""
        answer = self._ask(("read", path, limit), Read)
        return Read(failure=self.failure or "cannot be read") if answer in {None, Read()} else answer

    def names(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted entries of a directory, or None when it is missing or unreadable."""
        return self._ask(("names", path), tuple[str, ...])

    def link(self, path: str) -> str | None:
        """Return what a symbolic link points to, as written, or None."""
        return self._ask(("link", path), str)

    def exists(self, path: str) -> bool | None:
        """Tell whether a path exists; None when a container may not look there."""
        return self._ask(("exists", path), bool)

    def real_path(self, path: str) -> str | None:
        """Return a path with every symbolic link in it followed, or None when it does not exist."""
        return self._ask(("real_path", path), str)

    def accessible(self, path: str) -> bool | None:  # noqa: ARG002 - the protocol's signature
        """Return None: the daemon hands devices out, whatever its own user may do."""
        return None

    def owner(self, path: str) -> Owner | None:
        """Return whom a path belongs to, or None where it is not seen or the container maps the numbers."""
        return self._ask(("owner", path), Owner)

    def variable(self, name: str) -> str | None:  # noqa: ARG002 - as above
        """Return None: the container's variables say nothing about its machine."""
        return None

    def which(self, name: str) -> str | None:  # noqa: ARG002 - as above
        """Return None: commands of that machine cannot be run from here."""
        return None

    def run(self, command: Command) -> Completed:  # noqa: ARG002 - as above
        """Answer that it is not run there."""
        return Completed(failure=_ELSEWHERE)

    def machine(self) -> Machine:
        """Return kernel and architecture as the agent's process knows them, and the C library of its machine."""
        return self._ask(("machine",), Machine) or Machine()

    def free_bytes(self, path: str) -> int | None:
        """Return the bytes that may still be written where `path` is."""
        return self._ask(("free_bytes", path), int)

    def http_get(self, endpoint: str, path: str, timeout_seconds: float) -> Fetched:  # noqa: ARG002 - as above
        """Answer that it is not asked there."""
        return Fetched(failure=_ELSEWHERE)

    def _ask(self, question: Question, expected: type[Answer]) -> Answer | None:
        self.fetch((question,))
        # One thread at a time: msgspec prepares a struct when it first decodes one.
        with self._lock:
            known = self._known.get(question)
            try:
                return None if known is None or bytes(known) == _NOTHING else msgspec.json.decode(known, type=expected)
            except msgspec.DecodeError:
                return None


def agent_arguments() -> tuple[str, ...]:
    """Return the arguments with which a Python of version 3.7 or later becomes the agent."""
    return ("-I", "-c", _AGENT.read_text(encoding="utf-8"))


def _kept(answer: msgspec.Raw) -> msgspec.Raw:
    return answer.copy()  # not a view that keeps the whole line in memory
