"""The log of a build, and how its failure is told."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from envkit.engines.buildkit_progress import Failure
from envkit.errors import BuildError, RegistryError
from envkit.system.command import Command, Completed, stream_command
from envkit.system.directories import storage_error

BUILD_SECONDS = 4 * 3600.0  # gigabytes over a slow line
_INTERRUPTED = (-signal.SIGINT, 128 + signal.SIGINT)
# BuildKit begins so whatever a registry does with what was built:
# https://github.com/moby/buildkit/blob/master/exporter/containerimage/export.go
_PUSH_FAILED = "failed to push "


@contextmanager
def opened_log(path: str) -> Iterator[Callable[[str], None]]:
    """Open the log of a build and yield what adds a line to it; raises `StorageError`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            yield lambda line: print(line, file=file, flush=True)
    except OSError as error:
        raise storage_error(error, Path(path), "cannot write the log") from error


def run_logged(command: Command, log: str, on_line: Callable[[str], tuple[str, ...]]) -> Completed:
    """Run a builder; `on_line` takes each line that it prints and returns those for the log.

    Raises `StorageError`, and `KeyboardInterrupt` when the user ended the build.
    """
    with opened_log(log) as write:
        write(f"+ {command}")

        def take(line: str) -> None:
            for text in on_line(line):
                write(text)

        completed = stream_command(command, take)
    if completed.status in _INTERRUPTED:
        raise KeyboardInterrupt
    return completed


def build_failure(failure: Failure, log: str, *, ended: str | None = None) -> BuildError | RegistryError:
    """Return the error for a build that failed, or whose image a registry did not take.

    `ended` says how the builder ended where it was not by itself.
    """
    said = failure.lines[-1] if failure.lines else ""
    if ended is None and said.startswith(_PUSH_FAILED):
        return push_failure(said.removeprefix(_PUSH_FAILED).partition(": ")[0], said, log)
    where = (
        "building the image failed" if failure.step is None else f"building the image failed in step: {failure.step}"
    )
    message = where if ended is None else f"building the image {ended}"
    return BuildError(message, facts=failure.lines, hints=(f"less {log}",))


def push_failure(place: str, said: str, log: str) -> RegistryError:
    """Return the error for an image that was built and that its registry did not take."""
    return RegistryError(f"the image was built but cannot be pushed: {place}", facts=(said,), hints=(f"less {log}",))
