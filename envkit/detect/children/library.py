"""What the children that ask a vendor's library share. They are scripts: envkit itself is not imported here.

A library whose device fell off the bus hangs in the kernel, and some end the process that loads them, so that none is
loaded into envkit's own process. A child prints one JSON document; see `envkit/detect/sources/library.py` for its form.
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable

MOST_DEVICES = 4096  # more than any machine has: a count beyond is a lie
_ROOM = 1 << 17  # bytes
_MOST_MEMORY = 1 << 50  # bytes; likewise


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


def asked(library: ctypes.CDLL, name: str, *arguments: object) -> bool:
    """Call a function and tell whether it answered; False also where this release of the library has none so named."""
    function = getattr(library, name, None)
    return function is not None and function(*arguments) == 0


def counted(count: int, most: int = MOST_DEVICES) -> range:
    """Return the numbers below a count that a library told; raises `LibraryError` for a count that cannot be."""
    if not 0 <= count <= most:
        message = f"counts {count} devices, which cannot be"
        raise LibraryError(message)
    return range(count)


def room(kind: type[ctypes.Structure]) -> bytearray:
    """Return zeroed memory for a struct, with more behind it, where a newer release may write what it has added."""
    return bytearray(ctypes.sizeof(kind) + _ROOM)


def memory_bytes(size: int, unit: int = 1) -> int | None:
    """Return a size in bytes, `unit` being those of one; None for zero and for a size that cannot be."""
    return size * unit if 0 < size * unit < _MOST_MEMORY else None


def pci_address(domain: int, bus: int, device: int, function: int = 0) -> str:
    """Return an address on the PCI bus as sysfs writes it."""
    return f"{domain:04x}:{bus:02x}:{device:02x}.{function:x}"


def exported(library: ctypes.CDLL, *names: str) -> Callable[..., int]:
    """Return the first of some functions that a library has; raises `LibraryError` when it has none of them."""
    for name in names:
        function: Callable[..., int] | None = getattr(library, name, None)
        if function is not None:
            return function
    message = f"the library has no function {names[0]}"
    raise LibraryError(message)


def text(raw: bytes) -> str | None:
    """Return a C string, or None for an empty one and for what is no text."""
    try:
        decoded = raw.partition(b"\0")[0].decode().strip()
    except UnicodeDecodeError:
        return None
    return decoded if decoded and decoded.isprintable() else None


def print_answer(ask: Callable[[], dict[str, object]]) -> None:
    """Print what `ask` returns, or why it failed; a failure ends the child with status 1, so that it is not kept.

    What the library itself prints is dropped, however much it is; its own clean-up, in which some hang or crash, is
    left out.
    """
    answer = os.fdopen(os.dup(1), "w")
    sys.stderr = os.fdopen(os.dup(2), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        document = ask()
    except LibraryError as error:
        document = {"error": str(error)}
    except AttributeError as error:  # ctypes: the library has no such function, as one of another generation
        document = {"error": str(error)}
    json.dump(document, answer)
    answer.flush()
    os._exit(1 if "error" in document else 0)
