"""`devcontainer.json`, the description of a development container.

Format: https://containers.dev/implementors/json_reference/
"""

import re
from collections.abc import Callable, Iterator

from envkit.data.documents import load_document, load_positions, position_of
from envkit.errors import DataError
from envkit.project.drafts import Draft, LeftOut, Read
from envkit.project.foreign import feature_of
from envkit.project.imports import Role
from envkit.project.jsonc import plain_json
from envkit.project.mounts import mount_of_options

NAMES = (".devcontainer/devcontainer.json", ".devcontainer.json", ".devcontainer/*/devcontainer.json")
RANK = 60
ROLE: Role = "container"

_COMMANDS = "commands are not part of a project file: packages go into `packages` and `system_packages`"
_DOCKERFILE = "a Dockerfile is not read: name the image that it begins with in `base.image`"
_REASONS = {
    "build": _DOCKERFILE,
    "dockerFile": _DOCKERFILE,
    "dockerComposeFile": "services beside the environment are not described",
    "initializeCommand": _COMMANDS,
    "onCreateCommand": _COMMANDS,
    "updateContentCommand": _COMMANDS,
    "postCreateCommand": _COMMANDS,
    "postStartCommand": _COMMANDS,
    "postAttachCommand": _COMMANDS,
    "privileged": "containers get the chosen devices and no further rights",
    "capAdd": "containers get the chosen devices and no further rights",
    "securityOpt": "containers get the chosen devices and no further rights",
    "runArgs": "this option of the engine has no field",
    "workspaceMount": "the project's directory is one of `run.mounts`",
}
# What decides nothing about an environment, and what envkit decides.
_IDLE = frozenset(
    {
        *(
            "$schema",
            "name",
            "customizations",
            "extensions",
            "settings",
            "remoteUser",
            "containerUser",
            "portsAttributes",
        ),
        *("updateRemoteUserUID", "userEnvProbe", "overrideCommand", "shutdownAction", "init", "waitFor"),
        *("otherPortsAttributes", "hostRequirements", "workspaceFolder", "overrideFeatureInstallOrder", "appPort"),
    }
)
_TAKEN = frozenset({"image", "features", "forwardPorts", "containerEnv", "remoteEnv", "mounts", "runArgs"})
_PORT = re.compile(r"(?:localhost:)?(\d{1,5})")
_VARIABLE = re.compile(r"\$\{[^}]*\}")
_DEVICE_OPTIONS = ("--gpus", "--device", "--runtime", "--group-add", "--ipc")


class _Reading:
    """What one run over a file has found."""

    def __init__(self, document: dict[str, object], place_of: Callable[..., str]) -> None:
        self.document = document
        self.place_of = place_of
        self.python: str | None = None
        self.system_packages: list[str] = []
        self.ports: list[int] = []
        self.mounts: list[str] = []
        self.env: dict[str, str] = {}
        self.shm: str | None = None
        self.left_out: list[LeftOut] = []

    def leave(self, what: str, reason: str, *path: str | int, lost: bool = True) -> None:
        """Note what is not carried over."""
        self.left_out.append(LeftOut(what=what, place=self.place_of(*path), reason=reason, lost=lost))

    def table(self, key: str) -> dict[str, object]:
        """Return a mapping of the file; raises `DataError` for anything else."""
        value = self.document.get(key) or {}
        if not isinstance(value, dict):
            raise DataError(f"an object is expected in `{key}`: {self.place_of(key)}")
        return value

    def items(self, key: str) -> list[object]:
        """Return a list of the file; raises `DataError` for anything else."""
        value = self.document.get(key) or []
        if not isinstance(value, list):
            raise DataError(f"a list is expected in `{key}`: {self.place_of(key)}")
        return value


