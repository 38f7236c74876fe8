"""A Compose file with one service, its image, and the proof to run in it.

Reference: https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from envkit.generate.container_access import ContainerAccess, container_access, group_note
from envkit.generate.image import ROOT, image_files
from envkit.generate.naming import dns_label
from envkit.generate.placing import place_below
from envkit.generate.quoting import variable_name
from envkit.generate.smoke import FILE, smoke_file
from envkit.generate.yaml_text import YamlValue, yaml_text
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan
from envkit.model.text import check_text

_IMAGE = "image"
_PROCESS_LIMIT = 8192
_USER = "${ENVKIT_USER:-1000:1000}"
_LOOPBACK = "127.0.0.1"
_HEADING = f"""\
# Written by envkit from a plan.
#   build, start:    ENVKIT_USER=$(id -u):$(id -g) docker compose up --build --detach
#   prove:           docker compose exec SERVICE python {ROOT}/{FILE}
#   pip's settings, mirrors, a certificate bundle: as secrets `pip` and `ca` of the build, in compose.override.yaml
"""


def generate_files(plan: Plan) -> tuple[GeneratedFile, ...]:
    """Return the files of a Compose project for one environment.

    Raises `UnsatisfiableError` for a plan without a base image, `DataError` and `UnsafeTextError` for a value that the
    format cannot hold.
    """
    name = dns_label(plan.name)
    access = container_access(plan)
    note = group_note(access, "`group_add` in compose.override.yaml")
    heading = _HEADING.replace("SERVICE", name) + ("" if note is None else f"#   {check_text(note, 'a group')}\n")
    text = heading + yaml_text({"name": name, "services": {name: _service(plan, name, access)}})
    return (GeneratedFile(path="compose.yaml", text=text), smoke_file(plan), *image_files(plan, _IMAGE))


def _service(plan: Plan, name: str, access: ContainerAccess) -> dict[str, YamlValue]:
    service: dict[str, YamlValue] = {
        "image": f"envkit/{name}",
        "pull_policy": "never",  # nobody else has an image of this name
        "build": {"context": _IMAGE, "platforms": [_literal(plan.platform)]},
        "platform": _literal(plan.platform),
        "user": _USER if access.user is None else str(access.user),
        "init": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": _PROCESS_LIMIT,
        **_devices(access),
    }
    environment = access.environment | plan.run.environment
    if environment:
        service["environment"] = {variable_name(key): _literal(value) for key, value in environment.items()}
    if plan.run.shared_memory is not None:
        service["shm_size"] = _literal(plan.run.shared_memory)
    if plan.run.ports:
        service["ports"] = [
            {"target": port, "published": str(port), "host_ip": _LOOPBACK, "protocol": "tcp"} for port in plan.run.ports
        ]
    service["volumes"] = _volumes(plan, access)
    if plan.run.command:
        service["command"] = [_literal(word) for word in plan.run.command]
    return service


def _devices(access: ContainerAccess) -> dict[str, YamlValue]:
    """Return the keys that give a service its devices; reservations where the engine knows them by name."""
    keys: dict[str, YamlValue] = {}
    reserved: dict[str, YamlValue] | None = None
    if access.cdi:
        reserved = {"driver": "cdi", "device_ids": [_literal(name) for name in access.cdi], "capabilities": ["gpu"]}
    elif access.gpu_indices:
        indices: list[YamlValue] = [str(index) for index in access.gpu_indices]
        reserved = {"driver": "nvidia", "device_ids": indices, "capabilities": ["gpu"]}
    if reserved is not None:
        keys["deploy"] = {"resources": {"reservations": {"devices": [reserved]}}}
    if access.runtime is not None:
        keys["runtime"] = _literal(access.runtime)
    if access.nodes:
        keys["devices"] = [f"{_literal(node)}:{_literal(node)}" for node in access.nodes]
    if access.groups:
        keys["group_add"] = [str(group) for group in access.groups]
    return keys


def _volumes(plan: Plan, access: ContainerAccess) -> list[YamlValue]:
    proof: YamlValue = _volume(f"./{FILE}", f"{ROOT}/{FILE}", read_only=True)
    mounts = (*plan.mounts, *access.mounts)
    places = ((place_below(plan, mount.source, "."), mount) for mount in mounts)
    return [proof, *(_volume(source, mount.target, read_only=mount.read_only) for source, mount in places)]


def _volume(source: str, target: str, *, read_only: bool) -> YamlValue:
    return {
        "type": "bind",
        "source": _literal(source),
        "target": _literal(target),
        **({"read_only": True} if read_only else {}),
        # What is not there must not be made as a directory of root.
        "bind": {"create_host_path": False},
    }


def _literal(text: str) -> str:
    """Return a text in which Compose finds no variable."""
    return text.replace("$", "$$")
