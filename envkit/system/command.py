"""The one runner of outside commands: argument tuples, never a shell, never without a time limit."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping

import msgspec

from envkit.system.signals import Terminated

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
