"""Package sources as pip's settings, uv's settings, the project file and the command line give them.

The order is: command line, `ENVKIT_MIRRORS`, project file, envkit's file of the user and of the system, uv, `PIP_*`,
pip's files of the user, pip's files of the system. Of the main index, the certificate and the like the first one
counts; wheelhouses and constraints of all tools count together.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from envkit.errors import DataError, UsageError
from envkit.model.project import SourcesTable
from envkit.model.sources import PackageSources, Setting
from envkit.system.pip_settings import is_true, read_pip_settings, setting_items
from envkit.system.source_tables import MergedTables, SourcesFile, merge_tables
from envkit.system.uv_settings import UvSettings, read_uv_settings

_PipSettings = Mapping[str, Setting]
_INDEX_SCHEMES = frozenset({"http", "https", "file"})
_PROJECT = "project file `sources.{}`"
_MAIN_INDEX = "pypi.org"  # the place of `mirrors.yaml` that is the main index


def read_sources(
    environment: Mapping[str, str],
    *,
    home: str,
    wheelhouses: tuple[str, ...] = (),
    project: SourcesTable | None = None,
    settings: tuple[SourcesFile, ...] = (),
    offline: bool = False,
    system: str = "/etc",
) -> PackageSources:
    """Return the package sources that hold for this command, each value with its origin.

    `wheelhouses` are those of the command line, `settings` the tables of envkit's own files, the user's before the
    system's; `system` is the directory of the system's settings. Raises `UsageError`
    or `DataError` when the command line, the project file or a settings file names what is not there or not readable.
    """
    pip = read_pip_settings(environment, home=home, system=system)
    uv = read_uv_settings(environment, home=home, system=system)
    own = () if project is None else (SourcesFile(table=project, origin=_PROJECT),)
    tables = merge_tables((*own, *settings), environment)
    links, link_notes = _wheelhouses(wheelhouses, tables, (*uv.find_links, *setting_items(pip.get("find-links"))), home)
    certificate, certificate_notes = _certificate(environment, tables, pip)
    extra_indexes, best_match = _extra_indexes(uv, pip)
    return PackageSources(
        index=_main_index(tables, uv, pip),
        extra_indexes=extra_indexes,
        named_indexes=uv.named_indexes | tables.indexes,
        wheelhouses=links,
        constraints=_unique((*uv.constraints, *setting_items(pip.get("constraint"))), local=True),
        certificate=certificate,
        proxies=_proxies(environment, pip) | tables.proxies,
        trusted_hosts=_unique((*uv.insecure_hosts, *setting_items(pip.get("trusted-host")))),
        no_index=uv.no_index or ("no-index" in pip and is_true(pip["no-index"].value)),
        best_match=best_match,
        timeout_seconds=_timeout(uv.timeout or pip.get("timeout") or pip.get("default-timeout")),
        offline=offline or uv.offline,
        mirrors=tables.mirrors,
        notes=(*link_notes, *certificate_notes),
    )


def _main_index(tables: MergedTables, uv: UvSettings, pip: _PipSettings) -> Setting | None:
    found = tables.index or tables.mirrors.get(_MAIN_INDEX) or uv.index or pip.get("index-url")
    return None if found is None else _address(found)


def _extra_indexes(uv: UvSettings, pip: _PipSettings) -> tuple[tuple[Setting, ...], bool]:
    """Return the extra indexes and whether they compete with the main one by version.

    pip takes the highest version of all its indexes, uv the first index that has the package. A setting keeps the
    meaning that it has in the tool that it was written for: somebody whose pip finds a newer build in an extra index
    relies on getting it. An index strategy set for uv is more explicit than either and is followed.
    """
    extra = uv.extra_indexes or setting_items(pip.get("extra-index-url"))
    best_match = bool(extra) and not uv.extra_indexes
    if uv.strategy is not None:
        best_match = uv.strategy == "unsafe-best-match"
    return _unique(_address(setting) for setting in extra), best_match


def _wheelhouses(
    flags: tuple[str, ...], tables: MergedTables, configured: Iterable[Setting], home: str
) -> tuple[tuple[Setting, ...], tuple[str, ...]]:
    found = [_flag_wheelhouse(flag, home) for flag in flags]
    found += [_named_wheelhouse(setting, home) for setting in tables.wheelhouses]
    notes: list[str] = []
    for setting in configured:
        located = _located(setting, home)
        if "://" in located.value or Path(located.value).exists():
            found.append(located)
        else:
            # pip goes on without it, so a machine where pip works must work here too.
            notes.append(f"no such wheelhouse, ignored as pip does: `{located.value}` from {located.origin}")
    return _unique(found), tuple(notes)


def _flag_wheelhouse(value: str, home: str) -> Setting:
    setting = _located(Setting(value=value, origin="--wheelhouse"), home)
    if "://" not in setting.value and not Path(setting.value).is_dir():
        message = f"no such directory for `--wheelhouse`: {setting.value}"
        raise UsageError(message)
    return setting


def _named_wheelhouse(named: Setting, home: str) -> Setting:
    setting = _located(named, home)
    if "://" not in setting.value and not Path(setting.value).is_dir():
        message = f"no such directory for {setting.origin}: {setting.value}"
        raise DataError(message)
    return setting


def _certificate(
    environment: Mapping[str, str], tables: MergedTables, pip: _PipSettings
) -> tuple[Setting | None, tuple[str, ...]]:
    """Return the first bundle that is there, and a note for each that is named but is not.

    1. `sources.ca_certificate` of the project file or of envkit's own, which must be there
    2. `SSL_CERT_FILE`, which uv reads
    3. `PIP_CERT` and pip's `cert`
    4. `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`, which pip reads too
    """
    if tables.certificate is not None:
        if not Path(tables.certificate.value).is_file():
            message = f"no such file for {tables.certificate.origin}: {tables.certificate.value}"
            raise DataError(message)
        return tables.certificate, ()
    named = [_variable(environment, "SSL_CERT_FILE"), pip.get("cert")]
    named += [_variable(environment, name) for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")]
    notes: list[str] = []
    for setting in filter(None, named):
        if Path(setting.value).is_file():
            return Setting(value=str(Path(setting.value).absolute()), origin=setting.origin), tuple(notes)
        notes.append(f"no such certificate bundle, ignored: `{setting.value}` from {setting.origin}")
    return None, tuple(notes)


def _proxies(environment: Mapping[str, str], pip: _PipSettings) -> dict[str, Setting]:
    """Return the proxies by scheme; pip's own `proxy` is for packages alone and so comes before the general ones."""
    proxies: dict[str, Setting] = {}
    for scheme in ("http", "https", "no"):
        # The spelling in small letters is the older one and wins where both are set, as in curl and Python.
        names = [f"{scheme}_proxy", f"{scheme.upper()}_PROXY"]
        names += [] if scheme == "no" else ["all_proxy", "ALL_PROXY"]
        found = next((found for name in names if (found := _variable(environment, name))), None)
        if found is not None:
            proxies[scheme] = found
    if own := pip.get("proxy"):
        value = own.value if "://" in own.value else f"http://{own.value}"
        proxies |= dict.fromkeys(("http", "https"), Setting(value=value, origin=own.origin))
    return proxies


