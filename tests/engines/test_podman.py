"""Containers of a real podman: the same behaviour as with the Docker Engine, on one image that is built once."""

import os
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from threading import Thread
from typing import TYPE_CHECKING

import msgspec
import pytest

from envkit.engines import load_engine
from envkit.engines.backends.podman import connect, make_engine
from envkit.engines.labels import candidate_name, repository, retired_name, standing_name
from envkit.errors import EnvkitError, RunError
from envkit.model.environment import Built, Environment, State
from envkit.model.plan import DeviceAccess, Mount, Plan, RunSettings
from envkit.model.resolution import Base

if TYPE_CHECKING:
    from conftest import DockerSite

pytestmark = pytest.mark.engine
MakeWheel = Callable[..., Path]
BASE = "python:3.11-slim-bookworm"
CDI_DIRECTORY = Path("/var/run/cdi")
_BUILT: dict[str, tuple[Plan, Built]] = {}


@pytest.fixture
def site(
    containers_registry: None,  # noqa: ARG001 - its settings are what podman reads
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_site: "Callable[..., DockerSite]",
) -> "Iterator[DockerSite]":
    if which("podman") is None:
        pytest.skip("no `podman` command")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    try:
        state = make_engine().find_base(BASE)
    except EnvkitError as error:
        pytest.skip(f"podman does not work here: {error.message}: {'; '.join(error.facts)}")
    if not state.available:
        pytest.skip(f"no base image {BASE}: {state.reason}")
    site = make_site(make_engine(), connect(), Base(image=BASE, os="debian-12", digest=state.digest))
    yield site
    for plan, _ in _BUILT.values():
        for container in site.client.containers({"dev.envkit.name": plan.name}):
            site.client.remove(container.id)


@pytest.fixture(scope="module", autouse=True)
def images_removed() -> Iterator[None]:
    yield
    for plan, built in _BUILT.values():
        make_engine().discard(plan, built)


@pytest.fixture
def made(site: "DockerSite", make_wheel: MakeWheel, tmp_path: Path) -> tuple[Plan, Built]:
    """The plan of one image, which the first test builds."""
    if "plan" not in _BUILT:
        plan = site.plan(make_wheel(tmp_path / "wheels", "tiny-demo", "1.0"), name=f"Podman.{os.getpid()}")
        _BUILT["plan"] = plan, site.build(plan)
        assert any("podman" in note for note in site.notes)
    return _BUILT["plan"]


@pytest.fixture
def plan(made: tuple[Plan, Built]) -> Plan:
    return made[0]


def start(site: "DockerSite", made: tuple[Plan, Built], **fields: object) -> Environment:
    plan = msgspec.structs.replace(made[0], **fields)
    return site.engine.start(plan, made[1], site.notes.append)


def up(site: "DockerSite", made: tuple[Plan, Built], **fields: object) -> Environment:
    plan = msgspec.structs.replace(made[0], **fields)
    return site.engine.commit(plan, site.engine.start(plan, made[1], site.notes.append))


