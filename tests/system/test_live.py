"""The real machine and real sockets."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from envkit.system.command import Command
from envkit.system.host import Owner
from envkit.system.live import LiveHost

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


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


@pytest.fixture
def host() -> LiveHost:
    return LiveHost()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, with a path that is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="envkit-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_files_are_read_up_to_a_limit(host: LiveHost, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abc\xffdef")
    assert host.read(str(file)).text == "abc\N{REPLACEMENT CHARACTER}def"
    assert host.read(str(file), limit=3).text == "abc"
    assert host.read(str(tmp_path / "gone")).failure == "no such file"
    assert host.read(str(tmp_path)).failure == "is a directory"


def test_a_path_that_no_system_has_is_unknown(host: LiveHost) -> None:
    assert "null" in (host.read("/proc/\0").failure or "")
    assert (host.names("/proc/\0"), host.exists("/proc/\0"), host.real_path("/proc/\0")) == (None, None, None)


def test_folders_and_links(host: LiveHost, tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    (tmp_path / "a").symlink_to("./b")
    assert host.names(str(tmp_path)) == ("a", "b")
    assert host.names(str(tmp_path / "gone")) is None
    assert host.link(str(tmp_path / "a")) == "./b"
    assert host.link(str(tmp_path / "b")) is None
    assert host.real_path(str(tmp_path / "a")) == str((tmp_path / "b").resolve())
    assert host.real_path(str(tmp_path / "gone")) is None


def test_forbidden_is_not_absent(host: LiveHost, open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir()
    (closed / "file").touch()
    closed.chmod(0)
    assert host.exists(str(closed)) is True
    assert host.exists(str(open_folder / "gone")) is False
    with as_nobody():
        forbidden = host.exists(str(closed / "file")), host.read(str(closed / "file")).failure
        accessible = host.accessible(str(closed))
    closed.chmod(0o755)
    assert forbidden == (None, "permission denied")
    assert accessible is False
    assert host.accessible(str(closed / "file")) is True


def test_environment_and_search_path(host: LiveHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "tool"
    tool.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host.which("tool") == str(tool)
    assert host.which("other") is None
    assert host.variable("PATH") == str(tmp_path)
    assert host.variable("ENVKIT_NOT_SET") is None


def test_commands_run(host: LiveHost) -> None:
    assert host.run(Command(argv=("echo", "hello"), timeout_seconds=5)).stdout == "hello\n"


def test_the_process_knows_its_machine(host: LiveHost) -> None:
    machine = host.machine()
    uname = os.uname()
    assert (machine.system, machine.kernel, machine.architecture) == ("linux", uname.release, uname.machine)


def test_free_space_of_a_folder_that_is_not_made_yet(host: LiveHost, tmp_path: Path) -> None:
    free = host.free_bytes(str(tmp_path / "not" / "yet"))
    assert free is not None
    assert free > 0


@contextmanager
def answering(family: socket.AddressFamily, address: object, answer: bytes) -> Iterator[object]:
    """Accept one connection, read its request, send an answer and close."""
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)

    thread = Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        thread.join()
        listener.close()


def test_http_over_a_unix_socket(host: LiveHost, open_folder: Path) -> None:
    with answering(socket.AF_UNIX, f"{open_folder}/s", OK):
        fetched = host.http_get(f"unix://{open_folder}/s", "/info", 5)
    assert (fetched.status, fetched.body, fetched.failure) == (200, "{}", None)


def test_http_over_tcp(host: LiveHost) -> None:
    with answering(socket.AF_INET, ("127.0.0.1", 0), OK) as (name, port):
        assert host.http_get(f"tcp://{name}:{port}", "/info", 5).body == "{}"


@pytest.mark.parametrize(("answer", "failure"), [(b"SSH-2.0\r\n", "not an HTTP answer"), (b"", "closed connection")])
def test_another_protocol_is_a_failure(host: LiveHost, answer: bytes, failure: str) -> None:
    with answering(socket.AF_INET, ("127.0.0.1", 0), answer) as (name, port):
        fetched = host.http_get(f"tcp://{name}:{port}", "/info", 5)
    assert fetched.status is None
    assert failure in (fetched.failure or "")


def test_a_server_that_says_nothing_is_not_waited_for(host: LiveHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fetched = host.http_get(f"tcp://127.0.0.1:{listener.getsockname()[1]}", "/info", 0.1)
    assert fetched.failure == "timed out"


@pytest.mark.parametrize(
    "endpoint", ["ssh://machine", "unix:///gone/socket", "tcp://", "tcp://x:port", "npipe:////./pipe", ""]
)
def test_an_endpoint_that_cannot_be_asked_is_a_failure(host: LiveHost, endpoint: str) -> None:
    fetched = host.http_get(endpoint, "/info", 1)
    assert fetched.status is None
    assert fetched.failure


def test_the_owner_of_a_path_is_that_of_what_it_leads_to(host: LiveHost, tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.touch()
    file.chmod(0o640)
    link.symlink_to(file)
    assert host.owner(str(link)) == Owner(uid=os.getuid(), gid=file.stat().st_gid, mode=0o640)
    assert (host.owner(str(tmp_path / "gone")), host.owner("/proc/\0")) == (None, None)
