"""What the children that ask a vendor's library share. They are scripts: envkit itself is not imported here.

A library whose device fell off the bus hangs in the kernel, and some end the process that loads them, so that none is
loaded into envkit's own process. A child prints one JSON document; see `envkit/detect/sources/library.py` for its form.
"""

import ctypes
import json
import sys
from collections.abc import Callable


class LibraryError(Exception):
    """A library is missing, or its first call failed."""


def open_library(*names: str) -> ctypes.CDLL:
    """Load the first of some libraries that the loader finds; raises `LibraryError` with the loader's words."""
    said = ""
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            said = said or str(error)
    raise LibraryError(said)


def checked(status: int, what: str) -> None:
    """Raise `LibraryError` for a status other than 0, naming the call."""
    if status != 0:
        message = f"{what} returned {status}"
        raise LibraryError(message)


def text(raw: bytes) -> str | None:
    """Return a C string, or None for an empty one."""
    return raw.partition(b"\0")[0].decode(errors="replace").strip() or None


def print_answer(ask: Callable[[], dict[str, object]]) -> None:
    """Print what `ask` returns, or why it failed."""
    try:
        document = ask()
    except LibraryError as error:
        document = {"error": str(error)}
    except AttributeError as error:  # ctypes: the library has no such function, as one of another generation
        document = {"error": str(error)}
    json.dump(document, sys.stdout)
