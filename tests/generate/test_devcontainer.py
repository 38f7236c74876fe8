"""Development containers: what is written, what is refused, and that the tools' own program reads every golden one."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which

import pytest

from envkit.errors import DataError, UnsafeTextError
from envkit.generate import generate_artifacts
from envkit.generate.parseback import parse_dockerfile
from envkit.model.plan import DeviceAccess, DeviceRequest, Mount, Plan, RunSettings

MakePlan = Callable[..., Plan]
GOLDEN = Path(__file__).parents[1] / "golden" / "outputs"
NPM = os.environ.get("ENVKIT_NPM_DIR", "/var/tmp/envkit-npm")  # noqa: S108 - where .ci/npm installs
PROGRAM = Path(NPM, "node_modules", ".bin", "devcontainer")


def description(plan: Plan) -> dict[str, object]:
    decoded: dict[str, object] = json.loads(
        generate_artifacts(plan, "devcontainer").text(".devcontainer/devcontainer.json")
    )
    return decoded


def run_arguments(plan: Plan) -> list[str]:
    arguments = description(plan)["runArgs"]
    assert isinstance(arguments, list)
    return arguments


def test_the_container_has_no_rights_and_never_is_privileged(container_plan: MakePlan) -> None:
    arguments = run_arguments(container_plan())
    assert arguments == ["--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=8192", "--init"]


def test_devices_are_reached_by_cdi_names(container_plan: MakePlan) -> None:
    plan = container_plan(vendor="nvidia", access=DeviceAccess(cdi=("nvidia.com/gpu=0", "nvidia.com/gpu=1")))
    assert run_arguments(plan)[4:] == ["--device=nvidia.com/gpu=0", "--device=nvidia.com/gpu=1"]
    assert description(plan)["hostRequirements"] == {"gpu": True}


def test_devices_are_reached_by_the_engines_own_option(container_plan: MakePlan) -> None:
    plan = container_plan(vendor="nvidia", access=DeviceAccess(gpu_indices=(0, 2), environment={"A": "b"}))
    assert run_arguments(plan)[4:] == ['--gpus="device=0,2"']
    assert description(plan)["containerEnv"] == {"A": "b"}


def test_devices_are_reached_by_nodes_groups_and_mounts(container_plan: MakePlan) -> None:
    access = DeviceAccess(nodes=("/dev/kfd",), groups=(44, 993), mounts=(Mount(source="/usr/lib/x", target="/x"),))
    plan = container_plan(vendor="amd", access=access)
    assert run_arguments(plan)[4:] == ["--device=/dev/kfd", "--group-add=44", "--group-add=993"]
    assert description(plan)["mounts"] == ["type=bind,source=/usr/lib/x,target=/x"]


def test_groups_whose_numbers_are_not_known_are_said(container_plan: MakePlan) -> None:
    plan = container_plan(vendor="amd", devices=DeviceRequest(nodes=("/dev/kfd",), groups=("render",)))
    assert run_arguments(plan)[4:] == ["--device=/dev/kfd"]
    notes = description(plan)["customizations"]["envkit"]["notes"]  # type: ignore[index]
    assert notes["groups"].endswith("`--group-add` of `runArgs`: getent group render")


def test_where_the_engine_is_not_known_the_vendors_usual_access_is_taken(container_plan: MakePlan) -> None:
    request = DeviceRequest(count=1, cdi=("amd.com/gpu=0",), nodes=("/dev/kfd",))
    assert run_arguments(container_plan(vendor="amd", devices=request))[4:] == ["--device=amd.com/gpu=0"]


def test_a_driver_that_serves_one_user_keeps_that_user(container_plan: MakePlan) -> None:
    assert description(container_plan())["updateRemoteUserUID"] is True
    plan = container_plan(vendor="ascend", access=DeviceAccess(nodes=("/dev/davinci0",), user=1000))
    assert description(plan)["updateRemoteUserUID"] is False


def test_the_workspace_is_the_project_and_other_mounts_in_it_are_relative(container_plan: MakePlan) -> None:
    mounts = (Mount(source="/home/me/p/data", target="/data", read_only=True), Mount(source="/srv", target="/srv"))
    found = description(container_plan(mounts=mounts, directory="/home/me/p"))
    assert found["workspaceMount"] == "type=bind,source=${localWorkspaceFolder},target=/workspace"
    assert found["mounts"] == [
        "type=bind,source=${localWorkspaceFolder}/data,target=/data,readonly",
        "type=bind,source=/srv,target=/srv",
    ]


def test_a_mount_of_the_workspace_takes_its_place(container_plan: MakePlan) -> None:
    mount = Mount(source="/home/me/p/src", target="/workspace")
    found = description(container_plan(mounts=(mount,), directory="/home/me/p"))
    assert found["workspaceMount"] == "type=bind,source=${localWorkspaceFolder}/src,target=/workspace"
    assert "mounts" not in found


def test_the_image_ends_with_a_named_user_that_tools_give_another_number(container_plan: MakePlan) -> None:
    text = generate_artifacts(container_plan(), "devcontainer").text(".devcontainer/image/Dockerfile")
    last = parse_dockerfile(text)[-3:]
    assert [(each.keyword, each.arguments) for each in (last[0], last[2])] == [("USER", "0:0"), ("USER", "envkit")]
    assert json.loads(last[1].arguments)[:2] == ["python", "-c"]


@pytest.mark.parametrize("value", ["${localEnv:HOME}", "a${containerEnv:PATH}b", "${x}"])
def test_what_tools_would_replace_is_refused(container_plan: MakePlan, value: str) -> None:
    with pytest.raises(DataError):
        description(container_plan(run=RunSettings(environment={"KEY": value})))
    with pytest.raises(DataError):
        description(container_plan(mounts=(Mount(source=f"/{value}", target="/data"),)))


def test_a_path_that_would_add_options_to_a_mount_is_refused(container_plan: MakePlan) -> None:
    with pytest.raises(DataError):
        description(container_plan(mounts=(Mount(source="/a,readonly", target="/data"),)))


def test_control_characters_are_refused(container_plan: MakePlan) -> None:
    with pytest.raises(UnsafeTextError):
        description(container_plan(run=RunSettings(environment={"KEY": "a\nb"})))


def test_the_tools_program_reads_every_golden_description(tmp_path: Path) -> None:
    if which("node") is None or not PROGRAM.exists():
        pytest.skip("@devcontainers/cli is not here; install it: .ci/npm")
    paths = sorted(GOLDEN.glob("*/*/devcontainer/.devcontainer/devcontainer.json"))
    assert len(paths) >= 12 * 6
    # Those of one machine differ in their names alone: the program, which is slow to start, reads each kind once.
    kinds = {re.sub(r'"name": "[^"]*"', '"name": "demo"', path.read_text(encoding="utf-8")) for path in paths}
    for number, text in enumerate(sorted(kinds)):
        folder = tmp_path / str(number) / ".devcontainer"
        folder.mkdir(parents=True)
        (folder / "devcontainer.json").write_text(text, encoding="utf-8")
        completed = subprocess.run(
            # It would ask an engine whether such a container runs: there is none.
            [
                str(PROGRAM),
                "read-configuration",
                "--workspace-folder",
                str(folder.parent),
                "--docker-path",
                "/bin/true",
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        read = json.loads(completed.stdout)["configuration"]
        wanted = json.loads(text.replace("${localWorkspaceFolder}", str(folder.parent)))
        assert {key: read[key] for key in wanted} == wanted
