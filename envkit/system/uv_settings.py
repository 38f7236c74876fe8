"""uv's own settings: `UV_*` and `uv.toml` of the user and the system.

https://docs.astral.sh/uv/reference/environment/ and https://docs.astral.sh/uv/reference/settings/
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from envkit.errors import DataError
from envkit.model.sources import Setting
from envkit.model.value import Value
from envkit.system.pip_settings import is_true


class UvSettings(Value):
    """What uv's settings say about package sources; None and empty: nothing is said."""

    index: Setting | None = None
    extra_indexes: tuple[Setting, ...] = ()
    # Those marked `explicit`, which serve only what names them.
    named_indexes: dict[str, Setting] = msgspec.field(default_factory=dict)
    find_links: tuple[Setting, ...] = ()
    constraints: tuple[Setting, ...] = ()
    insecure_hosts: tuple[Setting, ...] = ()
    strategy: str | None = None
    no_index: bool = False
    offline: bool = False
    timeout: Setting | None = None


class _Index(msgspec.Struct):
    url: str
    name: str | None = None
    default: bool = False
    explicit: bool = False


class _Options(msgspec.Struct, rename="kebab"):
    index: list[_Index] = []
    index_url: str | None = None
    extra_index_url: list[str] = []
    find_links: list[str] = []
    no_index: bool = False
    index_strategy: str | None = None


class _File(_Options, rename="kebab"):
    pip: _Options | None = None
    allow_insecure_host: list[str] = []
    offline: bool = False


def read_uv_settings(environment: Mapping[str, str], *, home: str, system: str = "/etc") -> UvSettings:
    """Return what uv's variables and files say, a variable before the user's file and that before the system's.

    Raises `DataError` for a file that uv could not read either.
    """
    settings = _read_variables(environment)
    for path in _files(environment, home, system):
        settings = _with_fallback(settings, _read_file(path, environment))
    return settings


def _with_fallback(strong: UvSettings, weak: UvSettings) -> UvSettings:
    return UvSettings(
        index=strong.index or weak.index,
        extra_indexes=strong.extra_indexes + weak.extra_indexes,
        named_indexes=weak.named_indexes | strong.named_indexes,
        find_links=strong.find_links + weak.find_links,
        constraints=strong.constraints + weak.constraints,
        insecure_hosts=strong.insecure_hosts + weak.insecure_hosts,
        strategy=strong.strategy or weak.strategy,
        no_index=strong.no_index or weak.no_index,
        offline=strong.offline or weak.offline,
        timeout=strong.timeout or weak.timeout,
    )


def _read_variables(environment: Mapping[str, str]) -> UvSettings:
    named = (_named_index(item, environment) for item in _items(environment, "UV_INDEX"))
    return UvSettings(
        index=_first(environment, "UV_DEFAULT_INDEX", "UV_INDEX_URL"),
        extra_indexes=(*named, *_items(environment, "UV_EXTRA_INDEX_URL")),
        # The one variable of uv that is separated by commas, since a path may hold blanks.
        find_links=_items(environment, "UV_FIND_LINKS", separator=","),
        constraints=_items(environment, "UV_CONSTRAINT"),
        insecure_hosts=_items(environment, "UV_INSECURE_HOST"),
        strategy=environment.get("UV_INDEX_STRATEGY"),
        no_index=is_true(environment.get("UV_NO_INDEX")),
        offline=is_true(environment.get("UV_OFFLINE")),
        timeout=_first(environment, "UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT"),
    )


def _first(environment: Mapping[str, str], *variables: str) -> Setting | None:
    found = ((variable, environment.get(variable)) for variable in variables)
    return next((Setting(value=value, origin=variable) for variable, value in found if value), None)


def _items(environment: Mapping[str, str], variable: str, *, separator: str | None = None) -> tuple[Setting, ...]:
    values = (value.strip() for value in environment.get(variable, "").split(separator))
    return tuple(Setting(value=value, origin=variable) for value in values if value)


