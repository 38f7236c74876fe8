"""The standard streams of this process, which may be closed, full, or unable to show every character."""

import os
import sys
from contextlib import suppress
from typing import TextIO

_STREAMS = ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w"))


def open_streams() -> None:
    """Give this process the streams that its parent closed, as the null device, and let no character stop the output.

    A descriptor that stays closed would be taken by the next file that is opened, and outputs would land in it.
    """
    for descriptor, name, mode in _STREAMS:
        if getattr(sys, name) is None:
            _open_null(descriptor)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def silence(stream: TextIO) -> None:
    """Lead a stream that cannot be written to the null device, so that the interpreter's last flush says nothing."""
    _open_null(stream.fileno())


def write_error(text: str) -> None:
    """Write a line to stderr; where nobody can be told, because it is full or its terminal is gone, go on without.

    Raises `BrokenPipeError` when its reader has gone, as in `envkit up pytorch 2>&1 | head -1`.
    """
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        raise
    except OSError:
        silence(sys.stderr)


def flush_stdout(status: int, *, failed: int) -> int:
    """Write out what is left and return `status`; where that cannot be written say so and return `failed`.

    After a failure that was shown already, its status stays.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        if status:
            return status
        with suppress(BrokenPipeError):
            write_error(f"error: cannot write the output: {(error.strerror or str(error)).lower()}")
        return failed
    return status


def _open_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:
        os.dup2(null, descriptor)
        os.close(null)
