"""Host facts as the commands get them: from this machine, from a file, from standard input."""

import sys
from pathlib import Path

from envkit.detect import detect_host
from envkit.errors import DataError
from envkit.model.host import HostFacts
from envkit.system.directories import data_directory
from envkit.system.live import LiveHost

_LARGEST_FILE = 1024 * 1024


def live_facts() -> HostFacts:
    """Detect this machine."""
    return detect_host(LiveHost(), data_directory=str(data_directory()))


def read_host(path: str) -> HostFacts:
    """Read an `envkit-host/1` file, JSON or YAML, `-` for standard input; raises `DataError`."""
    from envkit.data import decode_document  # not needed where this machine is looked at

    return decode_document(read_text(path), _title(path), HostFacts)


def read_text(path: str) -> str:
    """Return the text of a file that the user named; raises `DataError` when it cannot be read."""
    try:
        if path == "-":
            content = sys.stdin.buffer.read(_LARGEST_FILE + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        message = f"cannot read the file ({(error.strerror or str(error)).lower()}): {path}"
        raise DataError(message) from error
    if len(content) > _LARGEST_FILE:
        message = f"the file is larger than 1 MiB: {_title(path)}"
        raise DataError(message)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8 (byte {error.start}): {_title(path)}"
        raise DataError(message) from error


def _title(path: str) -> str:
    return "standard input" if path == "-" else path