def _named_index(setting: Setting, environment: Mapping[str, str]) -> Setting:
    """Return the URL of `name=URL`, with the credentials that variables keep for that name."""
    name, equals, url = setting.value.partition("=")
    if not equals or "/" in name:
        return setting
    return Setting(value=_with_credentials(url, name, environment), origin=setting.origin)


def _with_credentials(url: str, name: str, environment: Mapping[str, str]) -> str:
    from urllib.parse import quote

    key = "".join(character if character.isalnum() else "_" for character in name.upper())
    user = environment.get(f"UV_INDEX_{key}_USERNAME", "")
    password = environment.get(f"UV_INDEX_{key}_PASSWORD", "")
    scheme, separator, rest = url.partition("://")
    if not (user or password) or not separator or "@" in rest.partition("/")[0]:
        return url
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"


def _files(environment: Mapping[str, str], home: str, system: str) -> tuple[Path, ...]:
    """Return the paths of the files that exist, the strongest first.

    1. none when `UV_NO_CONFIG` is set; `UV_CONFIG_FILE` alone when that is set
    2. `uv/uv.toml` in `XDG_CONFIG_HOME`
    3. the first `uv/uv.toml` in the directories of `XDG_CONFIG_DIRS`, else `/etc/uv/uv.toml`
    """
    if is_true(environment.get("UV_NO_CONFIG")):
        return ()
    if named := environment.get("UV_CONFIG_FILE"):
        return (Path(named),)
    own = Path(environment.get("XDG_CONFIG_HOME") or Path(home) / ".config") / "uv" / "uv.toml"
    shared = (environment.get("XDG_CONFIG_DIRS") or str(Path(system) / "xdg")).split(os.pathsep)
    candidates = (*(Path(directory) / "uv" / "uv.toml" for directory in shared), Path(system) / "uv" / "uv.toml")
    first = next((path for path in candidates if path.is_file()), None)
    return tuple(path for path in (own, first) if path is not None and path.is_file())


def _read_file(path: Path, environment: Mapping[str, str]) -> UvSettings:
    import tomllib

    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        message = f"uv's configuration file cannot be read: {path}"
        raise DataError(message, facts=(str(error),)) from error
    return _with_fallback(
        UvSettings() if file.pip is None else _from_options(file.pip, f"{path} [pip]", path.parent, environment),
        msgspec.structs.replace(
            _from_options(file, str(path), path.parent, environment),
            insecure_hosts=_settings(file.allow_insecure_host, f"{path} allow-insecure-host"),
            offline=file.offline,
        ),
    )


def _from_options(options: _Options, place: str, directory: Path, environment: Mapping[str, str]) -> UvSettings:
    default: Setting | None = None
    extra: list[Setting] = []
    named: dict[str, Setting] = {}
    for index in options.index:
        url = _with_credentials(index.url, index.name or "", environment) if index.name else index.url
        setting = Setting(value=_absolute(url, directory), origin=f"{place} index")
        if index.explicit:
            named |= {index.name: setting} if index.name else {}
        elif index.default:
            default = default or setting
        else:
            extra.append(setting)
    if options.index_url and default is None:
        default = Setting(value=_absolute(options.index_url, directory), origin=f"{place} index-url")
    return UvSettings(
        index=default,
        extra_indexes=(*extra, *_settings(options.extra_index_url, f"{place} extra-index-url", directory)),
        named_indexes=named,
        find_links=_settings(options.find_links, f"{place} find-links", directory),
        strategy=options.index_strategy,
        no_index=options.no_index,
    )


def _settings(values: list[str], origin: str, directory: Path | None = None) -> tuple[Setting, ...]:
    return tuple(Setting(value=_absolute(value, directory), origin=origin) for value in values)


def _absolute(value: str, directory: Path | None) -> str:
    return value if directory is None or "://" in value else str(directory / value)
