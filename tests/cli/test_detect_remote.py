"""`envkit detect` and `up` with a daemon that is reached over the network: a real engine behind a proxy."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from envkit.engines.backends.docker_client import DockerClient

LABEL = {"dev.envkit.probe": "1"}
UNSEEN = "engine-remote-unseen"
engine = pytest.mark.usefixtures("engine_ready")


def own_address() -> str:
    """Return an address of this machine that is not its loopback; skips where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing
        address = str(probe.getsockname()[0])
        if not address.startswith("127."):
            return address
    pytest.skip("this machine has no address beside its loopback")


class Proxy:
    """Hands each connection at a TCP port on to a Unix socket; `alter` may change what goes to the daemon."""

    def __init__(self, target: str, alter: Callable[[bytes], bytes]) -> None:
        self._target = target
        self._alter = alter
        self._server = socket.create_server((own_address(), 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    @property
    def address(self) -> str:
        name, port = self._server.getsockname()[:2]
        return f"tcp://{name}:{port}"

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connection in self._open:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            self._open += [near, far]
            with suppress(OSError):
                far.connect(self._target)
            for pair in ((near, far, self._alter), (far, near, bytes)):
                self._threads.append(threading.Thread(target=self._pump, args=pair))
                self._threads[-1].start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, alter: Callable[[bytes], bytes]) -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                sink.sendall(alter(chunk))
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def expose() -> Iterator[Callable[..., str]]:
    """Open a way to the engine from the network."""
    proxies: list[Proxy] = []

    def start(alter: Callable[[bytes], bytes] = bytes) -> str:
        target = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        if not target.startswith("unix://"):
            pytest.skip(f"the engine has no socket here: {target}")
        proxies.append(Proxy(target.removeprefix("unix://"), alter))
        return proxies[-1].address

    yield start
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def site(tiny) -> Any:  # noqa: ANN401 - the home of the conftest, which is not imported
    tiny.environment["PATH"] = f"{tiny.environment['PATH']}{os.pathsep}{os.environ['PATH']}"
    if "DOCKER_CONFIG" in os.environ:
        tiny.environment["DOCKER_CONFIG"] = os.environ["DOCKER_CONFIG"]
    return tiny


def docker_of(ended) -> dict[str, Any]:
    return next(found for found in ended.json["engines"] if found["name"] == "docker")


@pytest.mark.engine
@engine
def test_the_daemons_machine_is_shown_beside_this_one(site, expose: Callable[..., str]) -> None:
    ended = site.run("detect", "--json", DOCKER_HOST=expose())
    assert (ended.status, ended.stderr) == (0, "")
    found = docker_of(ended)
    assert (found["usable"], found["elsewhere"]) == (True, True)
    there, here = found["host"], ended.json
    # The proxy leads back to this machine, so that both must be alike.
    for fact in ("os", "cpu", "memory_mib", "devices"):
        assert there[fact] == here[fact], fact
    assert there["evidence"][-1]["source"].startswith("container of python:")
    assert not [finding for finding in ended.json.get("findings", []) if finding["id"] == UNSEEN]
    assert DockerClient().containers(LABEL) == ()


@pytest.mark.engine
@engine
def test_a_socket_of_this_machine_is_not_probed(site) -> None:
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    found = docker_of(site.run("detect", "--json", DOCKER_HOST=address))
    assert found["usable"]
    assert not {"host", "elsewhere"} & set(found)


@pytest.mark.alone
@pytest.mark.engine
@engine
def test_the_look_takes_seconds_at_most(site, expose: Callable[..., str]) -> None:
    address = expose()
    site.run("detect", DOCKER_HOST=address)
    started = time.monotonic()
    ended = site.run("detect", DOCKER_HOST=address)
    assert time.monotonic() - started < 4
    assert "docker's daemon runs on another machine" in " ".join(ended.stdout.split())


@pytest.mark.engine
@engine
def test_the_container_has_no_rights(site, expose: Callable[..., str]) -> None:
    """What the daemon is asked to create is read on the way to it."""
    asked: list[bytes] = []

    def listen(chunk: bytes) -> bytes:
        asked.append(chunk)
        return chunk

    assert site.run("detect", DOCKER_HOST=expose(listen)).status == 0
    requests = b"".join(asked)
    body = requests[requests.rindex(b"/containers/create?name=envkit-probe-") :].partition(b"\r\n\r\n")[2]
    created, _ = json.JSONDecoder().raw_decode(body.decode(errors="replace"))
    rights = created["HostConfig"]
    assert created["User"] == "65534:65534"
    assert (rights["CapDrop"], rights["CapAdd"], rights["Privileged"]) == (["ALL"], None, False)
    assert "no-new-privileges" in rights["SecurityOpt"]
    assert (rights["ReadonlyRootfs"], rights["NetworkMode"], rights["PidsLimit"]) == (True, "none", 32)
    assert (rights["Binds"], rights["AutoRemove"]) == (["/:/host:ro"], True)
    assert not rights["Devices"]


@pytest.mark.engine
@engine
def test_an_interrupt_leaves_no_container(site, expose: Callable[..., str]) -> None:
    seen = threading.Event()

    def listen(chunk: bytes) -> bytes:
        if b"/start" in chunk:
            seen.set()
        return chunk

    process = site.start("detect", DOCKER_HOST=expose(listen))
    assert seen.wait(30)
    process.terminate()
    process.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while DockerClient().containers(LABEL) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert DockerClient().containers(LABEL) == ()


@pytest.mark.engine
@engine
def test_a_daemon_without_a_base_image_is_a_finding(site, expose: Callable[..., str]) -> None:
    """The engine is asked for images that it cannot have."""

    def no_images(chunk: bytes) -> bytes:
        names = (b"python:3", b"fromImage=docker.io%2Flibrary%2Fpython", b"images/json", b"fromImage=python")
        for name in names:
            chunk = chunk.replace(name, name[:-3] + b"zzz")
        return chunk

    ended = site.run("detect", "--json", DOCKER_HOST=expose(no_images))
    assert ended.status == 0
    finding = next(found for found in ended.json["findings"] if found["id"] == UNSEEN)
    assert "cannot pull python:3.12-slim-bookworm" in finding["evidence"]
    assert "docker pull python:3.12-slim-bookworm" in finding["remedy"]
    assert docker_of(ended)["host"]["gaps"][0]["fact"] == "devices"
    assert DockerClient().containers(LABEL) == ()


def test_a_daemon_that_does_not_answer_is_a_finding(site) -> None:
    with socket.create_server((own_address(), 0)) as closed:
        address = f"tcp://{own_address()}:{closed.getsockname()[1]}"
    ended = site.run("detect", "--json", DOCKER_HOST=address)
    assert (ended.status, ended.stderr) == (0, "")
    finding = next(found for found in ended.json["findings"] if found["id"] == UNSEEN)
    assert "connection refused" in finding["evidence"]
    assert docker_of(ended)["usable"] is False
    refused = site.run("up", "tinyframe", "--engine", "docker", "--offline", DOCKER_HOST=address)
    assert (refused.status, "error[EK0401]" in refused.stderr) == (4, True)


def write_facts(path: Path, **engine_fields: object) -> str:
    engine_facts = {"name": "docker", "endpoint": "ssh://gpu-box", "usable": True, "elsewhere": True, **engine_fields}
    here = {
        "format": "envkit-host/1",
        "os": {"system": "linux", "id": "debian", "version": "12"},
        "cpu": {"architecture": "x86_64"},
        "devices": [],
        "pythons": [{"version": "3.12.1", "path": "/usr/bin/python3.12"}],
        "engines": [engine_facts],
    }
    path.write_text(json.dumps(here), encoding="utf-8")
    return str(path)


def far_machine() -> dict[str, object]:
    device = {"vendor": "nvidia", "index": 0, "name": "NVIDIA H100 80GB HBM3", "architecture": "sm_90", "usable": True}
    return {
        "format": "envkit-host/1",
        "os": {"system": "linux", "id": "ubuntu", "version": "24.04"},
        "cpu": {"architecture": "x86_64"},
        "devices": [device],
        "stacks": [{"vendor": "nvidia", "driver": "580.65.06"}],
    }


def chosen(home, *arguments: str) -> Any:  # noqa: ANN401 - whatever the command printed
    ended = home.run("resolve", "pytorch", "--json", "--host", *arguments)
    assert "error" not in ended.stderr, ended.stderr
    return ended.json


def test_containers_are_resolved_for_the_daemons_machine_and_native_ones_for_this(home, tmp_path: Path) -> None:
    facts = write_facts(tmp_path / "here.json", host=far_machine())
    for options in ((), ("--container",), ("--engine", "docker")):
        assert chosen(home, facts, *options)["chosen"]["vendor"] == "nvidia", options
    assert chosen(home, facts, "--native")["chosen"]["vendor"] == "cpu"


def test_a_daemons_machine_that_was_not_seen_is_not_taken_for_one_without_devices(home, tmp_path: Path) -> None:
    facts = write_facts(tmp_path / "here.json")
    answer = chosen(home, facts)
    assert answer["status"] == "degraded"
    assert any(check["rule"] == "accelerator-unused" for check in answer["checks"])
    native = chosen(home, facts, "--native")
    assert not any(check["rule"] == "accelerator-unused" for check in native["checks"])


@pytest.mark.engine
@engine
def test_up_makes_and_proves_an_environment_there(site, expose: Callable[..., str]) -> None:
    address, name = expose(), f"test-remote-{os.getpid()}"
    given = ("--engine", "docker", "--offline", "--wheelhouse", "wheels", "--name", name)
    ended = site.run("up", "tinyframe", *given, "--json", DOCKER_HOST=address)
    try:
        assert ended.status == 0, ended.stderr
        assert "docker's daemon runs on another machine" in ended.stderr
        assert ended.json["report"]["results"][0]["passed"]
        again = site.run("up", "tinyframe", *given, "--json", DOCKER_HOST=address)
        assert again.json["unchanged"] is True
    finally:
        site.run("rm", name, "-y", DOCKER_HOST=address)
