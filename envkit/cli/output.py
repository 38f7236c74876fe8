"""What the commands print: data on stdout, everything else on stderr, colours only on a terminal that wants them."""

import os
import sys
from collections.abc import Callable

from envkit.cli.streams import silence, write_error
from envkit.errors import EnvkitError, StorageError
from envkit.model.text import strip_controls
from envkit.model.value import Value, to_json

_RED, _GREEN, _CYAN, _BOLD, _RESET = "\033[31m", "\033[32m", "\033[36m", "\033[1m", "\033[0m"


class Failure(Value, tag_field="format", tag="envkit-error/1"):
    """A failure as `--json` prints it."""

    code: str
    status: int
    message: str
    facts: tuple[str, ...]
    hints: tuple[str, ...]


class Output:
    """The two streams of one run."""

    def __init__(self, *, verbose: bool = False, quiet: bool = False) -> None:
        self.verbose = verbose
        self.quiet = quiet
        self.colour = _wants_colour()
        self.terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ

    def data(self, text: str) -> None:
        """Print a result on stdout; raises `StorageError` when it cannot be written."""
        try:
            sys.stdout.write(text if text.endswith("\n") else text + "\n")
        except BrokenPipeError:
            raise
        except OSError as error:
            silence(sys.stdout)
            raise StorageError(f"cannot write the output: {(error.strerror or str(error)).lower()}") from error

    def line(self, text: str) -> None:
        """Print a line for people on stderr."""
        write_error(text)

    def stage(self, label: str, text: str) -> None:
        """Print the result of a stage, unless `--quiet`."""
        if not self.quiet:
            self.line(f"{self.paint(f'{label:>10}', _BOLD + _GREEN)}  {strip_controls(text)}")

    def note(self, text: str) -> None:
        """Print an explanation below the last stage, unless `--quiet`."""
        if not self.quiet:
            self.line(f"{'':>10}  {self.paint(strip_controls(text), '')}")

    def failure(self, error: EnvkitError, *, as_json: bool = False) -> None:
        """Print a failure on stderr, and with `as_json` also as data on stdout."""
        self.line(error_text(error, self.paint))
        if as_json:
            failure = Failure(
                code=error.code,
                status=int(error.status),
                message=error.message,
                facts=error.facts,
                hints=error.hints,
            )
            self.data(to_json(failure))

    def confirm(self, question: str) -> bool:
        """Ask a yes-or-no question on the terminal; False where nobody can answer."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        sys.stderr.write(f"{strip_controls(question)} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def paint(self, text: str, colour: str) -> str:
        """Return `text` in a colour where colours are wanted."""
        return f"{colour}{text}{_RESET}" if self.colour and colour else text


def error_text(error: EnvkitError, paint: Callable[[str, str], str]) -> str:
    """Return a failure as it is shown to people: what happened, the facts behind it, hints that can be pasted."""
    lines = [f"{paint(f'error[{error.code}]', _BOLD + _RED)}: {strip_controls(error.message)}"]
    for fact in error.facts:
        lines += [f"  {strip_controls(line)}" for line in fact.splitlines()]
    for hint in error.hints:
        first, *rest = hint.splitlines() or [""]
        lines.append(f"{paint('hint', _BOLD + _CYAN)}: {strip_controls(first)}")
        lines += [f"      {strip_controls(line)}" for line in rest]  # a command stands alone, to be copied whole
    return "\n".join(lines)


def _wants_colour() -> bool:
    """Follow NO_COLOR, CLICOLOR_FORCE, CI and TERM=dumb; else colour on a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ
