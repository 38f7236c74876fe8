"""Containers of a real engine: what they may do, and how one takes another's place."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import msgspec
import pytest

from envkit.engines.backends.docker import make_engine
from envkit.engines.labels import candidate_name, retired_name, standing_name
from envkit.errors import RunError
from envkit.model.environment import Built, Environment, State
from envkit.model.plan import DeviceAccess, Mount, Plan

if TYPE_CHECKING:
    from conftest import DockerSite

pytestmark = pytest.mark.engine
MakeWheel = Callable[..., Path]
STATUS = "print(open('/proc/{}/status').read())"


@pytest.fixture
def plan(docker_site: "DockerSite", make_wheel: MakeWheel, tmp_path: Path) -> Plan:
    return docker_site.plan(make_wheel(tmp_path / "wheels", "tiny-demo", "1.0"))


def status(text: str) -> dict[str, list[str]]:
    return {key: value.split() for key, _, value in (line.partition(":") for line in text.splitlines())}


@pytest.mark.parametrize("process", ["1", "self"])
def test_no_process_has_privileges_or_can_get_them(docker_site: "DockerSite", plan: Plan, process: str) -> None:
    seen = status(docker_site.python(docker_site.start(plan), STATUS.format(process)))
    assert {int(seen[kind][0], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert seen["NoNewPrivs"] == ["1"]
    assert "0" not in {*seen["Uid"], *seen["Gid"], *seen["Groups"]}


def test_container_gets_nothing_that_was_not_asked_for(docker_site: "DockerSite", plan: Plan) -> None:
    client = which("docker")
    assert client is not None
    inspected = subprocess.run(
        [client, "container", "inspect", docker_site.start(plan).reference], check=True, capture_output=True
    ).stdout
    (container,) = msgspec.json.decode(inspected)
    host = container["HostConfig"]
    assert (host["Privileged"], host["PidsLimit"], host["Init"]) == (False, 8192, True)
    assert not any(host.get(kind) for kind in ("Binds", "Mounts", "Devices", "DeviceRequests", "CapAdd", "GroupAdd"))
    assert not host["PortBindings"]
    assert not host["PublishAllPorts"]
    assert (host["RestartPolicy"]["Name"], host["AutoRemove"]) == ("no", False)
    assert (host["PidMode"], host["IpcMode"], host["UsernsMode"]) == ("", "private", "")
    assert host["ShmSize"] == 1024**3


def test_any_user_has_a_home_a_name_and_a_place_to_write(docker_site: "DockerSite", plan: Plan) -> None:
    program = "import getpass, os; open('here', 'w'); open(os.path.expanduser('~/there'), 'w');"
    program += "print(getpass.getuser(), os.getcwd())"
    assert docker_site.python(docker_site.start(plan), program) == "envkit /workspace\n"


def test_environment_is_known_from_labels_alone(
    docker_site: "DockerSite", plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = docker_site.up(plan)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "lost"))
    found = make_engine().find(plan.name)
    assert found == standing
    assert found is not None
    assert (found.python, found.vendor, found.recipes, found.packages) == (
        "3.11",
        "cpu",
        ("demo",),
        {"tiny-demo": "1.0"},
    )
    assert found in make_engine().environments()


def test_environment_of_another_user_is_not_ours(docker_site: "DockerSite", plan: Plan) -> None:
    docker_site.up(plan)
    assert make_engine(os.getuid() + 1).find(plan.name) is None


def test_candidate_is_not_an_environment_until_it_is_committed(docker_site: "DockerSite", plan: Plan) -> None:
    candidate = docker_site.start(plan)
    assert docker_site.engine.find(plan.name) is None
    docker_site.engine.commit(plan, candidate)
    assert docker_site.engine.find(plan.name) == candidate


def test_discarded_candidate_leaves_neither_container_nor_image(docker_site: "DockerSite", plan: Plan) -> None:
    built = docker_site.build(plan)
    docker_site.engine.start(plan, built)
    docker_site.engine.discard(plan, built)
    assert docker_site.containers(plan.name) == set()
    assert docker_site.images(plan.name) == ()


def test_discarding_keeps_what_stands_even_on_the_same_image(docker_site: "DockerSite", plan: Plan) -> None:
    standing = docker_site.up(plan)
    built = docker_site.build(plan)
    docker_site.engine.start(plan, built)
    docker_site.engine.discard(plan, built)
    assert docker_site.engine.find(plan.name) == standing
    assert docker_site.images(plan.name) == (standing.image,)


def newer(docker_site: "DockerSite", plan: Plan, make_wheel: MakeWheel, tmp_path: Path) -> Plan:
    return docker_site.plan(make_wheel(tmp_path / "wheels", "tiny-demo", "2.0"), name=plan.name)


def test_commit_replaces_container_and_image(
    docker_site: "DockerSite", plan: Plan, make_wheel: MakeWheel, tmp_path: Path
) -> None:
    old = docker_site.up(plan)
    new = docker_site.up(newer(docker_site, plan, make_wheel, tmp_path))
    assert new.packages == {"tiny-demo": "2.0"}
    assert docker_site.engine.find(plan.name) == new
    assert docker_site.containers(plan.name) == {standing_name(os.getuid(), plan.name)}
    assert docker_site.images(plan.name) == (new.image,) != (old.image,)


def test_run_that_was_killed_leaves_the_old_environment_and_the_next_build_cleans_up(
    docker_site: "DockerSite", plan: Plan, make_wheel: MakeWheel, tmp_path: Path
) -> None:
    standing = docker_site.up(plan)
    new = newer(docker_site, plan, make_wheel, tmp_path)
    docker_site.start(new)  # and nobody commits or discards it
    assert docker_site.engine.find(plan.name) == standing
    docker_site.build(plan)
    assert docker_site.containers(plan.name) == {standing_name(os.getuid(), plan.name)}
    assert docker_site.images(plan.name) == (standing.image,)


def test_run_that_was_killed_while_it_replaced_leaves_the_old_environment(
    docker_site: "DockerSite", plan: Plan, make_wheel: MakeWheel, tmp_path: Path
) -> None:
    standing = docker_site.up(plan)
    new = newer(docker_site, plan, make_wheel, tmp_path)
    docker_site.start(new)
    docker_site.client.rename(standing.reference, retired_name(os.getuid(), plan.name))
    assert docker_site.engine.find(plan.name) == standing
    docker_site.build(new)
    assert docker_site.containers(plan.name) == {standing_name(os.getuid(), plan.name)}
    assert docker_site.engine.find(plan.name) == standing


def test_run_that_was_killed_after_it_replaced_leaves_the_new_environment(
    docker_site: "DockerSite", plan: Plan, make_wheel: MakeWheel, tmp_path: Path
) -> None:
    old = docker_site.up(plan)
    new = docker_site.start(newer(docker_site, plan, make_wheel, tmp_path))
    docker_site.client.rename(old.reference, retired_name(os.getuid(), plan.name))
    docker_site.client.rename(new.reference, standing_name(os.getuid(), plan.name))
    assert docker_site.engine.find(plan.name) == new
    docker_site.build(plan)
    assert docker_site.containers(plan.name) == {standing_name(os.getuid(), plan.name)}


def test_stopped_environment_is_resumed_with_what_was_written_in_it(docker_site: "DockerSite", plan: Plan) -> None:
    standing = docker_site.up(plan)
    docker_site.python(standing, "open('kept', 'w').write('yes')")
    stopped = docker_site.engine.stop(standing)
    assert docker_site.engine.find(plan.name) == stopped
    assert stopped.state is State.STOPPED
    refused = docker_site.engine.execute(stopped, ("true",), timeout_seconds=20)
    assert refused.failure is not None
    assert "not running" in refused.failure
    resumed = docker_site.engine.resume(stopped)
    assert resumed.state is State.READY
    assert docker_site.python(resumed, "print(open('kept').read())") == "yes\n"
    assert docker_site.engine.resume(resumed) == resumed


def test_removed_environment_leaves_nothing_and_removing_it_again_is_no_error(
    docker_site: "DockerSite", plan: Plan
) -> None:
    standing = docker_site.up(plan)
    docker_site.engine.start(plan, docker_site.build(plan))
    docker_site.engine.remove(standing)
    docker_site.engine.remove(standing)
    assert docker_site.engine.find(plan.name) is None
    assert docker_site.containers(plan.name) == set()
    assert docker_site.images(plan.name) == ()


def test_image_that_another_container_uses_is_kept(docker_site: "DockerSite", plan: Plan) -> None:
    standing = docker_site.up(plan)
    candidate = docker_site.start(plan)
    docker_site.client.rename(candidate.reference, f"envkit-test-of-somebody-else-{os.getpid()}")
    docker_site.engine.remove(standing)
    assert docker_site.images(plan.name) == (standing.image,)


@pytest.fixture
def running(docker_site: "DockerSite", plan: Plan) -> Environment:
    return docker_site.up(plan)


def test_output_streams_and_status_of_a_command_are_told_apart(docker_site: "DockerSite", running: Environment) -> None:
    script = ("sh", "-c", "cat; echo error >&2; exit 7")
    completed = docker_site.engine.execute(running, script, stdin="input", timeout_seconds=20)
    assert (completed.status, completed.stdout, completed.stderr) == (7, "input", "error\n")
    assert completed.failure is None


@pytest.mark.parametrize(
    ("argv", "failure"), [(("no-such-command",), "not found"), (("/etc/passwd",), "permission denied")]
)
def test_command_that_cannot_be_started_is_a_failure(
    docker_site: "DockerSite", running: Environment, argv: tuple[str, ...], failure: str
) -> None:
    completed = docker_site.engine.execute(running, argv, timeout_seconds=20)
    assert completed.status is None
    assert failure in str(completed.failure)


def test_status_127_of_a_command_is_its_own(docker_site: "DockerSite", running: Environment) -> None:
    completed = docker_site.engine.execute(running, ("sh", "-c", "exit 127"), timeout_seconds=20)
    assert (completed.status, completed.failure) == (127, None)


def test_time_limit_ends_the_command_and_its_children_inside(docker_site: "DockerSite", running: Environment) -> None:
    completed = docker_site.engine.execute(running, ("sh", "-c", "sleep 1111 & sleep 2222; true"), timeout_seconds=1.5)
    assert completed.failure == "timed out after 1.5 s"
    program = "import glob; print([open(path).read() for path in glob.glob('/proc/[0-9]*/cmdline')])"
    processes = docker_site.python(running, program)
    assert "1111" not in processes
    assert "2222" not in processes


def test_attached_command_has_this_process_s_streams_and_gives_its_status(
    docker_site: "DockerSite", running: Environment, capfd: pytest.CaptureFixture[str]
) -> None:
    status = docker_site.engine.attach(running, ("sh", "-c", "echo out; exit 5"), interactive=False)
    assert (status, capfd.readouterr().out) == (5, "out\n")


@pytest.mark.usefixtures("docker_site")
def test_interactive_shell_has_a_terminal(running: Environment) -> None:
    program = (
        "import msgspec, sys; from envkit.engines import load_engine; from envkit.model.environment import Environment;"
        "environment = msgspec.json.decode(sys.argv[1], type=Environment);"
        "raise SystemExit(load_engine('docker').attach(environment, (), interactive=True))"
    )
    ours, theirs = os.openpty()
    shell = subprocess.Popen(
        [sys.executable, "-c", program, msgspec.json.encode(running).decode()],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "envkit-test"},
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, b"tty; echo term=$TERM; exit 9\n")
    seen = b""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(ours)
    assert shell.wait(timeout=30) == 9
    assert b"/dev/pts/" in seen
    assert b"term=envkit-test" in seen


def test_mount_is_seen_as_asked(docker_site: "DockerSite", plan: Plan, tmp_path: Path) -> None:
    shared, fixed = tmp_path / "shared", tmp_path / "fixed,1"
    shared.mkdir()
    shared.chmod(0o777)
    fixed.mkdir(mode=0o777)
    mounts = (
        Mount(source=str(shared), target="/workspace"),
        Mount(source=str(fixed), target="/data", read_only=True),
    )
    environment = docker_site.start(msgspec.structs.replace(plan, mounts=mounts))
    docker_site.python(environment, "open('/workspace/made', 'w')")
    made = shared / "made"
    assert made.stat().st_uid == (os.getuid() or 1000)
    completed = docker_site.engine.execute(environment, ("touch", "/data/made"), timeout_seconds=20)
    assert "Read-only" in completed.stderr


def test_start_that_fails_has_the_engine_s_words_and_leaves_nothing(docker_site: "DockerSite", plan: Plan) -> None:
    plan = msgspec.structs.replace(plan, mounts=(Mount(source="/no/such/directory", target="/data"),))
    with pytest.raises(RunError) as failure:
        docker_site.start(plan)
    assert "/no/such/directory" in failure.value.facts[0]
    assert docker_site.containers(plan.name) == set()


def test_image_that_is_gone_cannot_be_started(docker_site: "DockerSite", plan: Plan) -> None:
    gone = Built(engine="docker", reference=f"sha256:{'0' * 64}")
    with pytest.raises(RunError):
        docker_site.engine.start(plan, gone)
    assert candidate_name(os.getuid(), plan.name) not in docker_site.containers(plan.name)


def make_node(path: Path, mode: int, group: int) -> None:
    """Make a device that is `/dev/zero` under another name."""
    try:
        os.mknod(path, stat.S_IFCHR | mode, os.makedev(1, 5))
        os.chown(path, 0, group)
    except PermissionError as error:
        pytest.skip(f"cannot make a device node: {error}")


@pytest.fixture
def node() -> Iterator[Path]:
    path = Path(f"/dev/envkit-test-{os.getpid()}")
    make_node(path, 0o660, 23456)
    yield path
    path.unlink()


def read_zero(docker_site: "DockerSite", environment: Environment, path: str) -> str:
    return docker_site.python(environment, f"print(open({path!r}, 'rb').read(2))")


def test_cdi_device_is_seen_inside(docker_site: "DockerSite", plan: Plan) -> None:
    directory = os.environ.get("ENVKIT_TEST_CDI_DIR")
    if directory is None:
        pytest.skip("ENVKIT_TEST_CDI_DIR is not set: no directory from which the engine reads CDI specs")
    spec = Path(directory) / f"envkit-test-{os.getpid()}.yaml"
    node = {"path": "/dev/envkit-fake", "hostPath": "/dev/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666}
    edits = {"deviceNodes": [node]}
    spec.write_text(
        msgspec.json.encode(
            {"cdiVersion": "0.5.0", "kind": "envkit.dev/fake", "devices": [{"name": "0", "containerEdits": edits}]}
        ).decode()
    )
    try:
        access = DeviceAccess(cdi=("envkit.dev/fake=0",))
        environment = docker_site.start(msgspec.structs.replace(plan, access=access))
        assert read_zero(docker_site, environment, "/dev/envkit-fake") == "b'\\x00\\x00'\n"
    finally:
        spec.unlink()


def test_unknown_cdi_device_is_an_error_that_names_it(docker_site: "DockerSite", plan: Plan) -> None:
    plan = msgspec.structs.replace(plan, access=DeviceAccess(cdi=("envkit.dev/none=0",)))
    with pytest.raises(RunError) as failure:
        docker_site.start(plan)
    assert "envkit.dev/none=0" in failure.value.facts[0]


def test_node_is_opened_through_the_number_of_its_group(docker_site: "DockerSite", plan: Plan, node: Path) -> None:
    access = DeviceAccess(nodes=(str(node),), groups=(23456,), environment={"VISIBLE": "0"})
    environment = docker_site.start(msgspec.structs.replace(plan, access=access))
    assert read_zero(docker_site, environment, str(node)) == "b'\\x00\\x00'\n"
    assert docker_site.python(environment, "import os; print(os.environ['VISIBLE'])") == "0\n"


def test_group_of_a_node_is_looked_up_where_the_facts_do_not_tell(
    docker_site: "DockerSite", plan: Plan, node: Path
) -> None:
    environment = docker_site.start(msgspec.structs.replace(plan, access=DeviceAccess(nodes=(str(node),))))
    assert read_zero(docker_site, environment, str(node)) == "b'\\x00\\x00'\n"


def test_node_of_another_group_stays_closed(docker_site: "DockerSite", plan: Plan, node: Path) -> None:
    access = DeviceAccess(nodes=(str(node),), groups=(34567,))
    environment = docker_site.start(msgspec.structs.replace(plan, access=access))
    completed = docker_site.engine.execute(environment, ("head", "-c1", str(node)), timeout_seconds=20)
    assert "Permission denied" in completed.stderr


def test_gpus_without_their_toolkit_are_the_engine_s_error(docker_site: "DockerSite", plan: Plan) -> None:
    if which("nvidia-container-runtime-hook") is not None:
        pytest.skip("this machine has the toolkit")
    with pytest.raises(RunError) as failure:
        docker_site.start(msgspec.structs.replace(plan, access=DeviceAccess(gpu_indices=(0,))))
    assert "gpu" in failure.value.facts[0]
    assert docker_site.containers(plan.name) == set()
