"""Tiny wheels and a real package index, for tests of everything that locks or installs."""

import base64
import hashlib
import ssl
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from envkit.detect.engines import detect_engines
from envkit.system.live import LiveHost

MakeWheel = Callable[..., Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--alone", action="store_true", help="run what parallel workers leave out: tests marked `alone`")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Tell parallel workers what they leave out, and what stays together: a file, and all that use an engine."""
    parallel = config.getoption("loadgroup", default=False)  # pytest-xdist sets it in workers
    if parallel or config.getoption("alone"):
        left_out = {item for item in items if (item.get_closest_marker("alone") is None) is not parallel}
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    for item in items if parallel else ():
        group = "engine" if item.get_closest_marker("engine") is not None else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
    yield
    if parallel and items and "@" not in items[0].nodeid:
        raise pytest.UsageError("this pytest-xdist cannot group tests of this pytest: see pyproject.toml")


def _record_line(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def _make_wheel(
    directory: Path, name: str, version: str, requires: tuple[str, ...] = (), tag: str = "py3-none-any", body: str = ""
) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    files = {
        f"{module}/__init__.py": f"__version__ = {version!r}\n{body}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: envkit\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(_record_line(path, text.encode()) for path, text in files.items()) + f"{info}/RECORD,,\n"
    wheel = directory / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel


class IndexServer:
    """A Simple API over HTTP for the wheels of a directory, with faults on request."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.credentials: tuple[str, str] | None = None
        self.status = 200
        self.page: str | None = None  # answers every request with this HTML
        self.seen: list[str] = []  # paths that were asked for
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.seen.append(self.path)
                server.answer(self)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._http.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/simple"

    def use_tls(self, certificate: Path, key: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        status, kind, body = self._reply(request.path, request.headers.get("Authorization"))
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        if status == 401:
            request.send_header("WWW-Authenticate", 'Basic realm="index"')
        request.end_headers()
        if request.command == "GET":
            # uv hangs up when it has read as much of a wheel as it needs.
            with suppress(BrokenPipeError, ConnectionResetError):
                request.wfile.write(body)

    def _reply(self, path: str, authorization: str | None) -> tuple[int, str, bytes]:
        if self.credentials is not None:
            token = base64.b64encode(":".join(self.credentials).encode()).decode()
            if authorization != f"Basic {token}":
                return 401, "text/plain", b"who are you"
        if self.page is not None or self.status != 200:
            return self.status, "text/html", (self.page or "").encode()
        parts = path.strip("/").split("/")
        if parts[0] == "files":
            return 200, "application/octet-stream", (self.directory / parts[1]).read_bytes()
        wheels = sorted(self.directory.glob(f"{parts[-1].replace('-', '_')}-*.whl"))
        if not wheels:
            return 404, "text/html", b"not here"
        links = (f'<a href="/files/{wheel.name}#sha256={_sha256(wheel)}">{wheel.name}</a>' for wheel in wheels)
        return 200, "text/html", f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def make_wheel() -> MakeWheel:
    return _make_wheel


@pytest.fixture
def serve_index() -> Iterator[Callable[[Path], IndexServer]]:
    servers: list[IndexServer] = []

    def serve(directory: Path) -> IndexServer:
        servers.append(IndexServer(directory))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two mebibytes; only root can mount one."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)],  # noqa: S607 - the system's own
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.decode().strip()}")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)  # noqa: S607 - the system's own


@pytest.fixture(scope="session")
def programs_without_podman(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the system's programs but for podman, which needs no daemon to be an engine."""
    directory = tmp_path_factory.mktemp("programs")
    for program in (*Path("/usr/bin").iterdir(), *Path("/bin").iterdir()):
        link = directory / program.name
        if program.name not in {"podman", "buildah"} and not link.is_symlink():
            link.symlink_to(program)
    return directory


@pytest.fixture(scope="session")
def engine_ready() -> None:
    """Skip, with the reason, where no Docker Engine with BuildKit can be used."""
    engines = detect_engines(LiveHost()) or ()
    docker = next((engine for engine in engines if engine.name == "docker"), None)
    if docker is None or not docker.usable:
        reason = "not found" if docker is None else docker.reason
        pytest.skip(f'no Docker Engine with BuildKit: {reason}; start one: eval "$(.ci/engine start)"')
