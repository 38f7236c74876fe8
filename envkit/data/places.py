"""Where data files lie: the user's overlay, the data inside the package, the checkout around it."""

from pathlib import Path

import msgspec
from platformdirs import user_cache_path, user_config_path

from envkit.errors import DataError

_PACKAGE = Path(__file__).resolve().parent.parent
_SINGLE = ("foundations", "systems")  # kinds of one file each


class DataFile(msgspec.Struct, frozen=True):
    """One data file: `kind` is the folder it belongs to, `name` its name without suffix."""

    kind: str  # findings | foundations | recipes | remedies | systems | vendors
    name: str
    path: str
    stamp: tuple[int, int]  # size and modification time in ns: changed files have another


def overlay_directory() -> Path:
    """Return the directory in which a site or user adds rows: `$XDG_CONFIG_HOME/envkit/overlay`."""
    return user_config_path("envkit") / "overlay"


def cache_directory() -> Path:
    """Return the directory of the compiled matrix: `$XDG_CACHE_HOME/envkit/matrix`."""
    return user_cache_path("envkit") / "matrix"


def find_files() -> tuple[DataFile, ...]:
    """List the data files in use; of two with the same kind and name the overlay's wins.

    Raises `DataError` for a directory or file that cannot be looked at.
    """
    overlay = overlay_directory()
    bundled = _PACKAGE / "_bundled" / "recipes"
    # Beside an installed package lie the folders of other packages: the checkout counts only where nothing is bundled.
    recipes = bundled if bundled.is_dir() else _PACKAGE.parent / "recipes"
    places = {
        "findings": (overlay / "findings", _PACKAGE / "data" / "findings"),
        "foundations": (overlay, _PACKAGE / "data"),
        "recipes": (overlay / "recipes", recipes),
        "remedies": (overlay / "remedies", _PACKAGE / "data" / "remedies"),
        "systems": (overlay, _PACKAGE / "data"),
        "vendors": (overlay / "vendors", _PACKAGE / "data" / "vendors"),
    }
    found: dict[tuple[str, str], DataFile] = {}
    for kind, directories in places.items():
        for directory in directories:
            for file in _files_in(kind, directory):
                found.setdefault((file.kind, file.name), file)
    return tuple(found[key] for key in sorted(found))


def _files_in(kind: str, directory: Path) -> list[DataFile]:
    pattern = f"{kind}.yaml" if kind in _SINGLE else "*.yaml"
    try:
        return [_data_file(kind, path) for path in sorted(directory.glob(pattern))] if directory.is_dir() else []
    except OSError as error:
        message = f"the data files cannot be listed ({(error.strerror or str(error)).lower()}): {error.filename}"
        raise DataError(message) from error


def _data_file(kind: str, path: Path) -> DataFile:
    status = path.stat()
    return DataFile(kind, path.stem, str(path), (status.st_size, status.st_mtime_ns))