def import_file(text: str, path: str, read: Read) -> Draft:  # noqa: ARG001 - of all importers; nothing is included here
    """Make a draft of a development container; raises `DataError` with file and line."""
    plain = plain_json(text)
    document = load_document(plain, path)
    if not isinstance(document, dict):
        raise DataError(f"an object is expected: {path}:1")
    places = load_positions(plain, path)

    def place_of(*keys: str | int) -> str:
        return f"{path}:{position_of(keys, places)[0]}"

    reading = _Reading(document, place_of)
    for take in (_take_features, _take_ports, _take_environment, _take_mounts, _take_options, _take_rest):
        take(reading)
    name, image = document.get("name"), document.get("image")
    return Draft(
        source=path,
        name=name if isinstance(name, str) else None,
        python=reading.python,
        system_packages=tuple(reading.system_packages),
        image=image if isinstance(image, str) and not _VARIABLE.search(image) else None,
        ports=tuple(reading.ports),
        mounts=tuple(reading.mounts),
        env=reading.env,
        shm=reading.shm,
        left_out=tuple(reading.left_out),
    )


def _take_features(reading: _Reading) -> None:
    for reference, options in reading.table("features").items():
        row = feature_of(reference)
        if row is None or row.reason is not None:
            reason = "what it installs is not known here" if row is None or row.reason is None else row.reason
            reading.leave(f"feature `{reference}`", reason, "features", reference, lost=row is None)
            continue
        given = options if isinstance(options, dict) else {}
        reading.system_packages += row.system_packages
        if row.option is not None:
            reading.system_packages += re.split(r"[\s,]+", str(given.get(row.option, "")).strip())
        version = str(given.get(row.python, "")) if row.python is not None else ""
        if re.fullmatch(r"\d+\.\d+(\.\d+)?", version):
            reading.python = version


def _take_ports(reading: _Reading) -> None:
    for number, port in enumerate(reading.items("forwardPorts")):
        match = _PORT.fullmatch(str(port))
        if match is None:
            reading.leave(f"port `{port}`", "it is one of another container", "forwardPorts", number)
        else:
            reading.ports.append(int(match[1]))


def _take_environment(reading: _Reading) -> None:
    for table in ("containerEnv", "remoteEnv"):
        for name, value in reading.table(table).items():
            if value is None or _VARIABLE.search(str(value)):
                reason = "its value is one of the machine or of another variable"
                reading.leave(f"variable `{name}`", reason, table, name)
            else:
                reading.env[name] = str(value)


def _take_mounts(reading: _Reading) -> None:
    for number, mount in enumerate(reading.items("mounts")):
        options = dict(_mount_options(mount))
        written = ",".join(f"{key}={value}" for key, value in options.items())
        found = mount_of_options({key: _local(value) for key, value in options.items()})
        if found is None:
            reading.leave(f"mount `{written}`", "only directories of the machine are mounted", "mounts", number)
        else:
            reading.mounts.append(found)


def _mount_options(mount: object) -> Iterator[tuple[str, str]]:
    if isinstance(mount, dict):
        yield from ((str(key), str(value)) for key, value in mount.items())
        return
    for part in str(mount).split(","):
        key, _, value = part.partition("=")
        yield key.strip(), value.strip() or "true"


def _local(value: str) -> str:
    return value.replace("${localWorkspaceFolder}", ".").replace("${localEnv:HOME}", "~")


def _take_options(reading: _Reading) -> None:
    options = [str(option) for option in reading.items("runArgs")]
    number = 0
    while number < len(options):
        name, separator, value = options[number].partition("=")
        own = number
        if not separator and number + 1 < len(options) and not options[number + 1].startswith("-"):
            number += 1
            value = options[number]
        number += 1
        if name == "--shm-size":
            reading.shm = value
        elif name in _DEVICE_OPTIONS:
            reason = "what a container needs for the chosen devices is known"
            reading.leave(f"`{name} {value}`", reason, "runArgs", own, lost=False)
        else:
            reading.leave(f"`{f'{name} {value}'.strip()}`", _REASONS["runArgs"], "runArgs", own)


def _take_rest(reading: _Reading) -> None:
    image = reading.document.get("image")
    if isinstance(image, str) and _VARIABLE.search(image):
        reading.leave(f"image `{image}`", "its name is made of variables", "image")
    for key in reading.document:
        if key not in _TAKEN | _IDLE:
            reading.leave(f"`{key}`", _REASONS.get(key, "a project file has no field for it"), key)
