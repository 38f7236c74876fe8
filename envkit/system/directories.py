"""Where envkit keeps its files on this machine: the XDG base directories, `$XDG_DATA_HOME/envkit` and its siblings."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from envkit.errors import StorageError

_SYSTEM: str = sys.platform
_HINT = "export {}=/a/directory/you/can/write"


def data_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where native environments live; it may not exist yet."""
    return _directory("XDG_DATA_HOME", ".local/share", environment)


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where logs, reports and locks live; it may not exist yet."""
    return _directory("XDG_STATE_HOME", ".local/state", environment)


def cache_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where what can be fetched again lives; it may not exist yet."""
    return _directory("XDG_CACHE_HOME", ".cache", environment)


def probe_cache_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the last answers of vendors' tools are kept; it may not exist yet."""
    return cache_directory(environment) / "probes"


def configuration_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the user's settings and overlay live; it may not exist."""
    return _directory("XDG_CONFIG_HOME", ".config", environment)


def ensure_directory(path: Path, *, mode: int = 0o700) -> Path:
    """Make a directory and its parents and return it; raises `StorageError` with the path and the reason."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as error:
        raise storage_error(error, path, "cannot make a directory") from error
    if not os.access(path, os.W_OK | os.X_OK):
        message = f"cannot write in a directory (no permission): {path}"
        raise StorageError(message, hints=_hints(path))
    return path


def storage_error(error: OSError, path: Path, what: str) -> StorageError:
    """Return the error that says what could not be done with which path, and why in the system's words."""
    reason = (error.strerror or str(error)).lower()
    return StorageError(f"{what} ({reason}): {path}", hints=_hints(path))


def _directory(variable: str, default: str, environment: Mapping[str, str]) -> Path:
    base = environment.get(variable, "")
    # The XDG base directory specification has relative paths ignored.
    if Path(base).is_absolute():
        return Path(base) / "envkit"
    if _SYSTEM == "linux":
        return _home(environment) / default / "envkit"
    # Imported here: it takes 20 ms, and only other systems need what it knows.
    from platformdirs import PlatformDirs

    known = PlatformDirs("envkit", appauthor=False)
    return {
        "XDG_DATA_HOME": known.user_data_path,
        "XDG_STATE_HOME": known.user_state_path,
        "XDG_CACHE_HOME": known.user_cache_path,
        "XDG_CONFIG_HOME": known.user_config_path,
    }[variable]


def _home(environment: Mapping[str, str]) -> Path:
    home = environment.get("HOME", "")
    if Path(home).is_absolute():
        return Path(home)
    try:
        return Path.home()
    except RuntimeError as error:
        message = "this user has no home directory: `HOME` is not set"
        raise StorageError(message, hints=("export HOME=/a/directory/you/can/write",)) from error


def _hints(path: Path) -> tuple[str, ...]:
    for variable, directory in (
        ("XDG_DATA_HOME", data_directory),
        ("XDG_STATE_HOME", state_directory),
        ("XDG_CACHE_HOME", cache_directory),
    ):
        # One up from envkit's own: uv's cache is its neighbour.
        if path.is_relative_to(directory().parent):
            return (_HINT.format(variable),)
    return ()