def _timeout(setting: Setting | None) -> float | None:
    if setting is None:
        return None
    try:
        return float(setting.value)
    except ValueError as error:
        message = f"not a number of seconds: `{setting.value}` from {setting.origin}"
        raise DataError(message) from error


def _variable(environment: Mapping[str, str], name: str) -> Setting | None:
    value = environment.get(name)
    return Setting(value=value, origin=name) if value else None


def _address(setting: Setting) -> Setting:
    """Return an index as a URL: both tools also take the path of a directory. Raises `DataError` for other schemes."""
    scheme, separator, _ = setting.value.partition("://")
    if separator and scheme.lower() not in _INDEX_SCHEMES:
        message = f"an index is reached by http, https or file, not by: {scheme}"
        raise DataError(message, facts=(f"set by {setting.origin}",))
    if separator or setting.value.startswith("file:"):
        return setting
    return Setting(value=Path(setting.value).absolute().as_uri(), origin=setting.origin)


def _located(setting: Setting, home: str) -> Setting:
    """Return a wheelhouse as an absolute path where it is local, else as the URL of a page of links."""
    value = setting.value
    if value.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        value = unquote(urlsplit(value).path)
    elif "://" in value:
        return setting
    elif value == "~" or value.startswith("~/"):
        value = home + value[1:]
    return Setting(value=str(Path(value).absolute()), origin=setting.origin)


def _unique(settings: Iterable[Setting], *, local: bool = False) -> tuple[Setting, ...]:
    """Return the first setting for each value, in order; `local` makes paths absolute first."""
    found: dict[str, Setting] = {}
    for setting in settings:
        value = str(Path(setting.value).absolute()) if local and "://" not in setting.value else setting.value
        found.setdefault(value, Setting(value=value, origin=setting.origin))
    return tuple(found.values())
