"""How uv is called: with the sources that were read, and with nothing that it would read by itself."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from envkit.errors import EnvkitError, IndexUnreachableError, StorageError
from envkit.model.address import display_url
from envkit.model.sources import PackageSources
from envkit.model.value import Value
from envkit.system.command import Command
from envkit.system.directories import storage_error

# What changes how uv works, not where packages come from; every other `UV_*` has been read into the sources already.
_KEPT = re.compile(r"UV_(CACHE_DIR|CONCURRENT_\w+|CREDENTIALS_DIR|KEYRING_PROVIDER|LINK_MODE|NATIVE_TLS|SYSTEM_CERTS)")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_FETCH = re.compile(r"Failed to fetch: `?([^\s`]+)`?")
_REFUSED = (
    re.compile(r"An index URL \((\S+)\) could not be queried due to a lack of valid authentication .*?\((.+?)\)"),
    re.compile(r"An index URL? ?\((\S+)\) returned an? (.+?) error"),
)
_NOT_AN_INDEX = re.compile(r"Unsupported `Content-Type`.*? for `?([^\s`]+)`?")
_NO_NETWORK = "because the network was disabled"
_NO_STORAGE = re.compile(
    r"No space left on device|Disk quota exceeded|Read-only file system|Permission denied(?= \(os error)"
)
_ABSOLUTE = re.compile(r"(?<![\w/])/[^\s`:]+")
_UNTRUSTED = re.compile(r"certificate|UnknownIssuer", re.IGNORECASE)
_SHOWN_LINES = 30
# What uv draws before a line (a cross, lines, an arrow) and the levels that it names: the words are enough.
_DECORATION = re.compile(r"^\s*(?:[\u00d7\u2500-\u257f\u25b6]+\s*)*(?:error: |cause: |Caused by: )?")
_CAUSE = re.compile(r"^\s*(?:cause: |Caused by: |[\u2500-\u257f]+\u25b6 )(.*)$", re.MULTILINE)


class Unreachable(Value):
    """A page that uv could not get, and why."""

    url: str
    reason: str


def uv_binary() -> str:
    """Return the path of the uv that was installed with envkit."""
    from uv import find_uv_bin

    return os.fspath(find_uv_bin())


def uv_cache_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return uv's cache: the user's own, so that a wheel that uv fetched before is not fetched again."""
    if named := environment.get("UV_CACHE_DIR"):
        return Path(named).absolute()
    base = Path(environment.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "uv"


def uv_command(
    arguments: tuple[str, ...],
    sources: PackageSources,
    *,
    timeout_seconds: float,
    extra: Mapping[str, str] | None = None,
    directory: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Command:
    """Return the command that runs uv with these sources and no other configuration.

    Addresses travel in variables, not in arguments, since everybody on the machine can read arguments and addresses may
    hold credentials. `extra` is added to the variables; `environment` is what the command will inherit.
    """
    ours = {**source_variables(sources), **(extra or {})}
    # The runner only adds variables: `env` takes away those that must not be inherited.
    foreign = [name for name in sorted(environment) if _is_foreign(name) and name not in ours]
    unset = tuple(part for name in foreign for part in ("-u", name))
    return Command(
        argv=(*(("env", *unset) if unset else ()), uv_binary(), *arguments, *_flags(sources)),
        environment=ours,
        timeout_seconds=timeout_seconds,
        directory=directory,
    )


def _is_foreign(name: str) -> bool:
    return name.startswith("UV_") and not _KEPT.fullmatch(name)


def _flags(sources: PackageSources) -> tuple[str, ...]:
    return ("--no-config", "--no-python-downloads", "--color", "never", *(("--offline",) if sources.offline else ()))


def source_variables(sources: PackageSources) -> dict[str, str]:
    """Return the variables that give uv these sources; no index at all is up to the caller, see `no_index`."""
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match" if sources.best_match else "first-index"}
    if not sources.no_index:
        variables["UV_DEFAULT_INDEX"] = sources.index.value if sources.index else ""
        variables["UV_INDEX"] = " ".join(setting.value for setting in sources.extra_indexes)
    # Separated by commas; as a URL, a path with a comma keeps it encoded.
    variables["UV_FIND_LINKS"] = ",".join(
        setting.value if "://" in setting.value else Path(setting.value).as_uri() for setting in sources.wheelhouses
    )
    variables["UV_INSECURE_HOST"] = " ".join(setting.value for setting in sources.trusted_hosts)
    if sources.certificate is not None:
        variables["SSL_CERT_FILE"] = sources.certificate.value
    for scheme, setting in sources.proxies.items():
        variables |= {f"{scheme}_proxy": setting.value, f"{scheme.upper()}_PROXY": setting.value}
    if sources.timeout_seconds is not None:
        variables["UV_HTTP_TIMEOUT"] = str(max(1, round(sources.timeout_seconds)))
    return {name: value for name, value in variables.items() if value}


def plain_output(text: str) -> str:
    """Return what uv printed without escape sequences and credentials."""
    return display_url(_ESCAPE.sub("", text))


def find_unreachable(output: str) -> Unreachable | None:
    """Return the page that made uv fail and the reason, from its plain output; None when it failed for another reason.

    ```text
    error: Failed to fetch: https://pypi.org/simple/numpy/
      cause: client error (Connect)
      cause: Connection refused (os error 111)
    ```
    """
    if found := _FETCH.search(output):
        causes = _CAUSE.findall(output, found.end())
        reason = causes[-1] if causes else "no reason given"
        return Unreachable(url=found[1], reason=reason.partition(" for url (")[0])
    for pattern in _REFUSED:
        if found := pattern.search(output):
            return Unreachable(url=found[1], reason=found[2])
    if found := _NOT_AN_INDEX.search(output):
        return Unreachable(url=found[1], reason="answered with a page that is not a package index")
    return None


def explanation(output: str) -> tuple[str, ...]:
    """Return the last lines of uv's plain output without what it draws around them."""
    lines = (_DECORATION.sub("", line).rstrip() for line in output.splitlines())
    return tuple(line for line in lines if line)[-_SHOWN_LINES:]


def explain_failure(output: str) -> EnvkitError | None:
    """Return the error for a failure of uv that is not about packages: network, offline, storage; None for others."""
    if (unreachable := find_unreachable(output)) is not None:
        url = display_url(unreachable.url)
        hints = ("export SSL_CERT_FILE=/path/of/your/ca-bundle.pem",) if _UNTRUSTED.search(unreachable.reason) else ()
        message = f"a package index could not be reached ({unreachable.reason}): {url}"
        return IndexUnreachableError(message, url=url, hints=hints)
    if _NO_NETWORK in output:
        message = "a package is neither in a wheelhouse nor in the cache, and offline was asked for"
        return IndexUnreachableError(message, url="", facts=explanation(output))
    if (found := _NO_STORAGE.search(output)) is not None:
        line = explanation(output[: found.end()])[-1]
        path = next(iter(reversed(_ABSOLUTE.findall(line))), None)
        if path is not None:
            return storage_error(OSError(0, found[0]), Path(path), "packages could not be written")
        return StorageError(f"packages could not be written: {found[0].lower()}", facts=(line,))
    return None
