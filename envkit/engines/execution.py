"""Running commands inside a container, through the `exec` of its engine's command."""

import os
import uuid
from shutil import which

import msgspec

from envkit.errors import EngineNotReadyError
from envkit.model.text import strip_controls
from envkit.system.command import Command, Completed, attach_command, run_command

_MARK = "ENVKIT_EXECUTION"
_END_SECONDS = 30.0
_NOT_FOUND = ("executable file not found", "not found in $PATH", "no such file or directory")
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


class CommandLine(msgspec.Struct, frozen=True, kw_only=True):
    """The command of an engine, and the words by which it tells its own failures from those of what it runs."""

    program: str
    package: str  # that brings it, on Debian and its kin
    environment: dict[str, str] = {}
    not_started: tuple[str, ...]  # with status 126 or 127, which may also be the command's own
    refused: tuple[str, ...]  # how its message begins when there is nothing to run in
    refused_statuses: frozenset[int]

    def path(self) -> str:
        """Return where the command is; raises `EngineNotReadyError`."""
        client = which(self.program)
        if client is None:
            message = f"no `{self.program}` command on the search path"
            raise EngineNotReadyError(message, hints=(f"apt-get install {self.package}",))
        return client


class Execution:
    """Runs commands in the containers of one engine."""

    def __init__(self, client: CommandLine) -> None:
        self._client = client

    def execute(self, container: str, argv: tuple[str, ...], *, stdin: str | None, timeout_seconds: float) -> Completed:
        """Run a command inside and capture what it prints; its time limit, and an interrupt, end it inside as well."""
        mark = uuid.uuid4().hex
        interactive = () if stdin is None else ("--interactive",)
        command = self._command(
            (*interactive, "--env", f"{_MARK}={mark}", "--", container, *argv),
            stdin=stdin,
            timeout_seconds=timeout_seconds,
        )
        try:
            completed = run_command(command)
        except BaseException:
            self._end(container, mark)
            raise
        if completed.failure is not None:
            self._end(container, mark)
            return completed
        return self._with_refusal(completed)

    def attach(self, container: str, argv: tuple[str, ...], *, interactive: bool) -> int:
        """Run a command inside, or a shell, on this process's terminal and return its exit status."""
        terminal = ("--tty",) if interactive else ()
        # The engine would say `xterm` whatever the terminal is.
        kind = ("--env", "TERM") if interactive and "TERM" in os.environ else ()
        arguments = ("--interactive", *terminal, *kind, "--", container, *(argv or _SHELL))
        return attach_command(self._command(arguments, timeout_seconds=float("inf")))

    def _command(self, arguments: tuple[str, ...], *, stdin: str | None = None, timeout_seconds: float) -> Command:
        return Command(
            argv=(self._client.path(), "exec", *arguments),
            environment=self._client.environment,
            stdin=stdin,
            timeout_seconds=timeout_seconds,
        )

    def _end(self, container: str, mark: str) -> None:
        arguments = ("--", container, "python", "-I", "-c", _END_PROGRAM, mark)
        run_command(self._command(arguments, timeout_seconds=_END_SECONDS))

    def _with_refusal(self, completed: Completed) -> Completed:
        """Tell a command that ended from one that the engine did not start."""
        said = completed.stderr + completed.stdout
        if completed.status in {126, 127} and any(words in said for words in self._client.not_started):
            found = not any(words in said for words in _NOT_FOUND)
            return Completed(failure=strip_controls(said.strip()) if found else "not found", seconds=completed.seconds)
        refusal = next((words for words in self._client.refused if completed.stderr.startswith(words)), None)
        if completed.status in self._client.refused_statuses and refusal is not None:
            reason = completed.stderr.removeprefix("Error response from daemon:").removeprefix("Error:").strip()
            return msgspec.structs.replace(completed, status=None, failure=strip_controls(reason))
        return completed
