"""Wheels of a lock, from a real server that can lose the line."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from envkit.errors import DataError, IndexUnreachableError, StorageError
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.sources import PackageSources, Setting
from envkit.system.fetch import Fetching, fetch_wheels

MakeWheel = Callable[..., Path]


class FileServer:
    """Serves the files of a directory, also parts of them, and can drop the first connections halfway."""

    def __init__(self, directory: Path) -> None:
        self.drops = 0
        self.serves_parts = True
        self.asked: list[tuple[str, str | None]] = []  # path and range
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                span = self.headers.get("Range")
                server.asked.append((self.path, span))
                body = (directory / self.path.strip("/")).read_bytes()
                first = int(span.removeprefix("bytes=").partition("-")[0]) if span and server.serves_parts else 0
                self.send_response(206 if first else 200)
                self.send_header("Content-Length", str(len(body) - first))
                self.end_headers()
                if server.drops > 0:
                    server.drops -= 1
                    self.wfile.write(body[first : first + (len(body) - first) // 2])
                    self.close_connection = True
                    return
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(body[first:])

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/{name}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "envkit" / "wheels"


@pytest.fixture
def wheels(make_wheel: MakeWheel, tmp_path: Path) -> tuple[Path, ...]:
    body = f"data = {'x' * 400_000!r}\n"
    return tuple(make_wheel(tmp_path / "wheels", name, "1.0", body=body) for name in ("alpha", "beta", "gamma-ray"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    server = FileServer(tmp_path / "wheels")
    yield server
    server.close()


def lock(wheels: tuple[Path, ...], address: Callable[[str], str] | None, *, sizes: bool = True) -> Lock:
    packages = []
    for wheel in wheels:
        file = LockedFile(
            filename=wheel.name,
            sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
            url=None if address is None else address(wheel.name),
            path=str(wheel) if address is None else None,
            size=wheel.stat().st_size if sizes else None,
        )
        name = wheel.name.partition("-")[0].replace("_", "-")
        packages.append(LockedPackage(name=name, version="1.0", file=file))
    return Lock(python="3.11", platform="any", packages=tuple(packages), pylock="", sha256="0" * 64)


def same(paths: tuple[Path, ...], wheels: tuple[Path, ...]) -> bool:
    return [path.read_bytes() for path in paths] == [wheel.read_bytes() for wheel in wheels]


def test_wheels_of_this_machine_are_linked_not_copied(wheels: tuple[Path, ...], tmp_path: Path) -> None:
    paths = fetch_wheels(lock(wheels, None), PackageSources(), tmp_path / "out")
    assert same(paths, wheels)
    assert [path.stat().st_ino for path in paths] == [wheel.stat().st_ino for wheel in wheels]


def test_wheels_are_fetched_once_and_progress_adds_up_to_the_whole(
    wheels: tuple[Path, ...], server: FileServer, tmp_path: Path
) -> None:
    seen: list[Fetching] = []
    paths = fetch_wheels(lock(wheels, server.url), PackageSources(), tmp_path / "out", seen.append)
    assert same(paths, wheels)
    whole = sum(wheel.stat().st_size for wheel in wheels)
    assert seen[-1] == Fetching(done=whole, total=whole, finished=True)
    asked = len(server.asked)
    assert asked == len(wheels)
    fetch_wheels(lock(wheels, server.url), PackageSources(), tmp_path / "other")
    fetch_wheels(lock(wheels, server.url), PackageSources(), tmp_path / "out")
    assert len(server.asked) == asked


@pytest.mark.parametrize("serves_parts", [True, False])
@pytest.mark.parametrize("sizes", [True, False])
def test_lost_line_is_gone_on_with(
    wheels: tuple[Path, ...], server: FileServer, tmp_path: Path, *, serves_parts: bool, sizes: bool
) -> None:
    server.drops, server.serves_parts = 2, serves_parts
    seen: list[Fetching] = []
    paths = fetch_wheels(lock(wheels[:1], server.url, sizes=sizes), PackageSources(), tmp_path / "out", seen.append)
    assert same(paths, wheels[:1])
    assert [span is None for _, span in server.asked] == [True, False, False]
    assert seen[-1].done == wheels[0].stat().st_size


def test_what_a_killed_command_left_is_gone_on_with(
    wheels: tuple[Path, ...], server: FileServer, tmp_path: Path, cache: Path
) -> None:
    cache.mkdir(parents=True)
    content = wheels[0].read_bytes()
    partial = cache / f"{hashlib.sha256(content).hexdigest()}.part"
    partial.write_bytes(content[:1000])
    fetch_wheels(lock(wheels[:1], server.url), PackageSources(), tmp_path / "out")
    assert server.asked == [(f"/{wheels[0].name}", "bytes=1000-")]
    # Killed between the last byte and the end: nothing is left to be asked for.
    (cache / hashlib.sha256(content).hexdigest()).rename(partial)
    paths = fetch_wheels(lock(wheels[:1], server.url), PackageSources(), tmp_path / "other")
    assert same(paths, wheels[:1])
    assert len(server.asked) == 1
    assert not partial.exists()


def test_address_out_of_reach_is_replaced_by_the_configured_index_with_its_credentials(
    wheels: tuple[Path, ...], serve_index: Callable[[Path], object], tmp_path: Path
) -> None:
    index = serve_index(wheels[0].parent)
    index.credentials = ("me", "s3cret")  # type: ignore[attr-defined]
    url = f"http://me:s3cret@{index.host}/simple"  # type: ignore[attr-defined]
    sources = PackageSources(index=Setting(value=url, origin="PIP_INDEX_URL"))
    locked = lock(wheels, lambda name: f"http://127.0.0.1:1/{name}")
    assert same(fetch_wheels(locked, sources, tmp_path / "out"), wheels)


def test_address_is_asked_at_its_mirror(wheels: tuple[Path, ...], server: FileServer, tmp_path: Path) -> None:
    locked = lock(wheels, lambda name: f"https://files.example.org/{name}")
    mirror = server.url("")
    paths = fetch_wheels(
        locked,
        PackageSources(no_index=True),
        tmp_path / "out",
        mirrored=lambda url: url.replace("https://files.example.org/", mirror),
    )
    assert same(paths, wheels)


def test_other_file_than_was_locked_is_refused_and_not_kept(
    wheels: tuple[Path, ...], server: FileServer, tmp_path: Path, cache: Path
) -> None:
    locked = lock(wheels, server.url)
    wheels[1].write_bytes(b"something else")
    with pytest.raises(DataError, match=f"a locked wheel cannot be had: {wheels[1].name}") as refusal:
        fetch_wheels(locked, PackageSources(no_index=True), tmp_path / "out")
    assert any("another file" in fact for fact in refusal.value.facts)
    sha256 = locked.packages[1].file.sha256
    assert not [path for path in cache.iterdir() if path.name.startswith(sha256)]


def test_wheel_of_this_machine_that_changed_is_not_taken(wheels: tuple[Path, ...], tmp_path: Path) -> None:
    locked = lock(wheels, None)
    wheels[0].write_bytes(wheels[0].read_bytes() + b"x")
    with pytest.raises(DataError, match="cannot be had"):
        fetch_wheels(locked, PackageSources(no_index=True), tmp_path / "out")


def test_nobody_is_asked_when_offline_but_the_cache_serves(
    wheels: tuple[Path, ...], server: FileServer, tmp_path: Path
) -> None:
    locked, offline = lock(wheels, server.url), PackageSources(offline=True)
    with pytest.raises(IndexUnreachableError, match="cannot be had") as refusal:
        fetch_wheels(locked, offline, tmp_path / "out")
    assert any("offline" in fact for fact in refusal.value.facts)
    assert server.asked == []
    fetch_wheels(locked, PackageSources(), tmp_path / "out")
    assert same(fetch_wheels(locked, offline, tmp_path / "other"), wheels)


def test_full_disk_is_said_and_not_taken_for_the_line(
    wheels: tuple[Path, ...], server: FileServer, full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = wheels[0].with_name("big-1.0-py3-none-any.whl")
    big.write_bytes(os.urandom(3_000_000))
    monkeypatch.setenv("XDG_CACHE_HOME", str(full_disk))
    with pytest.raises(StorageError, match="no space left on device"):
        fetch_wheels(lock((big,), server.url), PackageSources(no_index=True), full_disk / "out")
    assert len(server.asked) == 1


def test_two_commands_at_once_fetch_a_wheel_once(wheels: tuple[Path, ...], server: FileServer, tmp_path: Path) -> None:
    program = (
        "import sys, msgspec\nfrom pathlib import Path\nfrom envkit.model.lock import Lock\n"
        "from envkit.model.sources import PackageSources\nfrom envkit.system.fetch import fetch_wheels\n"
        "fetch_wheels(msgspec.json.decode(sys.argv[1], type=Lock), PackageSources(), Path(sys.argv[2]))\n"
    )
    text = msgspec.json.encode(lock(wheels[:1], server.url)).decode()
    commands = [subprocess.Popen([sys.executable, "-c", program, text, str(tmp_path / name)]) for name in ("a", "b")]
    assert [command.wait(timeout=60) for command in commands] == [0, 0]
    assert (tmp_path / "a" / wheels[0].name).read_bytes() == (tmp_path / "b" / wheels[0].name).read_bytes()
    assert len(server.asked) == 1
