"""What Docker's daemon says of itself, beyond the facts: where it stores, how it runs, which proxy it has."""

import msgspec

from envkit.detect.decoding import decode_json
from envkit.model.host import ContainerEngine
from envkit.system.host import Host

_SECONDS = 3.0


class _Registries(msgspec.Struct):
    mirrors: tuple[str, ...] | None = msgspec.field(name="Mirrors", default=None)


class Daemon(msgspec.Struct):
    """Part of the daemon's `/info`; None is not said."""

    root: str | None = msgspec.field(name="DockerRootDir", default=None)
    system: str | None = msgspec.field(name="OperatingSystem", default=None)
    cgroup_driver: str | None = msgspec.field(name="CgroupDriver", default=None)
    cgroup_version: str | None = msgspec.field(name="CgroupVersion", default=None)
    http_proxy: str | None = msgspec.field(name="HttpProxy", default=None)
    https_proxy: str | None = msgspec.field(name="HttpsProxy", default=None)
    spec_folders: tuple[str, ...] | None = msgspec.field(name="CDISpecDirs", default=None)
    registries: _Registries | None = msgspec.field(name="RegistryConfig", default=None)

    @property
    def desktop(self) -> bool:
        """Tell whether it is Docker Desktop's, in a virtual machine."""
        return self.system == "Docker Desktop"

    @property
    def mirrored(self) -> bool:
        """Tell whether it fetches images from a mirror first."""
        return bool(self.registries and self.registries.mirrors)


def ask_daemon(host: Host, engine: ContainerEngine) -> Daemon | None:
    """Return what the daemon at a local socket says, or None when it does not answer."""
    fetched = host.http_get(engine.endpoint or "", "/info", _SECONDS)
    return decode_json(fetched.body, Daemon) if fetched.failure is None else None