def test_image_of_the_portable_dialect_runs_without_rights(site: "DockerSite", made: tuple[Plan, Built]) -> None:
    environment = start(site, made)
    program = "import tiny_demo, os; print(tiny_demo.__version__, os.path.exists(tiny_demo.__cached__))"
    assert site.python(environment, program) == "1.0 True\n"
    for process in ("1", "self"):
        text = site.python(environment, f"print(open('/proc/{process}/status').read())")
        seen = {key: value.split() for key, _, value in (line.partition(":") for line in text.splitlines())}
        assert {int(seen[kind][0], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
        assert seen["NoNewPrivs"] == ["1"]
        assert "0" not in {*seen["Uid"], *seen["Gid"]}


def test_same_plan_finds_the_image_that_was_built_before(site: "DockerSite", made: tuple[Plan, Built]) -> None:
    again = site.build(made[0])
    assert (again.reused, again.reference) == (True, made[1].reference)


def working_containers() -> set[str]:
    """Return the containers in which images are being built, or were."""
    argv = ["podman", "ps", "--all", "--external", "--filter", "status=unknown", "--format", "{{.ID}}"]
    return set(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split())


def test_what_a_killed_build_leaves_does_not_stand_in_the_way_of_the_next(
    site: "DockerSite", make_wheel: MakeWheel, tmp_path: Path
) -> None:
    plan = site.plan(make_wheel(tmp_path / "wheels", "tiny-demo", "1.0"), name=f"podman.killed.{os.getpid()}")
    before = working_containers()
    failed: list[EnvkitError] = []

    def build() -> None:
        try:
            site.build(plan)
        except EnvkitError as error:
            failed.append(error)

    thread = Thread(target=build)
    thread.start()
    deadline = time.monotonic() + 60
    while thread.is_alive() and not failed and time.monotonic() < deadline:
        if len(working_containers() - before) > 1:  # the second stage uses the image of the first
            subprocess.run(["pkill", "-KILL", "-f", f"podman build.*{repository(plan.name)}"], check=False)  # noqa: S607
            break
    thread.join(60)
    left = working_containers() - before
    try:
        assert failed
        assert left
        built = site.build(plan)
        assert site.client.image(built.reference) is not None
        site.engine.discard(plan, built)
    finally:
        subprocess.run(["podman", "rm", "--force", *left], check=True, capture_output=True)  # noqa: S607


def test_environment_is_known_from_labels_alone(site: "DockerSite", made: tuple[Plan, Built]) -> None:
    candidate = start(site, made)
    assert site.engine.find(made[0].name) is None
    standing = site.engine.commit(made[0], candidate)
    found = load_engine("podman").find(made[0].name)
    assert found == standing
    assert (standing.engine, standing.packages, standing.state) == ("podman", {"tiny-demo": "1.0"}, State.READY)
    assert make_engine(os.getuid() + 1).find(made[0].name) is None


def test_commit_replaces_the_container_that_stood(site: "DockerSite", made: tuple[Plan, Built]) -> None:
    old = up(site, made)
    new = up(site, made)
    assert old.reference != new.reference
    assert site.engine.find(made[0].name) == new
    assert site.containers(made[0].name) == {standing_name(os.getuid(), made[0].name)}


def test_run_that_was_killed_while_it_replaced_leaves_the_old_environment(
    site: "DockerSite", made: tuple[Plan, Built]
) -> None:
    standing = up(site, made)
    start(site, made)
    site.client.rename(standing.reference, retired_name(os.getuid(), made[0].name))
    assert site.engine.find(made[0].name) == standing
    assert site.build(made[0]).reused
    assert site.engine.find(made[0].name) == standing
    assert site.containers(made[0].name) == {standing_name(os.getuid(), made[0].name)}


def test_stopped_environment_is_resumed_with_what_was_written_in_it(
    site: "DockerSite", made: tuple[Plan, Built]
) -> None:
    standing = up(site, made)
    site.python(standing, "open('kept', 'w').write('yes')")
    stopped = site.engine.stop(standing)
    assert site.engine.find(made[0].name) == stopped
    assert stopped.state is State.STOPPED
    refused = site.engine.execute(stopped, ("true",), timeout_seconds=20)
    assert "running" in str(refused.failure)
    resumed = site.engine.resume(stopped)
    assert site.python(resumed, "print(open('kept').read())") == "yes\n"


@pytest.mark.parametrize(
    ("argv", "failure"), [(("no-such-command",), "not found"), (("/etc/passwd",), "permission denied")]
)
def test_command_that_cannot_be_started_is_a_failure(
    site: "DockerSite", made: tuple[Plan, Built], argv: tuple[str, ...], failure: str
) -> None:
    environment = start(site, made)
    completed = site.engine.execute(environment, argv, timeout_seconds=20)
    assert completed.status is None
    assert failure in str(completed.failure)
    own = site.engine.execute(
        environment, ("sh", "-c", "cat; echo error >&2; exit 127"), stdin="in", timeout_seconds=20
    )
    assert (own.status, own.stdout, own.stderr, own.failure) == (127, "in", "error\n", None)


def test_time_limit_ends_the_command_and_its_children_inside(site: "DockerSite", made: tuple[Plan, Built]) -> None:
    environment = start(site, made)
    completed = site.engine.execute(environment, ("sh", "-c", "sleep 1111 & sleep 2222; true"), timeout_seconds=1.5)
    assert completed.failure == "timed out after 1.5 s"
    program = "import glob; print([open(path).read() for path in glob.glob('/proc/[0-9]*/cmdline')])"
    processes = site.python(environment, program)
    assert "1111" not in processes
    assert "2222" not in processes


def test_attached_command_has_this_process_s_streams_and_gives_its_status(
    site: "DockerSite", made: tuple[Plan, Built], capfd: pytest.CaptureFixture[str]
) -> None:
    status = site.engine.attach(start(site, made), ("sh", "-c", "echo out; exit 5"), interactive=False)
    assert (status, capfd.readouterr().out) == (5, "out\n")


def test_mounts_variables_and_shared_memory_are_as_asked(
    site: "DockerSite", made: tuple[Plan, Built], tmp_path: Path
) -> None:
    shared, fixed = tmp_path / "shared", tmp_path / "fixed,1"
    for directory in (shared, fixed):
        directory.mkdir()
        directory.chmod(0o777)
    mounts = (
        Mount(source=str(shared), target="/workspace"),
        Mount(source=str(fixed), target="/data", read_only=True),
    )
    run = RunSettings(environment={"GREETING": 'a b=c"d'}, shared_memory="96m")
    environment = start(site, made, mounts=mounts, run=run)
    program = "import os; s = os.statvfs('/dev/shm'); open('/workspace/made', 'w');"
    program += "print(os.environ['GREETING'], s.f_frsize * s.f_blocks // 2**20)"
    assert site.python(environment, program) == 'a b=c"d 96\n'
    assert (shared / "made").stat().st_uid == (os.getuid() or 1000)
    completed = site.engine.execute(environment, ("touch", "/data/made"), timeout_seconds=20)
    assert "Read-only" in completed.stderr


def test_command_of_the_plan_is_what_runs_and_its_port_is_this_machine_s_alone(
    site: "DockerSite", made: tuple[Plan, Built]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ("python", "-m", "http.server", str(port))
    for _ in range(2):  # the second one takes the port over from the first
        environment = up(site, made, run=RunSettings(ports=(port,), command=command))
        assert "http.server" in site.python(environment, "print(open('/proc/1/cmdline').read())")
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as visitor:
                visitor.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert visitor.recv(8) == b"HTTP/1.0"
                break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_command_that_ends_at_once_is_told_and_what_stood_goes_on(site: "DockerSite", made: tuple[Plan, Built]) -> None:
    standing = up(site, made)
    with pytest.raises(RunError, match="as soon as it is started") as failure:
        up(site, made, run=RunSettings(command=("sh", "-c", "echo no; exit 3")))
    assert "no" in failure.value.facts
    assert site.engine.find(made[0].name) == standing
    assert site.python(standing, "print(1)") == "1\n"
    assert site.containers(made[0].name) == {standing_name(os.getuid(), made[0].name)}


@pytest.fixture
def node() -> Iterator[Path]:
    """A device that is `/dev/zero` under another name and belongs to a group of its own."""
    path = Path(f"/dev/envkit-podman-{os.getpid()}")
    try:
        os.mknod(path, stat.S_IFCHR | 0o660, os.makedev(1, 5))
        os.chown(path, 0, 23456)
        path.chmod(0o660)
    except PermissionError as error:
        pytest.skip(f"cannot make a device node: {error}")
    yield path
    path.unlink()


def test_node_is_opened_through_the_number_of_its_group(
    site: "DockerSite", made: tuple[Plan, Built], node: Path
) -> None:
    for groups in ((23456,), ()):  # with none, the group is looked up
        environment = start(site, made, access=DeviceAccess(nodes=(str(node),), groups=groups))
        assert site.python(environment, f"print(open({str(node)!r}, 'rb').read(2))") == "b'\\x00\\x00'\n"


def test_cdi_device_is_seen_inside(site: "DockerSite", made: tuple[Plan, Built]) -> None:
    if os.getuid() != 0:
        pytest.skip(f"only root can write where podman reads CDI specs: {CDI_DIRECTORY}")
    there = CDI_DIRECTORY.exists()
    CDI_DIRECTORY.mkdir(exist_ok=True)
    spec = CDI_DIRECTORY / f"envkit-test-{os.getpid()}.json"
    device = {"path": "/dev/davinci0", "hostPath": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666}
    edits = {"deviceNodes": [device]}
    document = {"cdiVersion": "0.5.0", "kind": "envkit.dev/fake", "devices": [{"name": "0", "containerEdits": edits}]}
    spec.write_bytes(msgspec.json.encode(document))
    try:
        environment = start(site, made, access=DeviceAccess(cdi=("envkit.dev/fake=0",)))
        assert site.python(environment, "print(open('/dev/davinci0', 'rb').read(2))") == "b'\\x00\\x00'\n"
    finally:
        spec.unlink()
        if not there:
            CDI_DIRECTORY.rmdir()


def test_device_that_podman_cannot_give_is_named_and_nothing_is_left(
    site: "DockerSite", made: tuple[Plan, Built]
) -> None:
    with pytest.raises(RunError) as failure:
        start(site, made, access=DeviceAccess(cdi=("envkit.dev/none=0",)))
    assert "envkit.dev/none=0" in failure.value.facts[0]
    with pytest.raises(RunError, match="CDI"):
        start(site, made, access=DeviceAccess(gpu_indices=(0,)))
    assert candidate_name(os.getuid(), made[0].name) not in site.containers(made[0].name)


def test_base_image_that_is_not_there_is_told(site: "DockerSite") -> None:
    missing = site.engine.find_base("python:0.0-none")
    assert (missing.available, missing.digest) == (False, None)
    assert "manifest" in missing.reason
