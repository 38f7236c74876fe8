"""Which devices a binary has code for, read from its bytes as they arrive."""

import re
import struct
from collections.abc import Iterator

from envkit.model.value import Value

_MAGIC = 0xBA55ED50.to_bytes(4, "little")
_CONTAINER = struct.Struct("<4sHHQ")  # magic, version 1, size of this header, size of the entries
_ENTRY = struct.Struct("<HHIQ12xI")  # kind, version, size of this header, size of the code, …, device architecture
_CONTAINER_LIMIT = 2**32
_HEADER_LIMIT = 4096
_PTX, _BINARY = 1, 2
# Libraries hold hundreds of containers, each for one source file: after so many without news the list is complete.
_SETTLED = 60
_OVERLAP = 4096
_NAMES = re.compile(rb"(?:sm|compute)_\d{2,3}[af]?(?: (?:sm|compute)_\d{2,3}[af]?)+\0")
_NAME = re.compile(r"(sm|compute)_(\d{2,3})[af]?")


class DeviceCode(Value):
    """The device architectures that a binary was compiled for."""

    architectures: tuple[str, ...]  # with machine code: sm_80
    ptx: tuple[str, ...]  # with code that the driver compiles: sm_XY for compute_XY


def from_names(names: Iterator[str], *, both: bool = False) -> DeviceCode:
    """Read a list such as `sm_80 compute_90`; `both`: `compute_XY` stands for machine code as well."""
    found = [match for name in names if (match := _NAME.fullmatch(name)) is not None]
    machine = {int(match[2]) for match in found if both or match[1] == "sm"}
    return _code(machine, {int(match[2]) for match in found if match[1] == "compute"})


def find_list(pieces: Iterator[bytes]) -> DeviceCode | None:
    """Return what the first list of architectures in a binary says, reading no further; None when there is none."""
    window = b""
    for piece in pieces:
        window = window[-_OVERLAP:] + piece
        if found := _NAMES.search(window):
            return from_names(iter(found[0][:-1].decode().split()))
    return None


def find_code(pieces: Iterator[bytes]) -> DeviceCode | None:
    """Return the union over the device code containers of a binary (`.nv_fatbin`); None when there is none."""
    flow = _Flow(pieces)
    machine: set[int] = set()
    ptx: set[int] = set()
    containers = quiet = 0
    while quiet < _SETTLED and flow.seek(_MAGIC):
        _, version, header, size = _CONTAINER.unpack(flow.take(_CONTAINER.size).ljust(_CONTAINER.size, b"\0"))
        if version != 1 or header != _CONTAINER.size or size > _CONTAINER_LIMIT:
            continue
        before = len(machine) + len(ptx)
        for kind, number in _entries(flow, size):
            {_PTX: ptx, _BINARY: machine}.get(kind, set()).add(number)
        containers += 1
        quiet = quiet + 1 if len(machine) + len(ptx) == before else 0
    return _code(machine, ptx) if containers else None


class _Flow:
    """Bytes that arrive in pieces, taken in order."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = b""

    def take(self, length: int) -> bytes:
        """Take the next bytes; fewer at the end."""
        pieces = [self._buffer]
        have = len(self._buffer)
        while have < length and (piece := next(self._pieces, b"")):
            pieces.append(piece)
            have += len(piece)
        whole = b"".join(pieces)
        self._buffer = whole[length:]
        return whole[:length]

    def skip(self, length: int) -> None:
        """Leave bytes out without keeping them."""
        left = length
        while left > len(self._buffer):
            left -= len(self._buffer)
            self._buffer = next(self._pieces, b"")
            if not self._buffer:
                return
        self._buffer = self._buffer[left:]

    def seek(self, mark: bytes) -> bool:
        """Go on to the next occurrence of `mark`; False when there is none."""
        while (position := self._buffer.find(mark)) < 0:
            piece = next(self._pieces, b"")
            if not piece:
                return False
            self._buffer = self._buffer[-len(mark) + 1 :] + piece
        self._buffer = self._buffer[position:]
        return True


def _entries(flow: _Flow, size: int) -> Iterator[tuple[int, int]]:
    left = size
    while left >= _ENTRY.size:
        head = flow.take(_ENTRY.size)
        if len(head) < _ENTRY.size:
            return
        kind, _, header, length, number = _ENTRY.unpack(head)
        if not _ENTRY.size <= header <= _HEADER_LIMIT or header + length > left:
            return
        yield kind, number
        flow.skip(header + length - _ENTRY.size)
        left -= header + length


def _code(machine: set[int], ptx: set[int]) -> DeviceCode:
    return DeviceCode(
        architectures=tuple(f"sm_{number}" for number in sorted(machine)),
        ptx=tuple(f"sm_{number}" for number in sorted(ptx)),
    )
