"""A machine behind an agent, which runs here as a real process over a folder."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from envkit.system.command import Command
from envkit.system.host import Machine, Owner, Read
from envkit.system.remote import RemoteHost, agent_arguments
from envkit.system.replay import FolderHost

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
Look = Callable[..., RemoteHost]


@pytest.fixture
def look() -> Iterator[Look]:
    with ExitStack() as ends:

        def start(root: Path, *options: str, program: str | None = None) -> RemoteHost:
            arguments = agent_arguments() if program is None else ("-c", program)
            argv = (sys.executable, *arguments, "--root", str(root), *options)
            host = RemoteHost(Command(argv=argv, timeout_seconds=20.0))
            ends.callback(host.close, grace_seconds=0.5)
            return host

        yield start


def test_every_path_of_a_recorded_machine_reads_as_in_its_folder(look: Look) -> None:
    folder = HOSTS / "ubuntu-nvidia-v100-a100"
    here, there = FolderHost(folder), look(folder)
    places = sorted(folder.rglob("*"))
    assert len(places) > 20
    for place in places:
        path = "/" + str(place.relative_to(folder))
        assert there.exists(path) is True
        assert there.real_path(path) == here.real_path(path)
        assert there.names(path) == here.names(path)
        if place.is_file():
            assert there.read(path) == here.read(path)
    assert there.failure is None


def test_links_are_followed_as_that_machine_would(look: Look, tmp_path: Path) -> None:
    (tmp_path / "opt" / "cuda-12.8").mkdir(parents=True)
    (tmp_path / "opt" / "cuda-12.8" / "version").write_text("12.8")
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr" / "cuda").symlink_to("/opt/current")
    (tmp_path / "opt" / "current").symlink_to("../../../opt/cuda-12.8")
    there = look(tmp_path)
    assert there.link("/usr/cuda") == "/opt/current"
    assert there.real_path("/usr/cuda/version") == "/opt/cuda-12.8/version"
    assert there.read("/usr/cuda/version") == Read("12.8")
    assert there.names("/usr/cuda") == ("version",)


def test_no_link_leads_out_of_the_machine(look: Look, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "secret"
    root.mkdir()
    outside.write_text("secret")
    (root / "absolute").symlink_to(outside)
    (root / "relative").symlink_to("../secret")
    there = look(root)
    for path in ("/absolute", "/relative", "/../secret"):
        assert there.read(path).failure == "no such file"
        assert there.exists(path) is False
        assert there.real_path(path) is None


def test_what_cannot_be_read_is_a_failure(look: Look, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    there = look(tmp_path)
    assert there.read("/loop").failure == "too many levels of symbolic links"
    assert there.read("/pipe").failure == "not a regular file"
    assert there.read("/missing").failure == "no such file"
    assert there.read("/").failure == "is a directory"
    assert there.read("/a\0b").failure == "cannot be read"
    assert (there.exists("/a\0b"), there.names("/pipe"), there.link("/pipe")) == (None, None, None)
    assert there.failure is None


def test_files_are_cut_at_the_limit_and_undecodable_bytes_replaced(look: Look, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"ab\xffcd")
    there = look(tmp_path)
    assert there.read("/file", limit=3) == Read("ab\ufffd")
    assert there.read("/file") == Read("ab\ufffdcd")


def test_the_kernel_and_the_library_of_that_machine_are_told(look: Look, tmp_path: Path) -> None:
    architecture = os.uname().machine
    library = tmp_path / "lib" / f"{architecture}-linux-gnu" / "libc.so.6"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"\x7fELF\0GNU C Library (Ubuntu GLIBC 2.39-0ubuntu8.6) stable release version 2.39.\n\0")
    kernel = os.uname().release
    assert look(tmp_path).machine() == Machine(
        system="linux", kernel=kernel, architecture=architecture, libc="glibc 2.39"
    )
    assert look(tmp_path / "lib").machine().libc is None


def test_free_space_is_that_of_the_nearest_folder(look: Look, tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)
    free = look(tmp_path).free_bytes("/var/lib/not/made/yet")
    assert free is not None
    assert abs(free - status.f_bavail * status.f_frsize) < 2**30


def test_the_owner_of_a_path_is_told(look: Look, tmp_path: Path) -> None:
    (tmp_path / "node").touch()
    (tmp_path / "node").chmod(0o640)
    numbers = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    mapped = numbers != ["0", "0", "4294967295"]
    expected = None if mapped else Owner(uid=os.getuid(), gid=(tmp_path / "node").stat().st_gid, mode=0o640)
    assert look(tmp_path).owner("/node") == expected


def test_processes_of_the_container_are_not_taken_for_the_machines(look: Look, tmp_path: Path) -> None:
    bare = look(tmp_path, "--own-kernel")
    assert (bare.read("/proc/version").text or "").startswith("Linux version")
    for path in ("/proc/1/cgroup", "/proc/self/status", "/proc/mounts"):
        assert bare.read(path).failure == "not visible from a container"
        assert bare.exists(path) is None
    seen = look(Path("/"), "--own-kernel")
    assert seen.read("/proc/1/cgroup").failure != "not visible from a container"
    assert seen.read("/proc/self/status").failure == "not visible from a container"


def test_what_only_that_machine_could_do_is_unknown(look: Look, tmp_path: Path) -> None:
    there = look(tmp_path)
    assert (there.variable("PATH"), there.which("sh"), there.accessible("/")) == (None, None, None)
    assert there.run(Command(argv=("true",), timeout_seconds=1)).failure == "not run on the daemon's host"
    assert there.http_get("unix:///x", "/", 1).failure == "not run on the daemon's host"


def test_each_question_is_asked_once_and_several_together(look: Look, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("first")
    there = look(tmp_path)
    there.fetch((("read", "/file", 65536), ("exists", "/file")))
    (tmp_path / "file").unlink()
    assert (there.read("/file"), there.exists("/file"), there.link("/file")) == (Read("first"), True, None)


@pytest.mark.parametrize(
    ("program", "failure"),
    [
        ("raise SystemExit('docker: no such image')", "docker: no such image"),
        ("raise SystemExit", "ended without a word"),
        ("print('hello', flush=True); input()", "the agent's answer cannot be read"),
        ("print('[1, 2, 3]', flush=True); input()", "the agent's answer cannot be read"),
    ],
)
def test_an_agent_that_does_not_work_leaves_everything_unknown(
    look: Look, tmp_path: Path, program: str, failure: str
) -> None:
    there = look(tmp_path, program=program)
    assert there.read("/etc/os-release") == Read(failure=failure)
    assert there.failure == failure
    assert (there.exists("/etc"), there.names("/etc"), there.machine()) == (None, None, Machine())


def test_an_answer_of_another_kind_is_unknown(look: Look, tmp_path: Path) -> None:
    there = look(tmp_path, program="import sys\nfor _ in sys.stdin: print('[{\"no\": 1.5}]', flush=True)")
    assert (there.exists("/etc"), there.names("/etc"), there.real_path("/etc")) == (None, None, None)
    assert there.read("/etc").failure is not None


def test_an_agent_that_cannot_be_started_is_a_failure() -> None:
    there = RemoteHost(Command(argv=("/nonexistent/docker",), timeout_seconds=1))
    assert there.failure == "no such file or directory"
    assert there.read("/etc/os-release").failure == there.failure
    assert there.close()
