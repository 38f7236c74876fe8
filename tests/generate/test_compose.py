"""Compose files: what is written, that nothing in them is a variable by accident, and their two validators."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from envkit.errors import DataError, UnsafeTextError
from envkit.generate import generate_artifacts
from envkit.model.plan import DeviceAccess, DeviceRequest, Mount, Plan, RunSettings

MakePlan = Callable[..., Plan]
Write = Callable[[Plan | tuple[Plan, ...], str], Path]
GOLDEN = Path(__file__).parents[1] / "golden" / "outputs"
SETTINGS = RunSettings(ports=(8888,), environment={"A": "$HOME ${B:-x}"}, shared_memory="8g", command=("echo", "$A"))


def service(plan: Plan) -> dict[str, object]:
    document = yaml.safe_load(generate_artifacts(plan, "compose").text("compose.yaml"))
    (found,) = document["services"].values()
    return dict(found)


def compose(*arguments: str) -> dict[str, object]:
    """Run docker compose, which needs no engine for it."""
    completed = subprocess.run(
        ["docker", "compose", *arguments, "config", "--format", "json"],  # noqa: S607 - the first on the path
        check=False,
        capture_output=True,
        text=True,
    )
    if "is not a docker command" in completed.stderr:
        pytest.skip("docker compose is not here")
    assert completed.returncode == 0, completed.stderr
    decoded: dict[str, object] = json.loads(completed.stdout)
    return decoded


def test_the_service_has_no_rights(container_plan: MakePlan) -> None:
    found = service(container_plan())
    assert (found["cap_drop"], found["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert (found["pids_limit"], found["init"]) == (8192, True)
    assert "privileged" not in found


def test_it_is_built_here_and_never_pulled(container_plan: MakePlan) -> None:
    found = service(container_plan(name="My.Demo"))
    assert (found["image"], found["pull_policy"]) == ("envkit/my-demo", "never")
    assert found["build"] == {"context": "image", "platforms": ["linux/amd64"]}


def test_ports_are_those_of_this_machine_alone(container_plan: MakePlan) -> None:
    ports = service(container_plan(run=SETTINGS))["ports"]
    assert ports == [{"target": 8888, "published": "8888", "host_ip": "127.0.0.1", "protocol": "tcp"}]


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        (
            DeviceAccess(cdi=("nvidia.com/gpu=0",)),
            {"driver": "cdi", "device_ids": ["nvidia.com/gpu=0"], "capabilities": ["gpu"]},
        ),
        (DeviceAccess(gpu_indices=(0, 2)), {"driver": "nvidia", "device_ids": ["0", "2"], "capabilities": ["gpu"]}),
    ],
)
def test_devices_that_the_engine_knows_are_reserved(
    container_plan: MakePlan, access: DeviceAccess, expected: dict[str, object]
) -> None:
    found = service(container_plan(vendor="nvidia", access=access))
    assert found["deploy"] == {"resources": {"reservations": {"devices": [expected]}}}


def test_other_devices_are_nodes_groups_and_mounts_of_the_driver(container_plan: MakePlan) -> None:
    access = DeviceAccess(
        nodes=("/dev/davinci0",), groups=(1001,), mounts=(Mount(source="/d", target="/d"),), user=1000, runtime="ascend"
    )
    found = service(container_plan(vendor="ascend", access=access))
    assert (found["devices"], found["group_add"]) == (["/dev/davinci0:/dev/davinci0"], ["1001"])
    assert (found["user"], found["runtime"]) == ("1000", "ascend")
    assert [volume["target"] for volume in found["volumes"]] == ["/opt/envkit/smoke.py", "/d"]  # type: ignore[attr-defined]


def test_groups_whose_numbers_are_not_known_are_said(container_plan: MakePlan) -> None:
    plan = container_plan(
        vendor="amd", access=DeviceAccess(nodes=("/dev/kfd",)), devices=DeviceRequest(groups=("render",))
    )
    assert "group_add" not in service(plan)
    heading = generate_artifacts(plan, "compose").text("compose.yaml").partition("name:")[0]
    assert heading.endswith("`group_add` in compose.override.yaml: getent group render\n")


def test_groups_are_said_where_devices_go_by_names_in_cdi(container_plan: MakePlan) -> None:
    devices = DeviceRequest(cdi=("amd.com/gpu=0",), groups=("render",))
    for access in (DeviceAccess(), DeviceAccess(cdi=("amd.com/gpu=0",))):
        plan = container_plan(vendor="amd", access=access, devices=devices)
        heading = generate_artifacts(plan, "compose").text("compose.yaml").partition("name:")[0]
        assert heading.endswith("`group_add` in compose.override.yaml: getent group render\n")


def test_mounts_in_the_directory_are_relative_and_no_source_is_made(container_plan: MakePlan) -> None:
    mounts = (Mount(source="/home/me/p", target="/workspace"), Mount(source="/home/me/pp", target="/x"))
    found = service(container_plan(mounts=mounts, directory="/home/me/p"))
    volumes = found["volumes"]
    assert isinstance(volumes, list)
    assert [volume["source"] for volume in volumes] == ["./smoke.py", ".", "/home/me/pp"]
    assert {volume["bind"]["create_host_path"] for volume in volumes} == {False}


def test_compose_takes_every_value_as_it_was_meant(container_plan: MakePlan, generated: Write) -> None:
    mounts = (Mount(source="/a:b $C", target="/t:ro"),)
    directory = generated(container_plan(run=SETTINGS, mounts=mounts), "compose")
    (found,) = compose("--project-directory", str(directory), "-f", str(directory / "compose.yaml"))[
        "services"
    ].values()  # type: ignore[attr-defined]
    # It prints values so that it could read them again, with `$` doubled.
    assert found["environment"] == {"A": "$$HOME $${B:-x}"}
    assert found["command"] == ["echo", "$$A"]
    assert (found["volumes"][1]["source"], found["volumes"][1]["target"]) == ("/a:b $$C", "/t:ro")
    assert found["shm_size"] == str(8 << 30)


def test_what_has_no_place_in_the_file_is_refused(container_plan: MakePlan) -> None:
    with pytest.raises(DataError):
        service(container_plan(run=RunSettings(environment={"A=B": "c"})))
    with pytest.raises(UnsafeTextError):
        service(container_plan(run=RunSettings(command=("a\x00b",))))


def test_compose_reads_all_golden_files() -> None:
    paths = sorted(GOLDEN.glob("*/*/compose/compose.yaml"))
    assert len(paths) >= 12 * 6
    # Services of different names are put together as they are: one run reads all files.
    files = [part for path in paths for part in ("-f", str(path))]
    services = compose(*files)["services"]
    assert isinstance(services, dict)
    assert len(services) == len(paths)


def test_golden_files_fit_the_schema_of_the_specification(tmp_path: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in GOLDEN.glob("*/*/compose/compose.yaml")]
    # Those of one machine differ in their names alone: each kind is read once.
    kinds = {text.replace(text.split("\nname: ", 1)[1].split("\n", 1)[0], "demo") for text in texts}
    for number, text in enumerate(sorted(kinds)):
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
    program = Path(sys.executable).with_name("check-jsonschema")
    paths = map(str, tmp_path.iterdir())
    completed = subprocess.run(
        [str(program), "--builtin-schema", "vendor.compose-spec", *paths], check=False, capture_output=True, text=True
    )
    assert kinds
    assert completed.returncode == 0, completed.stdout
