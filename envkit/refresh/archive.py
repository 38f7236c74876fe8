"""A zip file on a server, of which only the wanted members are read, by ranges."""

import struct
import zlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Protocol

from envkit.errors import DataError
from envkit.model.address import display_url
from envkit.model.value import Value
from envkit.system.http import Part

_TAIL_BYTES = 65536
_PIECE_BYTES = 2**20  # unpacked at once
_DIRECTORY_LIMIT = 64 * 2**20
_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_SLACK = 1024  # the local header may carry more extra fields than the directory says
_MAX32 = 0xFFFFFFFF
_MAX16 = 0xFFFF
_STORED, _DEFLATED = 0, 8


class Ranges(Protocol):
    """What reads parts of files; see `envkit.system.http.Client`."""

    def read_end(self, url: str, length: int) -> Part:
        """Read the last bytes of a file."""
        ...

    def stream(self, url: str, first: int, length: int) -> Iterator[bytes]:
        """Read a part of a file piece by piece."""
        ...


class Member(Value):
    """One file of the archive."""

    name: str
    offset: int  # of its local header
    compressed: int  # bytes
    size: int  # bytes
    crc: int
    method: int


class Archive:
    """The members of a zip file; everything that is wrong with the file is a `DataError`."""

    def __init__(self, ranges: Ranges, url: str) -> None:
        self._ranges = ranges
        self._url = url
        self._tail = ranges.read_end(url, _TAIL_BYTES)
        self.members = _members(self._directory(), self._fail)

    def find(self, pattern: str) -> tuple[Member, ...]:
        """Return the members whose name fits a pattern with `*`, in the order of the archive."""
        return tuple(member for member in self.members if fnmatchcase(member.name, pattern))

    def read(self, member: Member, *, limit_bytes: int = 4 * 2**20) -> bytes:
        """Read a whole member and check it against its checksum."""
        if member.size > limit_bytes:
            raise self._fail(f"`{member.name}` is longer than {limit_bytes // 1024} KiB")
        body = bytearray()
        for piece in self.stream(member):
            body += piece
            if len(body) > member.size:
                break
        if len(body) != member.size or zlib.crc32(body) != member.crc:
            raise self._fail(f"the checksum of `{member.name}` is wrong")
        return bytes(body)

    def stream(self, member: Member, *, limit_bytes: int | None = None) -> Iterator[bytes]:
        """Yield a member piece by piece, of at most `limit_bytes` compressed ones; without a check of its checksum."""
        wanted = member.compressed if limit_bytes is None else min(member.compressed, limit_bytes)
        length = _LOCAL.size + len(member.name.encode()) + _LOCAL_SLACK + wanted
        length = min(length, self._tail.total - member.offset)
        pieces = self._content(self._bytes(member.offset, length), wanted, member)
        if member.method == _STORED:
            return pieces
        if member.method == _DEFLATED:
            return _inflate(pieces, self._fail)
        raise self._fail(f"`{member.name}` is compressed in a way that is not known here: {member.method}")

    def _content(self, pieces: Iterator[bytes], wanted: int, member: Member) -> Iterator[bytes]:
        """Cut the local header off, and what follows the member."""
        head = b""
        for piece in pieces:
            head += piece
            if len(head) >= _LOCAL.size:
                break
        start = self._content_start(head, member)
        left = wanted
        for piece in _after(head, start, pieces):
            yield from _filled(piece[:left])
            left -= len(piece)
            if left <= 0:
                return

    def _content_start(self, head: bytes, member: Member) -> int:
        if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
            raise self._fail(f"no member begins where the directory says: `{member.name}`")
        *_, name_length, extra_length = _LOCAL.unpack_from(head)
        return _LOCAL.size + int(name_length) + int(extra_length)

    def _directory(self) -> bytes:
        offset, size, count = self._place_of_directory()
        if size > _DIRECTORY_LIMIT or offset + size > self._tail.total or count * _ENTRY.size > size:
            raise self._fail("its directory does not fit into it")
        directory = b"".join(self._bytes(offset, size))
        if len(directory) != size:
            raise self._fail("its directory is cut short")
        return directory

    def _place_of_directory(self) -> tuple[int, int, int]:
        tail = self._tail.body
        position = tail.rfind(b"PK\x05\x06")
        if position < 0 or len(tail) - position < _END.size:
            raise self._fail("no directory at its end")
        *_, count, size, offset, _ = _END.unpack_from(tail, position)
        if _MAX32 not in {size, offset} and count != _MAX16:
            return int(offset), int(size), int(count)
        start = position - _END64_LOCATOR.size
        if start < 0 or tail[start : start + 4] != b"PK\x06\x07":
            # A count of 65,535 is possible without ZIP64.
            return int(offset), int(size), int(count)
        _, _, place, _ = _END64_LOCATOR.unpack_from(tail, start)
        record = b"".join(self._bytes(place, _END64.size)) if place + _END64.size <= self._tail.total else b""
        if len(record) != _END64.size or not record.startswith(b"PK\x06\x06"):
            raise self._fail("its ZIP64 record is not where its end says")
        *_, count, size, offset = _END64.unpack(record)
        return int(offset), int(size), int(count)

    def _bytes(self, first: int, length: int) -> Iterator[bytes]:
        """Return a part of the file, from what was read already where that has it."""
        start = first - self._tail.first
        if start >= 0:
            return iter((self._tail.body[start : start + length],))
        return self._ranges.stream(self._url, first, length)

    def _fail(self, what: str) -> DataError:
        return DataError(f"not a whole zip file ({what}): {display_url(self._url)}")


class _Fail(Protocol):
    def __call__(self, what: str, /) -> DataError: ...


def _members(directory: bytes, fail: _Fail) -> tuple[Member, ...]:
    members: list[Member] = []
    position = 0
    while position < len(directory):
        if directory[position : position + 4] != b"PK\x01\x02" or len(directory) - position < _ENTRY.size:
            raise fail("its directory holds something else")
        entry = _ENTRY.unpack_from(directory, position)
        method, crc, compressed, size = entry[4], entry[7], entry[8], entry[9]
        name_end = position + _ENTRY.size + entry[10]
        name = directory[position + _ENTRY.size : name_end].decode(errors="replace")
        extra = directory[name_end : name_end + entry[11]]
        size, compressed, offset = _wide(extra, (size, compressed, entry[16]))
        members.append(Member(name=name, offset=offset, compressed=compressed, size=size, crc=crc, method=method))
        position = name_end + entry[11] + entry[12]
    return tuple(members)


def _wide(extra: bytes, values: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return size, compressed size and offset; those of more than 32 bits stand in an extra field (ZIP64)."""
    if _MAX32 not in values:
        return values
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            field = extra[position + 4 : position + 4 + length]
            numbers = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            size, compressed, offset = (next(numbers, value) if value == _MAX32 else value for value in values)
            return size, compressed, offset
        position += 4 + length
    return values


def _after(head: bytes, start: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what follows the first `start` bytes of `head` and the pieces after it."""
    skipped = start
    yield head[skipped:]
    skipped = max(0, skipped - len(head))
    for piece in pieces:
        yield piece[skipped:]
        skipped = max(0, skipped - len(piece))


def _inflate(pieces: Iterator[bytes], fail: _Fail) -> Iterator[bytes]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                yield from _filled(stream.decompress(rest, _PIECE_BYTES))
                rest = stream.unconsumed_tail
        yield from _filled(stream.flush())
    except zlib.error as error:
        raise fail(f"a member cannot be unpacked, {error}") from error


def _filled(piece: bytes) -> tuple[bytes, ...]:
    return (piece,) if piece else ()
