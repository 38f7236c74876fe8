"""A package index with ranges, JSON or HTML pages and small wheels, as a real server of this machine."""

import hashlib
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

import msgspec
import pytest

from envkit.data import load_foundations, load_vendors
from envkit.model.deriving import BinaryRow, DeriveRow, ModuleRow, RuntimeNaming
from envkit.model.provenance import Source
from envkit.model.recipe import Recipe, SmokeRow, VariantRow
from envkit.model.sources import PackageSources, Setting
from envkit.refresh import Facts
from envkit.refresh.cache import Cache
from envkit.refresh.reader import Session


def _device_code(machine: tuple[int, ...], ptx: tuple[int, ...] = ()) -> bytes:
    """Make one container of device code, as `.nv_fatbin` holds them."""
    entries = b""
    for kind, number in [*((2, number) for number in machine), *((1, number) for number in ptx)]:
        payload = b"\x7f" * 24
        entries += struct.pack("<HHIQIIIIII", kind, 0x101, 64, len(payload), 0, 0, 0, number, 64, 0).ljust(64, b"\0")
        entries += payload
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(entries)) + entries


def _elf(section: bytes) -> bytes:
    """Make a shared object with one section `.nv_fatbin`."""
    names = b"\0.nv_fatbin\0.shstrtab\0"
    begin = 64
    table = begin + len(section) + len(names)
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    sections = bytes(64)
    sections += struct.pack("<IIQQQQIIQQ", 1, 1, 2, 0, begin, len(section), 0, 0, 8, 0)
    sections += struct.pack("<IIQQQQIIQQ", 12, 3, 0, 0, begin + len(section), len(names), 0, 0, 1, 0)
    return header + section + names + sections


def _write_wheel(
    directory: Path,
    name: str,
    version: str,
    tag: str = "py3-none-any",
    *,
    requires: tuple[str, ...] = (),
    members: dict[str, bytes] | None = None,
    build: str = "",
) -> Path:
    """Write a wheel; its files come before its METADATA, as builders do it."""
    directory.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    text += "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    wheel = directory / f"{module}-{version}{build and f'-{build}'}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in (members or {}).items():
            archive.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)
        archive.writestr(f"{module}-{version}.dist-info/METADATA", text)
    return wheel


