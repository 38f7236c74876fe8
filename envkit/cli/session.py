"""One run of the command line: dispatch, and every way in which it can end."""

import errno
import sys
import traceback

from envkit.cli.output import Output
from envkit.cli.streams import flush_stdout, open_streams, silence
from envkit.errors import EnvkitError, ExitStatus, StorageError
from envkit.system.signals import Terminated, heed_termination

# Commands that are typed all the time, and completed by scripts: they start before the full command line is loaded.
_HOT = ("detect", "ls")
_BROKEN_PIPE_STATUS = 141  # as a shell shows a command that SIGPIPE ended
_SIGNAL_BASE = 128  # as a shell shows a command that a signal ended: 128 and the signal's number
_NO_STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def run_session(arguments: tuple[str, ...], flags: frozenset[str]) -> int:
    """Run one command and return its exit status; never raises, and shows a traceback only with `--debug`."""
    open_streams()
    heed_termination()
    output = Output(verbose="verbose" in flags, quiet="quiet" in flags)
    try:
        status = _end_of(arguments, output, flags)
    except BrokenPipeError:
        # The reader of our output has gone, as in `envkit ls | head -1`; there is nobody left to tell.
        silence(sys.stdout)
        silence(sys.stderr)
        status = _BROKEN_PIPE_STATUS
    return flush_stdout(status, failed=int(ExitStatus.NOT_READY))


def _end_of(arguments: tuple[str, ...], output: Output, flags: frozenset[str]) -> int:
    """Run one command and return its exit status, after its failure was shown; raises only `BrokenPipeError`."""
    try:
        return _dispatch(arguments, output)
    except EnvkitError as error:
        return _show_failure(error, arguments, output, flags)
    except KeyboardInterrupt:
        output.line("interrupted")
        return int(ExitStatus.INTERRUPTED)
    except Terminated as end:
        output.line("terminated")
        return _SIGNAL_BASE + end.number
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the border: nothing unexpected may reach the user as a traceback
        return _show_failure(_unexpected(error), arguments, output, flags)


def _show_failure(error: EnvkitError, arguments: tuple[str, ...], output: Output, flags: frozenset[str]) -> int:
    """Show a failure; called while it is handled, so that `--debug` can show where it came from."""
    if "debug" in flags:
        traceback.print_exc()
    output.failure(error, as_json="--json" in _own_arguments(arguments))
    return int(error.status)


def _own_arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    if arguments[:1] == ("exec",):
        return ()
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


def _unexpected(error: Exception) -> EnvkitError:
    """Return what is shown for an exception that nobody expected; a full disk can be met anywhere."""
    if not isinstance(error, OSError) or error.errno is None:
        text = f"{type(error).__name__}: {error}"
    else:
        reason = (error.strerror or str(error)).lower()
        text = f"{reason}: {error.filename}" if error.filename else reason
        if error.errno in _NO_STORAGE:
            return StorageError(f"cannot write: {text}")
    return EnvkitError(f"envkit itself failed: {text}", hints=("run the command again with `--debug`",))
