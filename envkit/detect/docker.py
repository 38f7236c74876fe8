"""The Docker Engine: its daemon, asked over HTTP, and the command that builds with it."""

from collections.abc import Callable

import msgspec

from envkit.detect.cdi import devices_in_specs
from envkit.detect.decoding import decode_json
from envkit.detect.docker_endpoint import Endpoint, find_endpoint, plugin_folders
from envkit.model.host import ContainerEngine
from envkit.system.command import Command
from envkit.system.host import Host

_SECONDS = 3.0
# The API of Docker 20.10; BuildKit's sessions and device requests in their present form came with it.
_OLDEST_API = (1, 41)
_PLUGIN = "docker-buildx"
_PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
_NO_CLIENT = ("install the docker command: https://docs.docker.com/engine/install/",)
_NO_BUILDER = ("sudo apt install docker-buildx-plugin || sudo apt install docker-buildx",)
_NO_DAEMON = ("sudo systemctl start docker",)
_NO_PERMISSION = (
    'sudo usermod -aG docker "$USER" && newgrp docker',
    "or set up a daemon of your own: dockerd-rootless-setuptool.sh install",
)
_NO_DAEMON_ELSEWHERE = ("docker version",)
_TOO_OLD = ("upgrade the Docker Engine: https://docs.docker.com/engine/install/",)


class _Version(msgspec.Struct):
    version: str = msgspec.field(name="Version")
    api: str = msgspec.field(name="ApiVersion")


class _Discovered(msgspec.Struct):
    source: str = msgspec.field(name="Source", default="")
    name: str = msgspec.field(name="ID", default="")


class _Information(msgspec.Struct):
    kernel: str | None = msgspec.field(name="KernelVersion", default=None)
    runtimes: dict[str, object] | None = msgspec.field(name="Runtimes", default=None)
    security: tuple[str, ...] | None = msgspec.field(name="SecurityOptions", default=None)
    spec_folders: tuple[str, ...] | None = msgspec.field(name="CDISpecDirs", default=None)
    discovered: tuple[_Discovered, ...] | None = msgspec.field(name="DiscoveredDevices", default=None)


class _Answer(msgspec.Struct):
    """One document of the daemon, or why there is none."""

    text: str = ""
    failure: str | None = None


def detect_docker(host: Host) -> ContainerEngine | None:
    """Return the Docker Engine, None when nothing of it is there and no setting names one."""
    client = host.which("docker")
    endpoint = find_endpoint(host)
    if client is None and not endpoint.chosen and not host.exists(endpoint.socket or ""):
        return None
    found = ContainerEngine(
        name="docker", endpoint=endpoint.address or None, client=client, elsewhere=endpoint.elsewhere
    )
    ask = _asker(host, endpoint, client)
    answer = ask("/version")
    if answer.failure is not None:
        return _unreachable(found, endpoint, answer.failure)
    version = decode_json(answer.text, _Version)
    if version is None:
        return _unusable(found, "daemon-down", f"what answers at {endpoint.address} is not a Docker Engine", ())
    found = _described(host, endpoint, found, version, ask("/info"))
    return _judged(found, version.api)


def _judged(found: ContainerEngine, api: str) -> ContainerEngine:
    if found.client is None:
        return _unusable(found, "no-client", "the docker command is missing", _NO_CLIENT)
    if _api(api) < _OLDEST_API:
        return _unusable(found, "too-old", f"too old: API {api}, needs >=1.41", _TOO_OLD)
    if found.builder != "buildkit":
        return _unusable(found, "no-builder", "no builder: the docker command has no buildx plugin", _NO_BUILDER)
    return msgspec.structs.replace(found, usable=True)


def _asker(host: Host, endpoint: Endpoint, client: str | None) -> Callable[[str], _Answer]:
    """Return how to ask the daemon: itself where it listens in the open, else through the docker command."""
    if endpoint.failure is not None:
        return lambda _: _Answer(failure=endpoint.failure)
    secured = endpoint.address.startswith("tcp://") and bool(host.variable("DOCKER_TLS_VERIFY"))
    if client is not None and (secured or not endpoint.address.startswith(("unix://", "tcp://"))):
        return lambda path: _through_client(host, client, path)
    return lambda path: _directly(host, endpoint.address, path)


def _directly(host: Host, address: str, path: str) -> _Answer:
    fetched = host.http_get(address, path, _SECONDS)
    if fetched.failure is not None:
        return _Answer(failure=fetched.failure)
    failed = f"HTTP status {fetched.status}" if fetched.status != 200 else None  # noqa: PLR2004 - HTTP's "OK"
    return _Answer(text=fetched.body, failure=failed)


def _through_client(host: Host, client: str, path: str) -> _Answer:
    arguments = (
        ("version", "--format", "{{json .Server}}") if path == "/version" else ("info", "--format", "{{json .}}")
    )
    completed = host.run(Command(argv=(client, *arguments), timeout_seconds=2 * _SECONDS))
    failed = completed.failure or (None if completed.ok else completed.stderr.strip().rpartition("\n")[2])
    return _Answer(text=completed.stdout, failure=failed)


def _described(
    host: Host, endpoint: Endpoint, found: ContainerEngine, version: _Version, answer: _Answer
) -> ContainerEngine:
    information = decode_json(answer.text, _Information) or _Information()
    security = information.security
    named = _devices(host, endpoint, information)
    return msgspec.structs.replace(
        found,
        version=version.version,
        builder="buildkit" if _has_plugin(host) else "legacy",
        rootless=None if security is None else any("name=rootless" in option for option in security),
        # An engine that knows CDI lists the folders, and none when it is switched off.
        cdi=None if answer.failure else bool(information.spec_folders),
        cdi_devices=named,
        runtimes=None if information.runtimes is None else tuple(sorted(information.runtimes)),
        # Behind a socket of this machine may be a virtual machine, or the end of a tunnel.
        elsewhere=found.elsewhere or _is_other_kernel(information.kernel, host.machine().kernel),
    )


def _is_other_kernel(theirs: str | None, ours: str | None) -> bool:
    return theirs is not None and ours is not None and theirs != ours


def _devices(host: Host, endpoint: Endpoint, information: _Information) -> tuple[str, ...] | None:
    if information.discovered is not None:
        return tuple(sorted(device.name for device in information.discovered if device.source == "cdi"))
    # The folders are those of the daemon's machine, which is this one only where it listens on a local socket.
    return devices_in_specs(host, information.spec_folders or ()) if endpoint.socket else None


def _has_plugin(host: Host) -> bool:
    folders = (*plugin_folders(host), *_PLUGIN_FOLDERS)
    return any(host.exists(f"{folder}/{_PLUGIN}") for folder in folders)


def _api(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


def _unreachable(found: ContainerEngine, endpoint: Endpoint, failure: str) -> ContainerEngine:
    where = f"{endpoint.address} ({endpoint.origin})"
    if endpoint.failure is not None:
        return _unusable(found, "no-context", endpoint.failure, ("docker context use default",))
    if found.elsewhere:
        reason = f"the daemon does not answer at {where}: {failure}"
        return _unusable(found, "daemon-down", reason, _NO_DAEMON_ELSEWHERE)
    if "permission denied" in failure:
        return _unusable(found, "no-permission", f"no permission for {where}", _NO_PERMISSION)
    return _unusable(found, "daemon-down", f"the daemon does not answer at {where}: {failure}", _NO_DAEMON)


def _unusable(found: ContainerEngine, obstacle: str, reason: str, remedy: tuple[str, ...]) -> ContainerEngine:
    return msgspec.structs.replace(found, usable=False, obstacle=obstacle, reason=reason, remedy=remedy)