class RangeServer:
    """A Simple API over HTTP for the files of a directory, with what indexes do and do not do."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.html = False
        self.ranges = True
        self.etags = False
        self.metadata = False  # PEP 658
        self.hashes = True
        self.uploaded: dict[str, str] = {}  # by file name; else 2026-01-01
        self.yanked: dict[str, str] = {}
        self.requires: dict[str, str] = {}
        self.answers: list[int] = []  # statuses to be answered before anything is served
        self.retry_after: str | None = None  # goes with those statuses
        self.breaks = 0  # how many answers with a part are cut off half way
        self.pages: dict[str, tuple[str, bytes]] = {}  # bodies by path, whatever they are
        self.extra: list[dict[str, object]] = []  # rows of the JSON page that no file stands for
        self.seen: list[str] = []
        self._lock = Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with server._lock:
                    server.seen.append(self.path)
                    status = server.answers.pop(0) if server.answers else 0
                if status:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    if server.retry_after is not None:
                        self.send_header("Retry-After", server.retry_after)
                    self.end_headers()
                    return
                with suppress(BrokenPipeError, ConnectionResetError):
                    server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Say nothing of readers that leave early: they are meant to."""

        self._http = Server(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/simple"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = request.path.strip("/").split("/")
        if request.path in self.pages:
            self._tagged(request, *self.pages[request.path])
        elif parts[0] == "files":
            self._file(request, parts[1])
        else:
            self._listing(request, parts[-1])

    def _file(self, request: BaseHTTPRequestHandler, name: str) -> None:
        path = self.directory / name.removesuffix(".metadata")
        if not path.is_file() or (name.endswith(".metadata") and not self.metadata):
            self._send(request, 404, "text/plain", b"not here")
            return
        body = path.read_bytes()
        if name.endswith(".metadata"):
            with zipfile.ZipFile(path) as archive:
                body = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA")))
        wanted = request.headers.get("Range", "").removeprefix("bytes=")
        if not wanted or not self.ranges:
            self._send(request, 200, "application/octet-stream", body)
            return
        first, _, last = wanted.partition("-")
        begin = int(first) if first else max(0, len(body) - int(last))
        end = int(last) + 1 if first and last else len(body)
        part = body[begin:end]
        headers = {"Content-Range": f"bytes {begin}-{begin + len(part) - 1}/{len(body)}"}
        self._send(request, 206, "application/octet-stream", part, headers)

    def _listing(self, request: BaseHTTPRequestHandler, project: str) -> None:
        files = sorted(self.directory.glob(f"{project.replace('-', '_')}-*"))
        if not files:
            self._send(request, 404, "text/plain", b"not here")
            return
        self._tagged(request, *(self._html(files) if self.html else self._json(files)))

    def _tagged(self, request: BaseHTTPRequestHandler, kind: str, body: bytes) -> None:
        etag = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        if self.etags and request.headers.get("If-None-Match") == etag:
            self._send(request, 304, kind, b"")
            return
        self._send(request, 200, kind, body, {"ETag": etag} if self.etags else {})

    def _json(self, files: list[Path]) -> tuple[str, bytes]:
        rows = [
            {
                "filename": path.name,
                "url": f"../../files/{path.name}",
                "hashes": {"sha256": self._digest(path)} if self.hashes else {},
                "size": path.stat().st_size,
                "upload-time": f"{self.uploaded.get(path.name, '2026-01-01')}T12:00:00.000000Z",
                "yanked": self.yanked.get(path.name, False),
                "requires-python": self.requires.get(path.name),
                "core-metadata": self.metadata,
            }
            for path in files
        ]
        page = {"meta": {"api-version": "1.1"}, "name": "x", "files": [*rows, *self.extra]}
        return "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()

    def _html(self, files: list[Path]) -> tuple[str, bytes]:
        links = ""
        for path in files:
            more = f' data-yanked="{self.yanked[path.name]}"' if path.name in self.yanked else ""
            more += ' data-core-metadata="true"' if self.metadata else ""
            if path.name in self.requires:
                more += f' data-requires-python="{self.requires[path.name].replace(">", "&gt;")}"'
            links += f'<a href="../../files/{path.name}#sha256={self._digest(path)}"{more}>{path.name}</a><br>\n'
        return "text/html; charset=utf-8", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()

    @staticmethod
    def _digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        kind: str,
        body: bytes,
        headers: dict[str, str] | None = None,
    ) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.end_headers()
        if status == 206 and self.breaks:
            self.breaks -= 1
            request.wfile.write(body[: len(body) // 2])
            request.close_connection = True
            return
        request.wfile.write(body)


NAMINGS = (
    RuntimeNaming(runtime="cuda", vendor="nvidia", variant="cu{major}{minor}"),
    RuntimeNaming(runtime="rocm", vendor="amd", variant="rocm{major}.{minor}"),
)
DERIVE = DeriveRow(
    source="wheels",
    releases=">=1",
    runtimes=NAMINGS,
    modules=(ModuleRow(path="frame/version.py", runtimes={"cuda": "cuda", "rocm": "hip"}),),
    binaries=(BinaryRow(member="frame/lib/*.so", tells="code"),),
    requirements=("nvidia-*", "cuda-toolkit"),
    toolkit="cuda-toolkit",
)
CPU_ROW = VariantRow(
    variant="cpu",
    vendor="cpu",
    releases=">=1",
    cpu_architectures=("x86_64", "aarch64"),
    source="people",
    architectures=(),
)
RECIPE = Recipe(
    name="frame",
    title="Frame",
    summary="A framework of the tests.",
    package="frame",
    sources={
        "wheels": Source(text="the wheels", retrieved="2026-01-01"),
        "people": Source(text="what people know", retrieved="2026-01-01"),
    },
    releases=(),
    variants=(CPU_ROW,),
    smoke=SmokeRow(program="def smoke(device, index):\n    return {}\n", devices={"cpu": "cpu"}, imports=("frame",)),
    derive=DERIVE,
)


class World:
    """An index with the releases of `frame`, and what refreshes from it."""

    def __init__(self, root: Path, server: RangeServer) -> None:
        self.files = root / "files"
        self.files.mkdir()
        self.server = server
        self.cache = root / "cache"
        self.read: list[str] = []

    def release(
        self,
        version: str,
        *,
        cuda: str | None = None,
        machine: tuple[int, ...] = (80, 90),
        ptx: tuple[int, ...] = (),
        pythons: tuple[str, ...] = ("cp312-cp312", "cp313-cp313"),
        architectures: tuple[str, ...] = ("x86_64",),
        libc: str = "manylinux_2_28",
        requires: tuple[str, ...] = (),
        uploaded: str = "2026-01-01",
    ) -> None:
        """Publish a release of `frame`."""
        local = f"+cu{cuda.replace('.', '')}" if cuda else "+cpu"
        members = {"frame/version.py": f"__version__ = '{version}{local}'\ncuda: str | None = {cuda!r}\n".encode()}
        if cuda:
            members["frame/lib/libframe.so"] = _elf(b"\0" * 640 + _device_code(machine, ptx))
        for python in pythons:
            for architecture in architectures:
                tag = f"{python}-{libc}_{architecture}"
                path = _write_wheel(self.files, "frame", version, tag, requires=requires, members=members)
                self.server.uploaded[path.name] = uploaded

    def session(self, *, offline: bool = False) -> Session:
        sources = PackageSources(index=Setting(value=self.server.url, origin="test"), offline=offline)
        return Session(self.server.url, sources, self.read.append, Cache(self.cache))

    def facts(self, today: str = "2026-06-01") -> Facts:
        return Facts(foundations=load_foundations(), vendors=load_vendors(), today=today)


@pytest.fixture(scope="session")
def device_code() -> Callable[..., bytes]:
    return _device_code


@pytest.fixture(scope="session")
def elf() -> Callable[[bytes], bytes]:
    return _elf


@pytest.fixture(scope="session")
def write_wheel() -> Callable[..., Path]:
    return _write_wheel


@pytest.fixture
def serve_ranges() -> Iterator[Callable[[Path], RangeServer]]:
    servers: list[RangeServer] = []

    def serve(directory: Path) -> RangeServer:
        servers.append(RangeServer(directory))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


@pytest.fixture
def world(tmp_path: Path, serve_ranges: Callable[[Path], RangeServer]) -> World:
    return World(tmp_path, serve_ranges(tmp_path / "files"))


@pytest.fixture
def recipe() -> Recipe:
    return msgspec.structs.replace(RECIPE)
