"""What the project file says of running, in containers of the Docker Engine."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from envkit.engines.labels import standing_name
from envkit.errors import RunError
from envkit.model.environment import Environment, State
from envkit.model.plan import DeviceAccess, Mount, Plan, RunSettings

if TYPE_CHECKING:
    from conftest import DockerSite

pytestmark = pytest.mark.engine
MakeWheel = Callable[..., Path]
COMMAND = ("python", "-c", "import time; print('up', flush=True); time.sleep(1000)")


@pytest.fixture
def plan(docker_site: "DockerSite", make_wheel: MakeWheel, tmp_path: Path) -> Plan:
    return docker_site.plan(make_wheel(tmp_path / "wheels", "tiny-demo", "1.0"))


def inspected(environment: Environment) -> dict[str, Any]:
    client = which("docker")
    assert client is not None
    text = subprocess.run(
        [client, "container", "inspect", environment.reference], check=True, capture_output=True
    ).stdout
    (container,) = msgspec.json.decode(text)
    assert isinstance(container, dict)
    return container


def up(site: "DockerSite", plan: Plan, **settings: object) -> Environment:
    return site.up(msgspec.structs.replace(plan, run=RunSettings(**settings)))  # type: ignore[arg-type]


def test_variables_shared_memory_and_mounts_of_plan_and_driver_are_there_from_the_start(
    docker_site: "DockerSite", plan: Plan, tmp_path: Path
) -> None:
    (tmp_path / "driver").mkdir()
    access = DeviceAccess(
        mounts=(Mount(source=str(tmp_path / "driver"), target="/driver", read_only=True),),
        environment={"VISIBLE": "0", "LEVEL": "driver"},
        runtime="runc",
    )
    run = RunSettings(environment={"GREETING": "a b=c\"d'$e", "LEVEL": "own"}, shared_memory="96m")
    environment = docker_site.start(msgspec.structs.replace(plan, access=access, run=run))
    program = "import os; s = os.statvfs('/dev/shm'); print(s.f_frsize * s.f_blocks // 2**20, os.listdir('/driver'),"
    program += "[os.environ[name] for name in ('GREETING', 'VISIBLE', 'LEVEL')])"
    assert docker_site.python(environment, program) == "96 [] ['a b=c\"d\\'$e', '0', 'own']\n"
    assert inspected(environment)["HostConfig"]["Runtime"] == "runc"


def test_unknown_runtime_is_the_engine_s_error(docker_site: "DockerSite", plan: Plan) -> None:
    with pytest.raises(RunError) as failure:
        docker_site.start(msgspec.structs.replace(plan, access=DeviceAccess(runtime="envkit-none")))
    assert "envkit-none" in failure.value.facts[0]


def test_candidate_waits_and_what_takes_its_place_has_command_and_ports(docker_site: "DockerSite", plan: Plan) -> None:
    plan = msgspec.structs.replace(plan, run=RunSettings(ports=(18888,), command=COMMAND))
    candidate = docker_site.engine.start(plan, docker_site.build(plan), docker_site.notes.append)
    assert inspected(candidate)["Config"]["Cmd"] == ["sleep", "infinity"]
    assert not any((inspected(candidate)["HostConfig"]["PortBindings"] or {}).values())
    standing = docker_site.engine.commit(plan, candidate)
    assert docker_site.engine.find(plan.name) == standing
    container = inspected(standing)
    assert container["Config"]["Cmd"] == list(COMMAND)
    if docker_site.client.default_network() == "bridge":
        bindings = container["HostConfig"]["PortBindings"]
        assert bindings == {"18888/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18888"}]}
    else:
        assert any("reached from everywhere" in note for note in docker_site.notes)
    assert docker_site.containers(plan.name) == {standing_name(os.getuid(), plan.name)}
    resumed = docker_site.engine.resume(docker_site.engine.stop(standing))
    assert resumed.state is State.READY
    assert inspected(resumed)["Config"]["Cmd"] == list(COMMAND)


def test_command_that_ends_at_once_is_told_and_what_stood_goes_on(docker_site: "DockerSite", plan: Plan) -> None:
    standing = up(docker_site, plan, command=COMMAND)
    with pytest.raises(RunError, match="as soon as it is started") as failure:
        up(docker_site, plan, command=("no-such-program",))
    assert failure.value.facts
    assert docker_site.engine.find(plan.name) == standing
    assert "up" in docker_site.python(standing, "print('up')")
    assert docker_site.containers(plan.name) == {standing_name(os.getuid(), plan.name)}


def test_driver_s_only_user_runs_the_container(docker_site: "DockerSite", plan: Plan) -> None:
    environment = docker_site.start(msgspec.structs.replace(plan, access=DeviceAccess(user=4711)))
    assert docker_site.python(environment, "import os; print(os.getuid(), os.getgid())") == "4711 4711\n"
