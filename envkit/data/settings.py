"""What a user or a machine has set for all projects: `sources.yaml`, written by `envkit mirror use`."""

from pathlib import Path

import msgspec

from envkit.data.canonical import heading_of, yaml_text
from envkit.data.documents import decode_document
from envkit.data.loader import load_mirrors
from envkit.errors import DataError
from envkit.model.project import SourcesSettings, SourcesTable
from envkit.model.sources import PackageSources
from envkit.system.directories import configuration_directory, ensure_directory
from envkit.system.files import write_atomically
from envkit.system.source_tables import SourcesFile

_FILE = "sources.yaml"
_SYSTEM = Path("/etc/envkit") / _FILE
_LARGEST = 2**20  # bytes, as of every document
_HEADING = "# Mirrors, proxies and certificates that hold in every project. `envkit mirror use` writes this file.\n"


def user_settings_path() -> Path:
    """Return where the user's settings stand: `$XDG_CONFIG_HOME/envkit/sources.yaml`."""
    return configuration_directory() / _FILE


def load_settings() -> tuple[SourcesFile, ...]:
    """Return the settings of the user and of the machine, the user's first; raises `DataError` for a faulty file."""
    return tuple(
        SourcesFile(table=_absolute(table, path.parent), origin=f"`{path}`, `{{}}`")
        for path in (user_settings_path(), _SYSTEM)
        if (table := read_settings(path)) is not None
    )


def read_settings(path: Path) -> SourcesSettings | None:
    """Read one file of settings as it is, None where there is none; raises `DataError`."""
    text = _text(path)
    return None if text is None else decode_document(text, str(path), SourcesSettings)


def write_settings(path: Path, settings: SourcesSettings) -> None:
    """Write settings under the comments that the file begins with, readable by its owner alone: it may hold passwords.

    Raises `StorageError`; the old file is then as it was.
    """
    heading = heading_of(_text(path) or "") or _HEADING
    ensure_directory(path.parent)
    write_atomically(path, heading + yaml_text(settings))


def mirror_variables(sources: PackageSources) -> dict[str, str]:
    """Return the variables that tell tools inside of environments about the mirrors: HF_ENDPOINT for models."""
    if not sources.mirrors:
        return {}
    return {
        variable: setting.value
        for row in load_mirrors().places
        if (setting := sources.mirrors.get(row.place)) is not None
        for variable in row.environment
    }


def _text(path: Path) -> str | None:
    if not (path.exists() or path.is_symlink()):
        return None
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            raise DataError(f"settings are a file of at most {_LARGEST // 2**20} MiB: {path}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read the settings ({(error.strerror or str(error)).lower()}): {path}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"the settings are not UTF-8: {path}") from error


def _absolute(table: SourcesSettings, directory: Path) -> SourcesTable:
    """Take paths as relative to the file that names them."""
    wheelhouses = (table.wheelhouse,) if isinstance(table.wheelhouse, str) else table.wheelhouse
    return msgspec.structs.replace(
        table,
        wheelhouse=tuple(str(directory / Path(path).expanduser()) for path in wheelhouses),
        ca_certificate=None
        if table.ca_certificate is None
        else str(directory / Path(table.ca_certificate).expanduser()),
    )
