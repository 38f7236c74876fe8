"""Where data files lie: the user's overlay, the data inside the package, the checkout around it."""

import os
from pathlib import Path

import msgspec

from envkit.errors import DataError
from envkit.system import directories

_PACKAGE = Path(__file__).resolve().parent.parent
_SUFFIX = ".yaml"
SINGLE = ("foundations", "mirrors", "package_managers", "pipelines", "systems", "thresholds")  # kinds of one file each
MERGED = ("recipes", "vendors")  # kinds of which an overlay adds rows to the file of the same name


class DataFile(msgspec.Struct, frozen=True):
    """One data file: `kind` is the folder it belongs to, `name` its name without suffix."""

    kind: (
        str  # findings | foundations | mirrors | package_managers | recipes | remedies | systems | thresholds | vendors
    )
    name: str
    path: str
    stamp: tuple[int, int]  # size and modification time in ns: changed files have another
    overlay: str | None = None  # a file of the overlay whose rows are put over those of `path`
    overlay_stamp: tuple[int, int] | None = None


def overlay_directory() -> Path:
    """Return the directory in which a site or user adds rows: `$XDG_CONFIG_HOME/envkit/overlay`."""
    return directories.configuration_directory() / "overlay"


def cache_directory() -> Path:
    """Return the directory of the compiled matrix: `$XDG_CACHE_HOME/envkit/matrix`."""
    return directories.cache_directory() / "matrix"


def find_files() -> tuple[DataFile, ...]:
    """List the data files in use, each with the overlay's file of the same kind and name.

    A recipe and a vendor are named with both files, see `envkit.data.overlay`; of others the overlay's is taken alone.
    Raises `DataError` for a directory or file that cannot be looked at.
    """
    overlay = overlay_directory()
    bundled = _PACKAGE / "_bundled" / "recipes"
    # Beside an installed package lie the folders of other packages: the checkout counts only where nothing is bundled.
    recipes = bundled if bundled.is_dir() else _PACKAGE.parent / "recipes"
    places = {
        "findings": (_PACKAGE / "data" / "findings", overlay / "findings"),
        "foundations": (_PACKAGE / "data", overlay),
        "recipes": (recipes, overlay / "recipes"),
        "remedies": (_PACKAGE / "data" / "remedies", overlay / "remedies"),
        "systems": (_PACKAGE / "data", overlay),
        "thresholds": (_PACKAGE / "data", overlay),
        "mirrors": (_PACKAGE / "data", overlay),
        "package_managers": (_PACKAGE / "data", overlay),
        "pipelines": (_PACKAGE / "data", overlay),
        "vendors": (_PACKAGE / "data" / "vendors", overlay / "vendors"),
    }
    found: dict[tuple[str, str], DataFile] = {}
    for kind, (bundled_directory, overlay_place) in places.items():
        found |= {(kind, file.name): file for file in _files_in(kind, bundled_directory)}
        for file in _files_in(kind, overlay_place):
            found[kind, file.name] = _over(found.get((kind, file.name)), file)
    return tuple(found[key] for key in sorted(found))


def _over(base: DataFile | None, file: DataFile) -> DataFile:
    if base is None or file.kind not in MERGED:
        return file
    return DataFile(base.kind, base.name, base.path, base.stamp, overlay=file.path, overlay_stamp=file.stamp)


def _files_in(kind: str, directory: Path) -> list[DataFile]:
    try:
        if not directory.is_dir():
            return []
        if kind in SINGLE:
            path = directory / f"{kind}.yaml"
            return [_data_file(kind, str(path), path.stat())] if path.exists() or path.is_symlink() else []
        # Not pathlib: it takes four times as long, which is felt where a site has thousands of recipes.
        with os.scandir(directory) as entries:
            files = [_data_file(kind, entry.path, entry.stat()) for entry in entries if entry.name.endswith(_SUFFIX)]
        return sorted(files, key=lambda file: file.name)
    except OSError as error:
        message = f"the data files cannot be listed ({(error.strerror or str(error)).lower()}): {error.filename}"
        raise DataError(message) from error


def _data_file(kind: str, path: str, status: os.stat_result) -> DataFile:
    name = path.rpartition("/")[2].removesuffix(_SUFFIX)
    return DataFile(kind, name, path, (status.st_size, status.st_mtime_ns))
