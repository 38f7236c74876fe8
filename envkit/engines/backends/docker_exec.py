"""Running commands inside a container, through `docker exec`."""

import os
import uuid
from shutil import which

import msgspec

from envkit.errors import EngineNotReadyError
from envkit.model.text import strip_controls
from envkit.system.command import Command, Completed, attach_command, run_command

_MARK = "ENVKIT_EXECUTION"
_END_SECONDS = 30.0
# 126 and 127 may also be the command's own; these words are the engine's.
_NOT_STARTED = "OCI runtime exec failed"
_NOT_FOUND = ("executable file not found", "no such file or directory")
_REFUSED = "Error response from daemon:"
# The engine cannot end what it started with exec: its client goes, the process stays. Inside, all processes of an
# execution carry its mark in their environment.
_END_PROGRAM = f"""
import os, signal, sys
mark = ("{_MARK}=" + sys.argv[1]).encode()
found = True
while found:
    found = False
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/" + number + "/environ", "rb") as file:
                if mark in file.read().split(bytes(1)):
                    os.kill(int(number), signal.SIGKILL)
                    found = True
        except OSError:
            continue
"""
# Any image has `sh`; a better shell is taken where there is one.
_SHELL = ("sh", "-c", "command -v bash >/dev/null && exec bash || exec sh")
_QUIET = {"DOCKER_CLI_HINTS": "false"}


def execute_in_container(
    container: str, argv: tuple[str, ...], *, stdin: str | None, timeout_seconds: float
) -> Completed:
    """Run a command inside and capture what it prints; its time limit, and an interrupt, end it inside as well."""
    mark = uuid.uuid4().hex
    interactive = () if stdin is None else ("--interactive",)
    command = Command(
        argv=(_client(), "exec", *interactive, "--env", f"{_MARK}={mark}", "--", container, *argv),
        environment=_QUIET,
        stdin=stdin,
        timeout_seconds=timeout_seconds,
    )
    try:
        completed = run_command(command)
    except BaseException:
        _end(container, mark)
        raise
    if completed.failure is not None:
        _end(container, mark)
        return completed
    return _with_refusal(completed)


def attach_to_container(container: str, argv: tuple[str, ...], *, interactive: bool) -> int:
    """Run a command inside, or a shell, on this process's terminal and return its exit status."""
    terminal = ("--tty",) if interactive else ()
    # The engine would say `xterm` whatever the terminal is.
    kind = ("--env", "TERM") if interactive and "TERM" in os.environ else ()
    command = (_client(), "exec", "--interactive", *terminal, *kind, "--", container, *(argv or _SHELL))
    return attach_command(Command(argv=command, environment=_QUIET, timeout_seconds=float("inf")))


def _client() -> str:
    client = which("docker")
    if client is None:
        message = "no `docker` command on the search path"
        raise EngineNotReadyError(message, hints=("apt-get install docker-cli",))
    return client


def _end(container: str, mark: str) -> None:
    command = (_client(), "exec", "--", container, "python", "-I", "-c", _END_PROGRAM, mark)
    run_command(Command(argv=command, environment=_QUIET, timeout_seconds=_END_SECONDS))


def _with_refusal(completed: Completed) -> Completed:
    """Tell a command that ended from one that the engine did not start."""
    said = completed.stderr + completed.stdout
    if completed.status in {126, 127} and _NOT_STARTED in said:
        found = not any(words in said for words in _NOT_FOUND)
        return Completed(failure=strip_controls(said.strip()) if found else "not found", seconds=completed.seconds)
    if completed.status == 1 and completed.stderr.startswith(_REFUSED):
        reason = completed.stderr.removeprefix(_REFUSED).strip()
        return msgspec.structs.replace(completed, status=None, failure=strip_controls(reason))
    return completed
