"""Pieces of what vendors' tools print for people: blocks of lines, addresses, sizes and names."""

import re
from collections.abc import Iterator

from envkit.detect.pci import full_address

ADDRESS = r"(?:[0-9A-Fa-f]{1,8}:)?[0-9A-Fa-f]{2}:[0-9A-Fa-f]{1,2}\.[0-7]"
_ADDRESS = re.compile(rf"(?<![\w:]){ADDRESS}(?!\w)")
# Where the table of devices ends and that of processes begins.
_PROCESSES = re.compile(r"^.*\bprocess(?:es\b|\s*:|\s+id\b)", re.MULTILINE | re.IGNORECASE)
_SIZE = re.compile(r"(?P<number>\d{1,9})\s*(?P<unit>MiB|MB|M|GiB|GB|G)\b")
_GIGABYTES = ("GiB", "GB", "G")
_VERSION = re.compile(r"\d+(?:\.\w+)+(?:[-+.]\w+)*")
# Donors of recordings, and some releases of the tools, put x in the place of what nobody shall read.
_MASKED = re.compile(r"x{2,}|\*{2,}")
_NO_NAMES = frozenset({"", "-", "n/a", "na", "unknown", "none"})


def blocks(text: str, begins: re.Pattern[str]) -> Iterator[tuple[re.Match[str], str]]:
    """Yield each match that begins a device, with the lines from there to the next one or to the processes."""
    end = _PROCESSES.search(text)
    head = text if end is None else text[: end.start()]
    matches = list(begins.finditer(head))
    stops = [match.start() for match in matches[1:]] + [len(head)]
    for match, stop in zip(matches, stops, strict=False):
        yield match, head[match.start() : stop]


def cells(line: str) -> tuple[str, ...]:
    """Return the cells of one line of a table, whatever their width."""
    return tuple(cell.strip() for cell in line.strip().strip("|*").split("|"))


def find_address(text: str) -> str | None:
    """Return the first PCI address in a text as sysfs writes it; `00:3d:0.0` is 0000:3d:00.0."""
    match = _ADDRESS.search(text)
    if match is None:
        return None
    start, _, place = match[0].rpartition(":")
    return full_address(f"{start}:{place.zfill(4)}")


def find_mib(text: str) -> int | None:
    """Return the first size in a text in MiB, or None for none and for zero; tools mean MiB where they write MB."""
    match = _SIZE.search(text)
    if match is None:
        return None
    return int(match["number"]) * (1024 if match["unit"] in _GIGABYTES else 1) or None


def find_version(text: str) -> str | None:
    """Return the version that a text begins with, without a `v`: `v5.10.13` is 5.10.13; None for `N/A`."""
    match = _VERSION.match(text.strip().removeprefix("v"))
    return None if match is None else match[0]


def told(name: str | None) -> str | None:
    """Return a name, or None when it is masked or says that there is none."""
    text = (name or "").strip()
    return None if text.lower() in _NO_NAMES or _MASKED.search(text) else text


def unread(text: str) -> str:
    """Return why nothing was read from a text: its first line, which is often an error."""
    return text.strip().partition("\n")[0][:200] or "printed nothing"
