"""A development container: `.devcontainer/devcontainer.json`, its image, and the proof to run in it.

Reference: https://containers.dev/implementors/json_reference/
"""

import re

import msgspec

from envkit.errors import DataError
from envkit.generate.container_access import ContainerAccess, container_access, group_note
from envkit.generate.container_metadata import HostRequirements, host_requirements
from envkit.generate.image import ROOT, WORKSPACE, image_files
from envkit.generate.placing import place_below
from envkit.generate.quoting import variable_name
from envkit.generate.smoke import smoke_file
from envkit.generate.templates import render
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Mount, Plan
from envkit.model.text import check_text
from envkit.model.value import Value, to_json

_DIRECTORY = ".devcontainer"
_IMAGE = f"{_DIRECTORY}/image"
_PROCESS_LIMIT = 8192
_HERE = "${localWorkspaceFolder}"
# Tools put values in their place, and there is no way to write them otherwise:
# https://containers.dev/implementors/json_reference/#variables-in-devcontainerjson
_VARIABLE = re.compile(r"\$\{[^}]*\}")
_SEPARATOR = re.compile(r'[,"]')


class _Build(Value):
    dockerfile: str
    context: str
    options: tuple[str, ...]


class _Devcontainer(Value, rename="camel"):
    name: str
    build: _Build
    workspace_mount: str
    workspace_folder: str
    remote_user: str
    update_remote_user_uid: bool = msgspec.field(name="updateRemoteUserUID")
    run_args: tuple[str, ...]
    customizations: dict[str, dict[str, dict[str, str]]]  # by tool
    host_requirements: HostRequirements | None = None
    container_env: dict[str, str] = {}
    mounts: tuple[str, ...] = ()
    forward_ports: tuple[int, ...] = ()


def generate_files(plan: Plan) -> tuple[GeneratedFile, ...]:
    """Return the files of a development container for one environment.

    Raises `UnsatisfiableError` for a plan without a base image, `DataError` and `UnsafeTextError` for a value that the
    format cannot hold.
    """
    description = GeneratedFile(path=f"{_DIRECTORY}/devcontainer.json", text=to_json(_devcontainer(plan)))
    image = tuple(_with_named_user(file) for file in image_files(plan, _IMAGE))
    return (description, smoke_file(plan, _DIRECTORY), *image)


def _devcontainer(plan: Plan) -> _Devcontainer:
    access = container_access(plan)
    workspaces = [mount for mount in plan.mounts if mount.target == WORKSPACE]
    workspace = Mount(source=_HERE, target=WORKSPACE) if not workspaces else workspaces[-1]
    others = [mount for mount in (*plan.mounts, *access.mounts) if mount.target != WORKSPACE]
    return _Devcontainer(
        name=_literal(plan.name),
        build=_Build(
            dockerfile="image/Dockerfile", context="image", options=(f"--platform={_literal(plan.platform)}",)
        ),
        workspace_mount=_mount(plan, workspace),
        workspace_folder=WORKSPACE,
        remote_user="envkit",
        # Where the driver serves one user alone, nobody else may be put in that user's place.
        update_remote_user_uid=access.user is None,
        run_args=_run_arguments(plan, access),
        host_requirements=host_requirements(plan),
        container_env={
            variable_name(name): _literal(value) for name, value in (access.environment | plan.run.environment).items()
        },
        mounts=tuple(_mount(plan, mount) for mount in others),
        forward_ports=plan.run.ports,
        customizations=_customizations(access),
    )


def _customizations(access: ContainerAccess) -> dict[str, dict[str, dict[str, str]]]:
    note = group_note(access, "`--group-add` of `runArgs`")
    return {
        **({} if note is None else {"envkit": {"notes": {"groups": _literal(note)}}}),
        "vscode": {"settings": {"python.defaultInterpreterPath": f"{ROOT}/venv/bin/python"}},
    }


def _run_arguments(plan: Plan, access: ContainerAccess) -> tuple[str, ...]:
    arguments = ["--cap-drop=ALL", "--security-opt=no-new-privileges", f"--pids-limit={_PROCESS_LIMIT}", "--init"]
    if plan.run.shared_memory is not None:
        arguments.append(f"--shm-size={plan.run.shared_memory}")
    arguments += [f"--device={name}" for name in access.cdi]
    if access.gpu_indices:
        # The value is a list of its own, whose commas have to be quoted.
        arguments.append(f'--gpus="device={",".join(map(str, access.gpu_indices))}"')
    if access.runtime is not None:
        arguments.append(f"--runtime={access.runtime}")
    arguments += [f"--device={node}" for node in access.nodes]
    arguments += [f"--group-add={group}" for group in access.groups]
    return tuple(_literal(argument) for argument in arguments)


def _mount(plan: Plan, mount: Mount) -> str:
    source = mount.source if mount.source == _HERE else place_below(plan, _literal(mount.source), _HERE)
    for path in (source, mount.target):
        if _SEPARATOR.search(path):
            message = f"a development container cannot mount a path with a comma or quotation mark: {path}"
            raise DataError(message)
    read_only = ",readonly" if mount.read_only else ""
    return f"type=bind,source={source},target={_literal(mount.target)}{read_only}"


def _literal(text: str) -> str:
    """Return a text that tools leave as it is; raises `DataError` where they would put something in its place."""
    found = _VARIABLE.search(check_text(text, "a value for devcontainer.json"))
    if found is not None:
        message = f"tools that read devcontainer.json would replace a part of a value: {found.group()}"
        raise DataError(message)
    return text


def _with_named_user(file: GeneratedFile) -> GeneratedFile:
    """Give the image a user with a name, which tools take over the number of the user of their machine for."""
    if not file.path.endswith("/Dockerfile"):
        return file
    return GeneratedFile(path=file.path, text=file.text + render("devcontainer.j2", {}), executable=file.executable)
