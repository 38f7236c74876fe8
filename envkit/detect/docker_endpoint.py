"""Where the docker command would find its daemon."""

from urllib.parse import urlsplit

import msgspec

from envkit.detect.decoding import decode_json
from envkit.model.loopback import is_loopback
from envkit.system.host import Host

_DEFAULT = "/var/run/docker.sock"
_LOCAL_SCHEMES = ("unix", "npipe", "fd")


class _Configuration(msgspec.Struct):
    current: str | None = msgspec.field(name="currentContext", default=None)
    plugin_folders: tuple[str, ...] = msgspec.field(name="cliPluginsExtraDirs", default=())


class _Target(msgspec.Struct):
    host: str = msgspec.field(name="Host", default="")


class _Targets(msgspec.Struct):
    docker: _Target


class _Context(msgspec.Struct):
    targets: _Targets = msgspec.field(name="Endpoints")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The address of a daemon, and the setting that names it."""

    address: str
    origin: str
    chosen: bool = True  # False: nobody named it, it is where a daemon usually listens
    failure: str | None = None  # why the setting leads nowhere

    @property
    def elsewhere(self) -> bool:
        """Tell whether the address is that of another machine; a loopback address may lead to one all the same."""
        try:
            parts = urlsplit(self.address)
        except ValueError:  # a bracket that is never closed
            return False
        name = parts.hostname or ""
        return bool(name) and parts.scheme not in _LOCAL_SCHEMES and not is_loopback(name)

    @property
    def socket(self) -> str | None:
        """Return the path of a local socket, or None for a daemon elsewhere."""
        return self.address.removeprefix("unix://") if self.address.startswith("unix://") else None


def find_endpoint(host: Host) -> Endpoint:
    """Return the daemon's address.

    Order, as the docker command has it: 1. DOCKER_HOST; 2. the context that DOCKER_CONTEXT or the configuration file
    names; 3. /var/run/docker.sock. Where that does not exist: 4. the socket of a rootless daemon.
    """
    address = host.variable("DOCKER_HOST")
    if address:
        return Endpoint(address=address, origin="DOCKER_HOST")
    folder = configuration_folder(host)
    context = host.variable("DOCKER_CONTEXT") or _configured(host).current
    if context and context != "default":
        return _of_context(host, folder, context)
    runtime = host.variable("XDG_RUNTIME_DIR")
    rootless = f"{runtime}/docker.sock" if runtime else None
    if rootless is not None and host.exists(_DEFAULT) is False and host.exists(rootless):
        return Endpoint(address=f"unix://{rootless}", origin="XDG_RUNTIME_DIR", chosen=False)
    return Endpoint(address=f"unix://{_DEFAULT}", origin="the default", chosen=False)


def configuration_folder(host: Host) -> str:
    """Return where the docker command keeps this user's settings and plugins."""
    return host.variable("DOCKER_CONFIG") or f"{host.variable('HOME') or ''}/.docker"


def plugin_folders(host: Host) -> tuple[str, ...]:
    """Return the places of plugins that come before the system's: the user's own, and configured ones."""
    return (f"{configuration_folder(host)}/cli-plugins", *_configured(host).plugin_folders)


def _configured(host: Host) -> _Configuration:
    text = host.read(f"{configuration_folder(host)}/config.json").text or ""
    return decode_json(text, _Configuration) or _Configuration()


def _of_context(host: Host, folder: str, context: str) -> Endpoint:
    # Imported here: it takes 4 ms, and few use contexts.
    import hashlib

    # The docker command stores a context under the digest of its name.
    path = f"{folder}/contexts/meta/{hashlib.sha256(context.encode()).hexdigest()}/meta.json"
    document = decode_json(host.read(path).text or "", _Context)
    address = "" if document is None else document.targets.docker.host
    failure = None if address else f"docker context `{context}` has no endpoint in {path}"
    return Endpoint(address=address, origin=f"docker context `{context}`", failure=failure)
