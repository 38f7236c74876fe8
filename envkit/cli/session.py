"""One run of the command line: dispatch, and every way in which it can end."""

import os
import sys
import traceback

from envkit.cli.output import Output
from envkit.errors import EnvkitError, ExitStatus

# Commands that are typed all the time, and completed by scripts: they start before the full command line is loaded.
_HOT = ("detect", "ls")


def run_session(arguments: tuple[str, ...], flags: frozenset[str]) -> int:
    """Run one command and return its exit status; never raises, and shows a traceback only with `--debug`."""
    output = Output(verbose="verbose" in flags, quiet="quiet" in flags)
    try:
        status = _dispatch(arguments, output)
        sys.stdout.flush()
    except EnvkitError as error:
        if "debug" in flags:
            traceback.print_exc()
        output.failure(error, as_json="--json" in _own_arguments(arguments))
        status = int(error.status)
    except KeyboardInterrupt:
        output.line("interrupted")
        status = int(ExitStatus.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone, as in `envkit ls | head -1`; there is nobody left to tell.
        _silence_stdout()
        status = 141
    except Exception as error:  # noqa: BLE001 - the border: nothing unexpected may reach the user as a traceback
        status = _internal_error(error, output, debug="debug" in flags)
    return _flushed(status, output)


def _own_arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _dispatch(arguments: tuple[str, ...], output: Output) -> int:
    command = arguments[0] if arguments else ""
    if command in _HOT:
        from envkit.cli.hot import run_hot

        status = run_hot(command, arguments[1:], output)
        if status is not None:
            return status
    from envkit.cli.application import run_application

    return run_application(arguments, output)


def _internal_error(error: Exception, output: Output, *, debug: bool) -> int:
    if isinstance(error, OSError) and error.errno is not None:
        text = f"{(error.strerror or str(error)).lower()}: {error.filename}" if error.filename else str(error)
    else:
        text = f"{type(error).__name__}: {error}"
    if debug:
        traceback.print_exc()
    output.failure(EnvkitError(f"envkit itself failed: {text}", hints=("run the command again with `--debug`",)))
    return int(ExitStatus.INTERNAL)


def _silence_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _flushed(status: int, output: Output) -> int:
    """Flush stdout, whose device may be full or closed, before the interpreter does so with a traceback."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
    except OSError as error:
        _silence_stdout()
        output.line(f"error: cannot write the output: {(error.strerror or str(error)).lower()}")
        return int(ExitStatus.NOT_READY)
    return status
