"""podman, which has no daemon: its command tells everything."""

import msgspec

from envkit.detect.cdi import devices_in_specs
from envkit.detect.decoding import decode_json
from envkit.model.host import ContainerEngine
from envkit.model.version import VendorVersion
from envkit.system.command import Command
from envkit.system.host import Host

_SECONDS = 5.0
_FIRST_WITH_CDI = VendorVersion("4.1")
_SPEC_FOLDERS = ("/etc/cdi", "/var/run/cdi")


class _Security(msgspec.Struct):
    rootless: bool


class _Runtime(msgspec.Struct):
    name: str


class _Host(msgspec.Struct):
    security: _Security
    runtime: _Runtime = msgspec.field(name="ociRuntime")


class _Version(msgspec.Struct):
    version: str = msgspec.field(name="Version")


class _Information(msgspec.Struct):
    host: _Host
    version: _Version


def detect_podman(host: Host) -> ContainerEngine | None:
    """Return podman, or None when its command is not on the search path."""
    client = host.which("podman")
    if client is None:
        return None
    found = ContainerEngine(name="podman", client=client, builder="buildah")
    # It looks through its whole store for this, which takes longer than all the rest of a detection.
    completed = host.run(Command(argv=(client, "info", "--format", "json"), timeout_seconds=_SECONDS, stable=True))
    information = decode_json(completed.stdout, _Information)
    if information is None:
        said = completed.failure or completed.stderr.strip().rpartition("\n")[2] or "no answer that can be read"
        return msgspec.structs.replace(
            found, usable=False, reason=f"`podman info` failed: {said[:200]}", remedy=("podman info",)
        )
    return msgspec.structs.replace(
        found,
        version=information.version.version,
        rootless=information.host.security.rootless,
        cdi=_has_cdi(information.version.version),
        cdi_devices=devices_in_specs(host, _SPEC_FOLDERS),
        runtimes=(information.host.runtime.name,),
        usable=True,
    )


def _has_cdi(version: str) -> bool | None:
    try:
        return VendorVersion(version) >= _FIRST_WITH_CDI
    except ValueError:
        return None
