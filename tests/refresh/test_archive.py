import io
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envkit.errors import DataError, IndexUnreachableError
from envkit.model.sources import PackageSources
from envkit.refresh.archive import Archive
from envkit.system.http import Client, Part

Serve = Callable[[Path], Any]
BIG = random.Random(4).randbytes(400_000)  # noqa: S311 - must not compress


class Bytes:
    """Parts of bytes in memory."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def read_end(self, url: str, length: int) -> Part:
        assert url
        first = max(0, len(self.body) - length)
        return Part(body=self.body[first:], first=first, total=len(self.body))

    def stream(self, url: str, first: int, length: int) -> Any:  # noqa: ANN401 - an iterator of bytes
        assert url
        for position in range(first, min(first + length, len(self.body)), 1000):
            yield self.body[position : min(position + 1000, first + length)]


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def test_single_members_of_a_big_file_are_read_without_the_rest(tmp_path: Path, serve_ranges: Serve) -> None:
    (tmp_path / "a.whl").write_bytes(zipped(big=BIG, small=b"hello", other=BIG))
    server = serve_ranges(tmp_path)
    client = Client(PackageSources())
    archive = Archive(client, server.url.replace("simple", "files/a.whl"))
    (member,) = archive.find("sm*")
    assert archive.read(member) == b"hello"
    assert [one.name for one in archive.members] == ["big", "small", "other"]
    assert client.bytes < 70_000
    assert client.requests == len(server.seen) == 2


def test_a_big_member_is_streamed_and_can_be_left_early(tmp_path: Path, serve_ranges: Serve) -> None:
    (tmp_path / "a.whl").write_bytes(zipped(big=BIG * 20, end=b"x" * 70_000 + BIG[:70_000]))
    client = Client(PackageSources())
    archive = Archive(client, serve_ranges(tmp_path).url.replace("simple", "files/a.whl"))
    (big,) = archive.find("big")
    pieces = archive.stream(big)
    first = next(pieces)
    assert first == (BIG * 20)[: len(first)]
    pieces.close()  # type: ignore[attr-defined]
    assert client.bytes < 1_000_000
    assert b"".join(archive.stream(big)) == BIG * 20
    limited = b"".join(archive.stream(big, limit_bytes=300_000))
    assert 290_000 < len(limited) < 310_000


def test_stored_members_and_large_directories_are_read() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(3000):
            archive.writestr(f"frame/file-with-a-long-name-{number}", str(number))
    found = Archive(Bytes(buffer.getvalue()), "u")
    assert len(found.members) == 3000
    (member,) = found.find("frame/file-with-a-long-name-17")
    assert found.read(member) == b"17"


def test_zip64_is_read() -> None:
    body = zipped(small=b"hello")
    end = body.rfind(b"PK\x05\x06")
    directory = body.rfind(b"PK\x01\x02")
    entry = bytearray(body[directory:end])
    # The sizes and the offset move into an extra field, the place of the directory into a record of its own.
    compressed, size = struct.unpack_from("<LL", entry, 20)
    struct.pack_into("<LL", entry, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<L", entry, 42, 0xFFFFFFFF)
    extra = struct.pack("<HH", 0x9999, 2) + b"zz" + struct.pack("<HHQQQ", 1, 24, size, compressed, 0)
    struct.pack_into("<H", entry, 30, len(extra))
    whole = body[:directory] + bytes(entry) + extra
    record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(entry) + len(extra), directory)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(whole), 1)
    last = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 1, 1, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    archive = Archive(Bytes(whole + record + locator + last), "u")
    assert archive.read(archive.members[0]) == b"hello"


@pytest.mark.parametrize("length", [0, 1, 21, 60, 200])
def test_a_truncated_file_is_named_as_such(length: int) -> None:
    with pytest.raises(DataError, match=r"not a whole zip file \(.*\): u$"):
        Archive(Bytes(zipped(one=b"1" * 500, two=BIG)[:length]), "u")


def test_a_wrong_checksum_is_found() -> None:
    body = zipped(one=b"hello").replace(b"PK\x01\x02", b"PK\x01\x02")
    at = body.rfind(b"PK\x01\x02") + 16
    archive = Archive(Bytes(body[:at] + b"\0\0\0\0" + body[at + 4 :]), "u")
    with pytest.raises(DataError, match="the checksum of `one` is wrong"):
        archive.read(archive.members[0])


def test_a_member_that_is_larger_than_it_says_is_not_unpacked_whole() -> None:
    body = zipped(bomb=b"\0" * 50_000_000)
    at = body.rfind(b"PK\x01\x02") + 24
    archive = Archive(Bytes(body[:at] + struct.pack("<L", 10) + body[at + 4 :]), "u")
    with pytest.raises(DataError, match="checksum"):
        archive.read(archive.members[0])
    with pytest.raises(DataError, match="longer than 1 KiB"):
        archive.read(Archive(Bytes(body), "u").members[0], limit_bytes=1024)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damage_anywhere_gives_the_content_or_an_error_with_a_sentence(data: st.DataObject) -> None:
    body = bytearray(zipped(one=b"hello" * 40, two=b"world" * 40))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    said = ": u"
    try:
        archive = Archive(Bytes(bytes(body)), "u")
        for member in archive.members:
            archive.read(member)
    except DataError as error:
        said = error.message
    assert said.endswith(": u")


def test_a_server_without_ranges_is_said_to_be_one(tmp_path: Path, serve_ranges: Serve) -> None:
    (tmp_path / "a.whl").write_bytes(zipped(big=BIG))
    server = serve_ranges(tmp_path)
    server.ranges = False
    client = Client(PackageSources())
    with pytest.raises(DataError, match="the server does not serve parts of files"):
        Archive(client, server.url.replace("simple", "files/a.whl"))
    assert client.bytes == 0


def test_what_a_lost_connection_cost_is_asked_for_again(tmp_path: Path, serve_ranges: Serve) -> None:
    (tmp_path / "a.whl").write_bytes(zipped(big=BIG, end=BIG[:100_000]))
    server = serve_ranges(tmp_path)
    client = Client(PackageSources(), pause_seconds=0.01)
    archive = Archive(client, server.url.replace("simple", "files/a.whl"))
    server.breaks = 2
    assert archive.read(archive.find("big")[0]) == BIG
    assert len(server.seen) == 4


def test_a_server_that_stays_busy_is_given_up(tmp_path: Path, serve_ranges: Serve) -> None:
    (tmp_path / "a.whl").write_bytes(zipped(one=b"1"))
    server = serve_ranges(tmp_path)
    url = server.url.replace("simple", "files/a.whl")
    server.answers = [503, 502]
    assert Archive(Client(PackageSources(), pause_seconds=0.01), url).members
    server.answers = [503] * 9
    with pytest.raises(IndexUnreachableError, match="HTTP 503"):
        Archive(Client(PackageSources(), pause_seconds=0.01), url)
    assert server.answers == [503] * 4


def test_a_server_that_wants_to_be_left_alone_for_an_hour_is_not_waited_for(
    tmp_path: Path, serve_ranges: Serve
) -> None:
    (tmp_path / "a.whl").write_bytes(zipped(one=b"1"))
    server = serve_ranges(tmp_path)
    server.answers, server.retry_after = [429], "3600"
    with pytest.raises(IndexUnreachableError, match="HTTP 429"):
        Archive(Client(PackageSources()), server.url.replace("simple", "files/a.whl"))
    assert len(server.seen) == 1
