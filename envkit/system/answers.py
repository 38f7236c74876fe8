"""Kept answers of commands that say the same until the machine, its driver or its devices change."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from envkit.model.value import DECODING
from envkit.system.command import Command, Completed
from envkit.system.host import Host
from envkit.system.live import LiveHost
from envkit.system.recording import normal_argv

_LARGEST_FILE = 16 * 1024 * 1024


class _Kept(msgspec.Struct):
    key: str
    answers: dict[str, Completed]


class KeepingHost(LiveHost):
    """The real machine, whose `stable` commands are run once for each state of it.

    `state` tells the state as a text, None where it cannot be told and nothing is to be kept; it is asked for when the
    first such command comes. Only what ended well is kept. A file that cannot be read or written costs the next start
    some time, nothing else.
    """

    def __init__(self, directory: Path, state: Callable[[Host], str | None]) -> None:
        # One file: when the machine has changed, nothing of the old one is wanted any more.
        self._file = directory / "answers.msgpack"
        self._state = state
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def run(self, command: Command) -> Completed:
        """Return the kept answer of a stable command, or run it."""
        if not command.stable:
            return super().run(command)
        environment = (f"{key}={value}" for key, value in sorted(command.environment.items()))
        words = "\0".join([*normal_argv(command.argv), *environment])
        name = _digest(words)
        with self._lock:
            answer = self._known().get(name)
        if answer is not None:
            return answer
        answer = super().run(command)
        if answer.ok:
            with self._lock:
                self._known()[name] = answer
                self._write()
        return answer

    def _known(self) -> dict[str, Completed]:
        if self._kept is None:
            told = self._state(self)
            key = "" if told is None else _digest(told)
            kept = self._read() if key else None
            self._kept = kept if kept is not None and kept.key == key else _Kept(key, {})
        return self._kept.answers

    def _read(self) -> _Kept | None:
        try:
            with self._file.open("rb") as file:
                content = file.read(_LARGEST_FILE)
            with DECODING:
                return msgspec.msgpack.decode(content, type=_Kept)
        except (OSError, msgspec.DecodeError):
            return None

    def _write(self) -> None:
        if self._kept is None or not self._kept.key:
            return
        temporary = self._file.with_suffix(f".{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.msgpack.encode(self._kept))
            temporary.replace(self._file)
        except OSError:
            return


def _digest(text: str) -> str:
    # Imported here: it takes 5 ms, and a machine without devices runs no command whose answer is kept.
    import hashlib

    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
