"""What was read once from a file that never changes: `$XDG_CACHE_HOME/envkit/refresh`."""

from pathlib import Path
from typing import TypeVar

import msgspec

from envkit.model.value import DECODING, Value
from envkit.system.directories import cache_directory, ensure_directory
from envkit.system.files import write_atomically

Kept = TypeVar("Kept", bound=Value)


class Cache:
    """One file for each thing that was read, written when it is complete: an interrupted run loses nothing else."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = cache_directory() / "refresh" if directory is None else directory

    def read(self, kind: str, key: str, expected: type[Kept]) -> Kept | None:
        """Return what was kept, None where nothing was, or nothing that can be read."""
        try:
            content = self._path(kind, key).read_bytes()
            with DECODING:
                return msgspec.json.decode(content, type=expected)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def write(self, kind: str, key: str, value: Value) -> None:
        """Keep a value; raises `StorageError`."""
        path = self._path(kind, key)
        ensure_directory(path.parent)
        write_atomically(path, msgspec.json.encode(value).decode())

    def _path(self, kind: str, key: str) -> Path:
        return self._directory / kind / f"{key}.json"
