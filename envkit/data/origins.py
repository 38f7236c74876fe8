"""Where the rows of a document were written: in a file of envkit or in one of the overlay."""

from envkit.data.compiled import TYPES
from envkit.data.faults import Path
from envkit.data.overlay import read_data_file
from envkit.data.places import DataFile, find_files


class Origins:
    """The files behind one document; raises `DataError` for a file that cannot be read or decoded."""

    def __init__(self, kind: str, name: str) -> None:
        self._file = next(file for file in find_files() if (file.kind, file.name) == (kind, name))
        reading = read_data_file(self._file, TYPES[kind])
        self._merged = reading.merged
        # Of two files, the base's text is not among those read where the other replaces it.
        self._single = _last(self._file) if self._merged is None else self._file.path

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files that the document was made from."""
        return (self._single,) if self._merged is None else (self._file.path, _last(self._file))

    def of(self, path: Path) -> str:
        """Return the file in which a part was written."""
        if self._merged is None:
            return self._single
        return _last(self._file) if self._merged.origin(path).overlay else self._file.path


def _last(file: DataFile) -> str:
    return file.overlay or file.path
