"""The data files decoded once and kept as msgpack, so that a start does not parse YAML."""

import hashlib
import mmap
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from envkit import __version__
from envkit.data.places import DataFile, cache_directory, find_files
from envkit.errors import DataError
from envkit.model.knowledge import FindingGroup, RemedyGroup, Systems, Thresholds
from envkit.model.matrix import Foundations
from envkit.model.mirrors import Mirrors
from envkit.model.package_manager import PackageManagers
from envkit.model.pipelines import PipelineTools
from envkit.model.provenance import Source
from envkit.model.recipe import Recipe
from envkit.model.value import DECODING
from envkit.model.vendor import Vendor

_SIZE_BYTES = 8  # of the number that the cache begins with: the length of its index
Document = (
    FindingGroup
    | Foundations
    | Mirrors
    | PackageManagers
    | PipelineTools
    | Recipe
    | RemedyGroup
    | Systems
    | Thresholds
    | Vendor
)
TYPES: dict[str, type[Document]] = {
    "findings": FindingGroup,
    "foundations": Foundations,
    "mirrors": Mirrors,
    "package_managers": PackageManagers,
    "pipelines": PipelineTools,
    "recipes": Recipe,
    "remedies": RemedyGroup,
    "systems": Systems,
    "thresholds": Thresholds,
    "vendors": Vendor,
}


class Heading(msgspec.Struct, frozen=True, array_like=True):
    """What is asked of every data file at every start."""

    kind: str
    name: str
    path: str
    digest: str  # sha256 of the file's bytes
    newest_source: str  # ISO date
    aliases: tuple[str, ...]
    size: int  # of the encoded document, in bytes


class Entry(NamedTuple):
    """One data file: its heading, and its document still encoded."""

    heading: Heading
    document: msgspec.Raw

    @property
    def kind(self) -> str:
        """Return the folder that it belongs to."""
        return self.heading.kind

    @property
    def name(self) -> str:
        """Return its name without suffix."""
        return self.heading.name

    @property
    def digest(self) -> str:
        """Return the sha256 of the texts that it was made from."""
        return self.heading.digest

    @property
    def newest_source(self) -> str:
        """Return the date, in ISO form, of its newest source."""
        return self.heading.newest_source

    @property
    def aliases(self) -> tuple[str, ...]:
        """Return the further names by which it is looked for."""
        return self.heading.aliases


class Compiled(NamedTuple):
    """All data files in use; `key` changes whenever one of them or envkit itself does."""

    key: str
    entries: tuple[Entry, ...]


class _Index(msgspec.Struct, frozen=True, array_like=True):
    """What stands before the documents in the cache, which follow each other in the order of the headings."""

    key: str
    headings: tuple[Heading, ...]


def load_compiled() -> Compiled:
    """Return the data files in use, from the cache where it is fresh.

    A cache that is missing, stale, broken or cannot be written is no error: the files are read instead.
    Raises `DataError` for a data file that does not decode.
    """
    files = find_files()
    key = _key(files)
    # One cache file for each set of places: it is replaced when they change, so that nothing piles up.
    places = "\0".join([__version__, *(f"{file.path}\0{file.overlay or ''}" for file in files)])
    cache = cache_directory() / f"{hashlib.sha256(places.encode()).hexdigest()[:16]}.msgpack"
    compiled = _read(cache)
    if compiled is None or compiled.key != key:
        compiled = Compiled(key=key, entries=tuple(_compile(file) for file in files))
        _write(cache, compiled)
    return compiled


def _key(files: tuple[DataFile, ...]) -> str:
    stamps = [f"{file.path}\0{file.stamp}\0{file.overlay or ''}\0{file.overlay_stamp}" for file in files]
    return hashlib.sha256("\n".join([__version__, *stamps]).encode()).hexdigest()


def _read(cache: Path) -> Compiled | None:
    try:
        status = cache.stat()
        return _decoded(cache, status.st_size, status.st_mtime_ns, status.st_ino)
    except (OSError, ValueError):  # of msgspec's and of mapping an empty file
        return None


# A process asks for one file after the other, and all of them lie in the same cache.
@lru_cache(maxsize=1)
def _decoded(cache: Path, _size: int, _changed: int, _inode: int) -> Compiled:
    """Decode the head of the cache, once for each of its states; raises `OSError` and `ValueError`.

    Documents are only looked at where they are asked for: a site may have thousands of recipes.
    """
    with cache.open("rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    start = _SIZE_BYTES + int.from_bytes(content[:_SIZE_BYTES], "little")
    with DECODING:
        index = msgspec.msgpack.decode(content[_SIZE_BYTES:start], type=_Index)
    if start + sum(heading.size for heading in index.headings) != len(content):
        raise ValueError("the cache is cut")
    entries: list[Entry] = []
    for heading in index.headings:
        entries.append(Entry(heading, msgspec.Raw(content[start : start + heading.size])))
        start += heading.size
    return Compiled(key=index.key, entries=tuple(entries))


def _compile(file: DataFile) -> Entry:
    from envkit.data.overlay import read_data_file

    read = read_data_file(file, TYPES[file.kind])
    document = read.document
    name = document.name if isinstance(document, FindingGroup | Recipe | RemedyGroup | Vendor) else file.name
    if name != file.name:
        message = f"the file is not named after its `name`, `{name}`: {file.overlay or file.path}"
        raise DataError(message)
    encoded = msgspec.msgpack.encode(document)
    heading = Heading(
        kind=file.kind,
        name=name,
        path=file.path,
        digest=hashlib.sha256("\0".join(read.texts).encode()).hexdigest(),
        newest_source=_newest(document.sources),
        aliases=_aliases(document),
        size=len(encoded),
    )
    return Entry(heading, msgspec.Raw(encoded))


def _aliases(document: Document) -> tuple[str, ...]:
    """Return the names beside its own by which a document is looked for: those of its rows, where it is a group."""
    match document:
        case Recipe():
            return document.aliases
        case FindingGroup():
            return tuple(row.id for row in document.findings)
        case RemedyGroup():
            return tuple(row.id for row in document.remedies)
        case _:
            return ()


def _newest(sources: dict[str, Source]) -> str:
    return max((source.retrieved for source in sources.values()), default="")


def _write(cache: Path, compiled: Compiled) -> None:
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        temporary = cache.with_suffix(f".{os.getpid()}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            index = _Index(compiled.key, tuple(entry.heading for entry in compiled.entries))
            encoded = msgspec.msgpack.encode(index)
            file.write(len(encoded).to_bytes(_SIZE_BYTES, "little") + encoded)
            file.writelines(entry.document for entry in compiled.entries)
        temporary.replace(cache)
    except OSError:
        # A read-only home or a full disk costs the next start some time and nothing else.
        return
