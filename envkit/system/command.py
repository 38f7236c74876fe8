"""The one runner of outside commands: argument tuples, never a shell, never without a time limit."""

import os
import selectors
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from envkit.system.signals import Terminated

_CHUNK_BYTES = 65536
_SAID_BYTES = 4096  # kept of what a conversation's command says on standard error
_LONGEST_LINE = 64 * 1024 * 1024
_SIGNAL_BASE = 128  # a shell shows a command that a signal ended as 128 and the signal's number


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """An outside command."""

    argv: tuple[str, ...]
    timeout_seconds: float
    environment: Mapping[str, str] = {}  # added to this process's environment
    directory: str | None = None
    stdin: str | None = None  # None: no input
    stable: bool = False  # the answer stays the same until the machine, its driver or its devices change

    def __str__(self) -> str:
        """Return the command as it would be typed."""
        return shlex.join(self.argv)


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended; `failure` is set when it could not be started or did not end in time."""

    status: int | None = None  # exit status; negative: ended by that signal
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    failure: str | None = None  # `not found`, `timed out after 10 s`

    @property
    def ok(self) -> bool:
        """Tell whether the command ended with status 0."""
        return self.failure is None and self.status == 0


def _environment(command: Command) -> dict[str, str]:
    return {**os.environ, **command.environment}


def run_command(command: Command, *, limit_bytes: int = 16 * 1024 * 1024) -> Completed:
    """Run a command and capture what it prints, up to `limit_bytes` of each stream.

    A command that outlives its time limit is ended with its whole process group.
    """
    started = time.monotonic()
    try:
        process = _start(command, stdin=subprocess.PIPE if command.stdin is not None else subprocess.DEVNULL)
    except OSError as error:
        return Completed(failure=_start_failure(error))
    try:
        stdout, stderr = process.communicate(
            None if command.stdin is None else command.stdin.encode(), timeout=command.timeout_seconds
        )
        failure = None
    except subprocess.TimeoutExpired:
        end_group(process)
        stdout, stderr = process.communicate()
        failure = f"timed out after {command.timeout_seconds:g} s"
    except BaseException:
        end_group(process)
        process.wait()
        raise
    return Completed(
        status=process.returncode,
        stdout=stdout[:limit_bytes].decode(errors="replace"),
        stderr=stderr[:limit_bytes].decode(errors="replace"),
        seconds=time.monotonic() - started,
        failure=failure,
    )


def stream_command(command: Command, on_line: Callable[[str], None]) -> Completed:
    """Run a long command and hand each line of its output (both streams, as they come) to `on_line`.

    On an interrupt the command gets SIGINT and ten seconds to clean up before it is ended; then it is raised again.
    """
    started = time.monotonic()
    try:
        process = _start(command, stdin=subprocess.DEVNULL, merge=True)
    except OSError as error:
        return Completed(failure=_start_failure(error))
    assert process.stdout is not None  # noqa: S101 - tells the type checker what _start asked for
    # A timer, not a check between lines: a command that hangs prints none.
    timer = threading.Timer(command.timeout_seconds, end_group, (process,))
    timer.start()
    try:
        for line in process.stdout:
            on_line(line.decode(errors="replace").rstrip("\r\n"))
        status = process.wait()
    except BaseException:
        interrupt_group(process)
        raise
    finally:
        timer.cancel()
        process.stdout.close()
    seconds = time.monotonic() - started
    late = status == -signal.SIGKILL and seconds >= command.timeout_seconds
    return Completed(
        status=status, seconds=seconds, failure=f"timed out after {command.timeout_seconds:g} s" if late else None
    )


def attach_command(command: Command) -> int:
    """Run a command on this process's own terminal and return its exit status; its time is the user's.

    A signal that ended the command counts as in a shell: 128 and its number. One that asks this process to end is
    handed on to the command.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    process = subprocess.Popen(command.argv, env=_environment(command), cwd=command.directory)
    while True:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            # The terminal has sent the interrupt to the command as well: it decides what it means.
            continue
        except Terminated as end:
            process.send_signal(end.number)
        else:
            return status if status >= 0 else _SIGNAL_BASE - status


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The line that a command answered, or why there is none; exactly one of the two is set."""

    line: bytes | None = None
    failure: str | None = None  # `timed out after 10 s`, or what the command said before it ended


class Conversation:
    """A running command that answers each line with one line and ends when its input is closed; for one thread."""

    def __init__(self, command: Command) -> None:
        """Start the command; raises `OSError` when it cannot be started. Its time limit is that of each answer."""
        self._process = _start(command, stdin=subprocess.PIPE)
        self._seconds = command.timeout_seconds
        self._input, self._output, self._errors = (
            stream.fileno()
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr)
            if stream is not None
        )
        self._heard = bytearray()
        self._said = bytearray()  # on standard error
        for stream in (self._input, self._output, self._errors):
            os.set_blocking(stream, False)

    def ask(self, line: bytes) -> Reply:
        """Send a line, without its end, and wait for the answer."""
        deadline = time.monotonic() + self._seconds
        unsent = memoryview(line + b"\n")
        with selectors.DefaultSelector() as watched:
            watched.register(self._input, selectors.EVENT_WRITE)
            watched.register(self._output, selectors.EVENT_READ)
            watched.register(self._errors, selectors.EVENT_READ)
            while b"\n" not in self._heard:
                left = deadline - time.monotonic()
                if left <= 0 or len(self._heard) > _LONGEST_LINE:
                    return Reply(failure=f"timed out after {self._seconds:g} s" if left <= 0 else "an endless line")
                for key, _ in watched.select(left):
                    if key.fd == self._input:
                        unsent = unsent[self._send(unsent) :]
                        ended = not unsent
                    else:
                        ended = not self._take(key.fd)
                    if ended and key.fd == self._output:
                        return Reply(failure=self._complaint())
                    if ended:
                        watched.unregister(key.fd)
        answer, _, self._heard = self._heard.partition(b"\n")
        return Reply(line=bytes(answer))

    def close(self, *, grace_seconds: float) -> bool:
        """Close the command's input and wait for its end; tell whether it ended by itself within `grace_seconds`."""
        try:
            self._process.communicate(timeout=grace_seconds)
        except subprocess.TimeoutExpired:
            end_group(self._process)
            self._process.communicate()
            return False
        except BaseException:
            end_group(self._process)
            self._process.wait()
            raise
        return True

    def _send(self, unsent: memoryview) -> int:
        try:
            return os.write(self._input, unsent[:_CHUNK_BYTES])
        except BlockingIOError:
            return 0
        except BrokenPipeError:  # it has ended: its output says so, and why
            return len(unsent)

    def _take(self, stream: int) -> int:
        """Take in what a stream has, and return how much that was; 0 at its end."""
        chunk = os.read(stream, _CHUNK_BYTES)
        if stream == self._output:
            self._heard += chunk
        else:
            self._said = (self._said + chunk)[-_SAID_BYTES:]
        return len(chunk)

    def _complaint(self) -> str:
        """Return the first line on standard error: further ones advise."""
        with suppress(BlockingIOError):
            while self._take(self._errors):
                pass
        lines = self._said.decode(errors="replace").strip().splitlines()
        return next((line for line in lines if line.strip()), "ended without a word")


def _start(command: Command, *, stdin: int, merge: bool = False) -> "subprocess.Popen[bytes]":
    # A group of its own, so that a time limit ends the command's children with it.
    return subprocess.Popen(
        command.argv,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merge else subprocess.PIPE,
        env=_environment(command),
        cwd=command.directory,
        start_new_session=True,
    )


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a command and everything it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def interrupt_group(process: "subprocess.Popen[bytes]", *, grace_seconds: float = 10.0) -> None:
    """Ask a command to stop as Ctrl-C would, and kill it when it does not within `grace_seconds`."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=grace_seconds)
    except ProcessLookupError:
        return
    except subprocess.TimeoutExpired:
        end_group(process)
        process.wait()


def _start_failure(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "not found"
    return (error.strerror or str(error)).lower()
