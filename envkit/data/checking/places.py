"""Which files are checked: those in use, or those that are named."""

from pathlib import Path

import msgspec

from envkit.data.places import MERGED, SINGLE, DataFile, find_files, overlay_directory
from envkit.errors import UsageError

_FOLDERS = ("findings", "recipes", "remedies", "vendors")


def files_in_use() -> tuple[DataFile, ...]:
    """Return all data files that commands read; raises `DataError` for a directory that cannot be looked at."""
    return find_files()


def files_at(paths: tuple[str, ...]) -> tuple[DataFile, ...]:
    """Return the data files that are named, or lie in directories that are; raises `UsageError` where there is none.

    A file's kind is told by its folder, `recipes` or `vendors`, or by its name, `foundations.yaml`.
    """
    found = [file for path in paths for file in _files(Path(path))]
    return tuple({file.path: file for file in found}.values())


def _files(path: Path) -> list[DataFile]:
    if path.is_dir():
        inner_paths = sorted(inner for inner in path.rglob("*.yaml") if not inner.is_dir())
        unreadable = [inner for inner in inner_paths if not inner.is_file()]
        if unreadable:  # a link that leads nowhere, a pipe
            raise UsageError(f"not a file that can be read: {unreadable[0]}")
        files = [file for inner in inner_paths if (file := _data_file(inner)) is not None]
        if not files:
            raise UsageError(f"no data files below this directory: {path}", hints=(_HINT,))
        return files
    if not path.is_file():
        raise UsageError(f"no such file or directory: {path}")
    file = _data_file(path)
    if file is None:
        raise UsageError(f"neither the file's name nor its folder says what it holds: {path}", hints=(_HINT,))
    return [file]


_HINT = f"data files lie in folders named {', '.join(f'`{name}`' for name in _FOLDERS)}"


def _data_file(path: Path) -> DataFile | None:
    if path.suffix != ".yaml":
        return None
    folder = path.resolve().parent.name
    kind = path.stem if path.stem in SINGLE else folder
    if kind not in (*_FOLDERS, *SINGLE):
        return None
    status = path.stat()
    file = DataFile(kind, path.stem, str(path), (status.st_size, status.st_mtime_ns))
    return _with_base(file)


def _with_base(file: DataFile) -> DataFile:
    """Return a file of the overlay together with the one that it is put over."""
    path = Path(file.path).resolve()
    if file.kind not in MERGED or not path.is_relative_to(overlay_directory().resolve()):
        return file
    for known in find_files():
        if known.kind == file.kind and known.overlay is not None and Path(known.overlay).resolve() == path:
            return msgspec.structs.replace(known, overlay=file.path)
    return file
