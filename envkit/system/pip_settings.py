"""pip's own settings: configuration files and `PIP_*`, merged as pip merges them.

https://pip.pypa.io/en/stable/topics/configuration/
"""

import os
from collections.abc import Mapping
from pathlib import Path

from envkit.errors import DataError
from envkit.model.sources import Setting

_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})


def read_pip_settings(environment: Mapping[str, str], *, home: str, system: str = "/etc") -> dict[str, Setting]:
    """Return the options that pip's settings give to `pip install`, by option name without dashes in front.

    A variable is stronger than `[install]`, that is stronger than `[global]`, and within one section the last file
    wins; a stronger value replaces a weaker one also where an option takes several. Raises `DataError` for a file that
    pip could not read either.
    """
    merged: dict[str, Setting] = {}
    files = [(path, _read_file(path)) for path in _files(environment, home, system)]
    for section in ("global", "install"):
        options: dict[str, Setting] = {}
        for path, sections in files:
            for key, value in sections.get(section, {}).items():
                options[_option(key)] = Setting(value=value, origin=f"{path} [{section}] {key}")
        # Only after the merge: an empty value in a later file hides the one before it.
        merged |= {name: setting for name, setting in options.items() if setting.value}
    for variable, value in environment.items():
        if variable.startswith("PIP_") and value:
            merged[_option(variable.removeprefix("PIP_"))] = Setting(value=value, origin=variable)
    return merged


def setting_items(setting: Setting | None) -> tuple[Setting, ...]:
    """Return the single values of an option that takes several, separated by blanks or line breaks."""
    if setting is None:
        return ()
    return tuple(Setting(value=value, origin=setting.origin) for value in setting.value.split())


def is_true(value: str | None) -> bool:
    """Tell whether a value switches a yes-or-no option on."""
    return value is not None and value.strip().lower() in _TRUE


def _option(key: str) -> str:
    return key.lower().replace("_", "-").removeprefix("--")


def _files(environment: Mapping[str, str], home: str, system: str) -> tuple[Path, ...]:
    """Return the paths of the configuration files, the weakest first.

    1. `pip/pip.conf` in each directory of `XDG_CONFIG_DIRS`, and `/etc/pip.conf`
    2. `~/.pip/pip.conf`, `pip/pip.conf` in `XDG_CONFIG_HOME`; not when `PIP_CONFIG_FILE` names a file that exists
    3. `PIP_CONFIG_FILE`; where that is the null device, pip reads no file at all
    """
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ()
    shared = environment.get("XDG_CONFIG_DIRS") or str(Path(system) / "xdg")
    files = [Path(directory) / "pip" / "pip.conf" for directory in shared.split(os.pathsep)]
    files.append(Path(system) / "pip.conf")
    if not (named and Path(named).exists()):
        own = environment.get("XDG_CONFIG_HOME") or str(Path(home) / ".config")
        files += [Path(home) / ".pip" / "pip.conf", Path(own) / "pip" / "pip.conf"]
    if named:
        files.append(Path(named))
    return tuple(files)


def _read_file(path: Path) -> dict[str, dict[str, str]]:
    import configparser

    parser = configparser.RawConfigParser()
    try:
        # What exists but may not be read is as good as missing: pip says so and goes on.
        text = path.read_text(encoding="utf-8") if os.access(path, os.R_OK) else ""
        parser.read_string(text, source=str(path))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        message = f"pip's configuration file cannot be read: {path}"
        raise DataError(message, facts=(" ".join(str(error).split()),), hints=("pip config debug",)) from error
    return {section: dict(parser.items(section)) for section in parser.sections()}
