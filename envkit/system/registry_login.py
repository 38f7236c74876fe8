"""Names and passwords for registries, from where `docker login` and `podman login` keep them."""

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from envkit.errors import DataError
from envkit.model.image import DOCKER_HUB
from envkit.system.command import Command, run_command

_HELPER_SECONDS = 30.0
# What the docker command has written for Docker Hub since its first version.
_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
_TOKEN_NAME = "<token>"  # noqa: S105 - the name by which a helper says that it gives a token


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A name with a password, or an identity token, for one registry; never shown."""

    name: str = ""
    password: str = ""
    identity_token: str | None = None

    @property
    def header(self) -> str:
        """The value of an `Authorization` header."""
        return "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()


class _Entry(msgspec.Struct):
    auth: str = ""
    username: str = ""
    password: str = ""
    identity_token: str = msgspec.field(name="identitytoken", default="")


class _Configuration(msgspec.Struct):
    auths: dict[str, _Entry] = {}
    store: str = msgspec.field(name="credsStore", default="")
    helpers: dict[str, str] = msgspec.field(name="credHelpers", default_factory=dict)


class _Answer(msgspec.Struct):
    name: str = msgspec.field(name="Username", default="")
    secret: str = msgspec.field(name="Secret", default="")


def find_login(registry: str, environment: Mapping[str, str] = os.environ) -> Login | None:
    """Return the login for a registry (`ghcr.io`), None where nobody has logged in; raises `DataError`.

    In this order, each asked for a helper of that registry, then for an entry, then for a helper of all registries:
    1. the file that `REGISTRY_AUTH_FILE` names
    2. `config.json` in `DOCKER_CONFIG`, else in `~/.docker`
    3. `containers/auth.json` in `XDG_RUNTIME_DIR`, then in `XDG_CONFIG_HOME` or `~/.config`, where podman keeps it
    """
    for path in _files(environment):
        login = _from_file(path, registry)
        if login is not None:
            return login
    return None


def _files(environment: Mapping[str, str]) -> Iterable[Path]:
    home = Path(environment.get("HOME") or "~").expanduser()
    if named := environment.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    yield Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers" / "auth.json"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json"


def _from_file(path: Path, registry: str) -> Login | None:
    try:
        configuration = msgspec.json.decode(path.read_bytes(), type=_Configuration)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(f"the file with logins of registries cannot be read: {path}", facts=(str(error),)) from error
    keys = _keys(registry)
    for key in keys:
        if helper := configuration.helpers.get(key):
            return _from_helper(helper, key)
    for key, entry in configuration.auths.items():
        if key.rstrip("/") in {name.rstrip("/") for name in keys} and (login := _from_entry(entry, path)) is not None:
            return login
    if configuration.store:
        return next(filter(None, (_from_helper(configuration.store, key) for key in keys)), None)
    return None


def _keys(registry: str) -> tuple[str, ...]:
    if registry == DOCKER_HUB:
        return _HUB_KEYS
    return (registry, f"https://{registry}", f"https://{registry}/v1/", f"https://{registry}/v2/", f"http://{registry}")


def _from_entry(entry: _Entry, path: Path) -> Login | None:
    if entry.identity_token:
        return Login(identity_token=entry.identity_token)
    if not entry.auth:
        return Login(name=entry.username, password=entry.password) if entry.username else None
    try:
        name, _, password = base64.b64decode(entry.auth, validate=True).decode().rstrip("\0").partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise DataError(f"an `auth` in the file with logins of registries is not base64: {path}") from error
    return Login(name=name, password=password)


def _from_helper(helper: str, key: str) -> Login | None:
    """Ask a credential helper; one that is not there or knows nothing is as good as no login: the registry decides."""
    if "/" in helper:
        return None
    completed = run_command(
        Command(argv=(f"docker-credential-{helper}", "get"), stdin=key, timeout_seconds=_HELPER_SECONDS)
    )
    if not completed.ok:
        return None
    try:
        answer = msgspec.json.decode(completed.stdout, type=_Answer)
    except msgspec.MsgspecError as error:
        raise DataError(f"the credential helper did not answer with JSON: docker-credential-{helper}") from error
    if answer.name == _TOKEN_NAME:
        return Login(identity_token=answer.secret)
    return Login(name=answer.name, password=answer.secret) if answer.name else None
