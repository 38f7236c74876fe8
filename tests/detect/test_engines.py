"""Engines, asked through real sockets."""

import hashlib
import json
import os
import shutil
import socketserver
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest

from envkit.detect.docker import detect_docker
from envkit.detect.engines import detect_engines
from envkit.detect.podman import detect_podman
from envkit.model.host import ContainerEngine
from envkit.system.live import LiveHost

VERSION = {"Version": "28.3.0", "ApiVersion": "1.51"}
INFORMATION = {
    "Runtimes": {"runc": {"path": "runc"}, "nvidia": {"path": "nvidia-container-runtime"}},
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
    "CDISpecDirs": ["/etc/cdi"],
    "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}, {"Source": "other", "ID": "x"}],
}


class Machine(LiveHost):
    """The live machine without the plugins and sockets that happen to be installed on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def exists(self, path: str) -> bool | None:
        return super().exists(path) if path.startswith(self.folder) else False


@pytest.fixture
def folder() -> Iterator[Path]:
    # A socket's path has at most 107 characters, which a test's own folder may exceed.
    path = Path(tempfile.mkdtemp(prefix="envkit-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def socket(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with the docker command and buildx, whose daemon is expected at this path."""
    plugins = folder / "config" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").touch()
    (folder / "bin").mkdir()
    command = folder / "bin" / "docker"
    command.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder / "config"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    return folder / "docker.sock"


