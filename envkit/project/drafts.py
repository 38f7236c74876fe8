"""What another tool's file asks for, in envkit's words: what importers make of a file, before it is recognised."""

from collections.abc import Callable, Iterable

from envkit.model.text import check_text
from envkit.model.value import Value

Read = Callable[[str], str]
"""Reads a file that another one names; raises `DataError`."""


class Line(Value):
    """A text and where it stands: `requirements.txt:3`."""

    text: str
    place: str


class LeftOut(Value):
    """What is not carried over, and why."""

    what: str
    place: str
    reason: str
    lost: bool = True  # False: envkit decides this by itself, so that nobody misses it


class Draft(Value):
    """What a file of another tool asks for."""

    source: str  # path
    name: str | None = None
    python: str | None = None  # range
    lines: tuple[Line, ...] = ()  # requirements as PEP 508 has them
    constraints: tuple[Line, ...] = ()  # paths of constraints files
    system_packages: tuple[str, ...] = ()
    image: str | None = None
    index: Line | None = None  # address of the main index
    extra_indexes: tuple[Line, ...] = ()
    ports: tuple[int, ...] = ()
    mounts: tuple[str, ...] = ()
    env: dict[str, str] = {}
    shm: str | None = None
    command: str | tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def make_lines(texts: Iterable[tuple[str, str]]) -> tuple[Line, ...]:
    """Return requirements with their places; raises `UnsafeTextError` for text that has no place in a file."""
    return tuple(Line(text=check_text(text, f"a requirement ({place})"), place=place) for text, place in texts)
