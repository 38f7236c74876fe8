"""How `up` shows its work: lines in CI and files, a spinner with the current step on a terminal."""

import time
from typing import TYPE_CHECKING, Self

from envkit.cli.output import Output
from envkit.engines.protocol import Progress
from envkit.model.text import strip_controls
from envkit.system.directories import state_directory
from envkit.system.log import new_log

if TYPE_CHECKING:
    from rich.status import Status

# Plain output says how a long step goes on only this often.
_PLAIN_INTERVAL_SECONDS = 10.0


class CommandReporter:
    """The pipeline's reporter for one command."""

    def __init__(self, output: Output, command: str, *, assume_yes: bool = False) -> None:
        self._output = output
        self._command = command
        self._assume_yes = assume_yes
        self._status: Status | None = None
        self._last_line = 0.0
        self.terminal = output.terminal and not output.quiet

    def stage(self, label: str, text: str) -> None:
        """Say that a stage has come to a result."""
        self.pause()
        self._output.stage(label, text)

    def note(self, text: str) -> None:
        """Say something that explains the result."""
        self.pause()
        self._output.note(text)

    def progress(self, progress: Progress) -> None:
        """Show how far a long step has come."""
        if self._output.quiet:
            return
        text = strip_controls(_progress_text(progress))
        if self.terminal:
            self._spin(text)
        elif not progress.finished and (progress.done is None or self._due()):
            self._output.note(text)

    def confirm(self, question: str) -> bool:
        """Ask the user, or take the answer that `-y` gave."""
        self.pause()
        return self._assume_yes or self._output.confirm(question)

    def new_log(self) -> str:
        """Make the log file of a build and return its path."""
        self.pause()
        return str(new_log(state_directory() / "log", self._command))

    def pause(self) -> None:
        """Take the spinner off the terminal, so that something else can be written there."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        self.pause()

    def _spin(self, text: str) -> None:
        from rich.console import Console  # 15 ms that plain output must not pay
        from rich.markup import escape
        from rich.status import Status

        console = Console(stderr=True, highlight=False) if self._status is None else self._status.console
        # A line that wraps would leave its first half behind at each turn of the spinner.
        room = max(console.width - len("* ") - 1, 1)
        line = escape(text if len(text) <= room else f"{text[: room - 1]}\N{HORIZONTAL ELLIPSIS}")
        if self._status is None:
            self._status = Status(line, console=console)
            self._status.start()
        else:
            self._status.update(line)

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._last_line < _PLAIN_INTERVAL_SECONDS:
            return False
        self._last_line = now
        return True


def _progress_text(progress: Progress) -> str:
    if progress.total:
        mebibytes = (progress.done or 0) / 2**20
        return f"{progress.text}  {mebibytes:.1f} of {progress.total / 2**20:.1f} MiB"
    if progress.done:
        return f"{progress.text}  {progress.done / 2**20:.1f} MiB"
    return progress.text