@contextmanager
def daemon(socket: Path, documents: dict[str, object]) -> Iterator[None]:
    """Serve JSON documents by path on a Unix socket."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = documents.get(self.path)
            body = json.dumps(found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

        def address_string(self) -> str:
            return "local"

    server = socketserver.ThreadingUnixStreamServer(str(socket), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up root's rights for a while: root may open what nobody else may."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def detect(socket: Path) -> ContainerEngine:
    found = detect_docker(Machine(socket.parent))
    assert found is not None
    return found


def test_a_working_daemon_is_described(socket: Path) -> None:
    with daemon(socket, {"/version": VERSION, "/info": INFORMATION}):
        found = detect(socket)
    assert found == ContainerEngine(
        name="docker",
        version="28.3.0",
        endpoint=f"unix://{socket}",
        client=str(socket.parent / "bin" / "docker"),
        builder="buildkit",
        rootless=True,
        cdi=True,
        cdi_devices=("nvidia.com/gpu=all",),
        runtimes=("nvidia", "runc"),
        usable=True,
    )


def test_devices_are_read_from_specifications_where_the_daemon_lists_none(socket: Path) -> None:
    specs = socket.parent / "cdi"
    specs.mkdir()
    (specs / "gpu.json").write_text('{"kind": "nvidia.com/gpu", "devices": [{"name": "all"}, {"name": "0"}]}')
    with daemon(socket, {"/version": VERSION, "/info": {"CDISpecDirs": [str(specs)]}}):
        assert detect(socket).cdi_devices == ("nvidia.com/gpu=0", "nvidia.com/gpu=all")
        (specs / "other.yaml").touch()
        assert detect(socket).cdi_devices is None, "a specification that cannot be read may hold any name"


def test_an_engine_without_cdi_says_so(socket: Path) -> None:
    with daemon(socket, {"/version": VERSION, "/info": {"Runtimes": {}, "SecurityOptions": []}}):
        found = detect(socket)
    assert (found.cdi, found.rootless, found.usable) == (False, False, True)


@pytest.mark.parametrize(
    ("kernel", "elsewhere"), [(os.uname().release, False), ("6.10.14-linuxkit", True), (None, False)]
)
def test_a_local_socket_with_another_kernel_behind_it_leads_to_another_machine(
    socket: Path, kernel: str | None, *, elsewhere: bool
) -> None:
    with daemon(socket, {"/version": VERSION, "/info": {**INFORMATION, "KernelVersion": kernel}}):
        found = detect(socket)
    assert (found.usable, found.elsewhere) == (True, elsewhere)


def test_a_daemon_elsewhere_that_does_not_answer_is_not_started_here(
    socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://gpu-box")
    found = detect(socket)
    assert (found.usable, found.elsewhere, found.obstacle) == (False, True, "daemon-down")
    assert found.remedy == ("docker version",)


def test_no_socket_is_a_daemon_that_is_down(socket: Path) -> None:
    found = detect(socket)
    assert found.usable is False
    assert found.reason == f"the daemon does not answer at unix://{socket} (DOCKER_HOST): no such file"
    assert found.remedy == ("sudo systemctl start docker",)


def test_a_dead_socket_is_a_daemon_that_is_down(socket: Path) -> None:
    with daemon(socket, {}):
        pass
    assert "connection refused" in (detect(socket).reason or "")


def test_a_forbidden_socket_is_told_from_a_daemon_that_is_down(socket: Path) -> None:
    with daemon(socket, {"/version": VERSION}):
        socket.chmod(0)
        with as_nobody():
            found = detect(socket)
    assert found.reason == f"no permission for unix://{socket} (DOCKER_HOST)"
    assert "usermod -aG docker" in found.remedy[0]
    assert "rootless" in found.remedy[1]


def test_an_old_engine_is_refused_with_the_needed_version(socket: Path) -> None:
    with daemon(socket, {"/version": {"Version": "19.03.15", "ApiVersion": "1.40"}, "/info": INFORMATION}):
        found = detect(socket)
    assert (found.usable, found.reason) == (False, "too old: API 1.40, needs >=1.41")


def test_an_engine_without_buildx_has_no_builder(socket: Path) -> None:
    (socket.parent / "config" / "cli-plugins" / "docker-buildx").unlink()
    with daemon(socket, {"/version": VERSION, "/info": INFORMATION}):
        found = detect(socket)
    assert (found.builder, found.usable) == ("legacy", False)
    assert (found.reason or "").startswith("no builder")


def test_a_plugin_folder_of_the_configuration_counts(socket: Path) -> None:
    configuration = socket.parent / "config"
    (configuration / "cli-plugins").rename(socket.parent / "extra")
    (configuration / "config.json").write_text(json.dumps({"cliPluginsExtraDirs": [f"{socket.parent}/extra"]}))
    with daemon(socket, {"/version": VERSION, "/info": INFORMATION}):
        assert detect(socket).usable is True


def test_a_daemon_without_the_docker_command_says_that_it_is_missing(socket: Path) -> None:
    (socket.parent / "bin" / "docker").unlink()
    with daemon(socket, {"/version": VERSION, "/info": INFORMATION}):
        found = detect(socket)
    assert (found.client, found.usable, found.reason) == (None, False, "the docker command is missing")


@pytest.mark.parametrize("documents", [{}, {"/version": ["unexpected"]}])
def test_another_server_at_the_socket_is_not_an_engine(socket: Path, documents: dict[str, object]) -> None:
    with daemon(socket, documents):
        assert detect(socket).usable is False


def test_the_context_of_the_configuration_names_the_endpoint(socket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST")
    configuration = socket.parent / "config"
    (configuration / "config.json").write_text('{"currentContext": "lab", "auths": {}}')
    meta = configuration / "contexts" / "meta" / hashlib.sha256(b"lab").hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": "lab", "Endpoints": {"docker": {"Host": f"unix://{socket}"}}}))
    with daemon(socket, {"/version": VERSION, "/info": INFORMATION}):
        assert detect(socket).endpoint == f"unix://{socket}"
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    assert (detect(socket).reason or "").startswith("docker context `gone` has no endpoint")


def test_the_socket_of_a_rootless_daemon_is_found(socket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(socket.parent))
    with daemon(socket, {"/version": VERSION, "/info": INFORMATION}):
        assert detect(socket).endpoint == f"unix://{socket}"


def test_an_endpoint_behind_ssh_is_asked_through_the_docker_command(
    socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        f"#!/bin/sh\ncase $1 in version) echo '{json.dumps(VERSION)}';; info) echo '{json.dumps(INFORMATION)}';; esac\n"
    )
    (socket.parent / "bin" / "docker").write_text(script)
    monkeypatch.setenv("DOCKER_HOST", "ssh://somebody@machine")
    found = detect(socket)
    assert (found.version, found.usable) == ("28.3.0", True)


def test_a_machine_without_any_engine_has_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert detect_engines(Machine(folder)) == ()


PODMAN = {
    "host": {"security": {"rootless": True}, "ociRuntime": {"name": "crun"}},
    "version": {"Version": "4.3.1"},
}


@pytest.fixture
def podman(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ContainerEngine | None]:
    def install(body: str) -> ContainerEngine | None:
        command = folder / "podman"
        command.write_text(f"#!/bin/sh\n{body}\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return detect_podman(LiveHost())

    return install


def test_podman_is_described_by_its_own_command(podman: Callable[[str], ContainerEngine]) -> None:
    found = podman(f"echo '{json.dumps(PODMAN)}'")
    assert (found.version, found.rootless, found.cdi, found.runtimes) == ("4.3.1", True, True, ("crun",))
    assert (found.builder, found.usable) == ("buildah", True)


def test_podman_that_fails_says_why(podman: Callable[[str], ContainerEngine]) -> None:
    found = podman("echo 'Error: cannot set up namespace' >&2; exit 125")
    assert found.usable is False
    assert found.reason == "`podman info` failed: Error: cannot set up namespace"


@pytest.mark.engine
def test_the_real_engine_is_usable() -> None:
    if not os.environ.get("DOCKER_HOST"):
        pytest.skip("no engine: DOCKER_HOST is not set (see .ci/engine)")
    found = detect_docker(LiveHost())
    assert found is not None
    assert (found.usable, found.reason, found.builder, found.cdi) == (True, None, "buildkit", True)
    assert "runc" in (found.runtimes or ())
