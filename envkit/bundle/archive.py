"""The file of a bundle: a tar archive of plain files whose first member, `manifest.json`, lists all others.

The same contents give the same bytes: members are sorted, and bear no time, owner or mode of a machine. Nothing is
written anywhere before every member has been compared with the manifest.
"""

import hashlib
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec

from envkit.errors import BundleError, DataError
from envkit.model.bundle import Bundle, BundledFile
from envkit.model.text import strip_controls
from envkit.model.value import to_json
from envkit.system.directories import ensure_directory, storage_error

MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 2**24  # bytes
_MOST_MEMBERS = 100_000
_CHUNK_BYTES = 2**20
_EPOCH = 315619200  # 1980-01-02, as of what is in images
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!-]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")  # of projects and profiles
# Of images that envkit has made; any other tag may be somebody's on the machine that loads it.
_REFERENCE = re.compile(r"envkit/[a-z0-9-]+:[0-9a-f]{12}")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be bundled: from a path of this machine, or a text."""

    path: str  # in the bundle
    source: Path | None = None
    text: str = ""


def describe_entry(entry: Entry) -> BundledFile:
    """Return an entry's row of the manifest; raises `StorageError` when its file cannot be read.

    Raises `DataError` for a name that a bundle does not take.
    """
    if not _is_plain(entry.path):
        facts = ("parts of a path have letters, digits and `_.+!-`, and begin with a letter, a digit or `_`",)
        raise DataError(f"a bundle does not take a file of this name: {entry.path}", facts=facts)
    if entry.source is None:
        content = entry.text.encode()
        return BundledFile(path=entry.path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    try:
        with entry.source.open("rb") as file:
            sha256, size = _hashed(iter(lambda: file.read(_CHUNK_BYTES), b""))
    except OSError as error:
        raise storage_error(error, entry.source, "cannot read") from error
    return BundledFile(path=entry.path, sha256=sha256, size=size)


def write_bundle(path: Path, bundle: Bundle, entries: Iterable[Entry]) -> None:
    """Write a bundle beside `path` and put it in place when it is whole; raises `StorageError`.

    `entries` are those of `bundle.files`; whatever fails, an older file of this name stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive:
            _add_text(archive, MANIFEST, to_json(bundle))
            for entry in sorted(entries, key=lambda entry: entry.path):
                _add(archive, entry)
        temporary.replace(path)
    except OSError as error:
        raise storage_error(error, path, "cannot write") from error
    finally:
        temporary.unlink(missing_ok=True)


def verify_bundle(path: Path) -> Bundle:
    """Compare every member with the manifest and return that; raises `BundleError` with the first difference."""
    with _opened(path) as archive:
        members = _members(archive, path)
        bundle = _read_manifest(archive, next(members, None), path)
        _check_names(bundle, path)
        expected = {file.path: file for file in bundle.files}
        if len(expected) != len(bundle.files):
            raise BundleError(f"the manifest lists a file twice: {path}")
        for member in members:
            file = expected.pop(member.name, None)
            if file is None:
                raise _different(path, member.name, "is not in the manifest, or there twice")
            if (_content_hash(archive, member, path), member.size) != (file.sha256, file.size):
                raise _different(path, member.name, "does not have the hash that the manifest gives")
        if expected:
            raise _different(path, min(expected), "is missing")
    return bundle


def read_manifest(path: Path) -> Bundle:
    """Return what a bundle says of itself, without comparing anything; raises `BundleError`."""
    with _opened(path) as archive:
        bundle = _read_manifest(archive, next(_members(archive, path), None), path)
    _check_names(bundle, path)
    return bundle


def extract_files(path: Path, prefix: str, directory: Path, *, only: frozenset[str] | None = None) -> tuple[Path, ...]:
    """Write the files below `prefix` of a verified bundle into a directory and return them; raises `StorageError`.

    `only` names those that are wanted, None: all.

    Raises `BundleError` when the file was changed meanwhile. A file that is there already is replaced.
    """
    written: list[Path] = []
    with _opened(path) as archive:
        members = _members(archive, path)
        bundle = _read_manifest(archive, next(members, None), path)
        hashes = {file.path: file.sha256 for file in bundle.files}
        for member in members:
            if not member.name.startswith(f"{prefix}/") or (only is not None and member.name not in only):
                continue
            target = directory / member.name.removeprefix(f"{prefix}/")
            ensure_directory(target.parent, mode=0o755)
            if _copy(archive, member, target, path) != hashes.get(member.name):
                target.unlink(missing_ok=True)
                raise _different(path, member.name, "was changed while it was read")
            written.append(target)
    return tuple(written)


def _opened(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:")
    except (tarfile.TarError, EOFError) as error:
        raise BundleError(f"not a bundle ({error}): {path}") from error
    except OSError as error:
        raise BundleError(f"cannot read the bundle ({(error.strerror or str(error)).lower()}): {path}") from error


def _members(archive: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    """Walk the members, refusing all that is no plain file below the bundle's own folder."""
    seen = 0
    try:
        for member in archive:
            seen += 1
            if seen > _MOST_MEMBERS:
                raise BundleError(f"a bundle has at most {_MOST_MEMBERS} files: {path}")
            if not member.isreg() or member.issparse():
                raise _different(path, member.name, "is not a plain file")
            if not _is_plain(member.name):
                raise _different(path, member.name, "has a path that leads elsewhere, or characters that none has")
            yield member
    except (tarfile.TarError, EOFError) as error:
        raise BundleError(f"the bundle is damaged ({error}): {path}") from error


def _is_plain(name: str) -> bool:
    return all(_PART.fullmatch(part) and ".." not in part for part in name.split("/"))


def _read_manifest(archive: tarfile.TarFile, member: tarfile.TarInfo | None, path: Path) -> Bundle:
    if member is None or member.name != MANIFEST or member.size > _LARGEST_MANIFEST:
        raise BundleError(f"not a bundle, its first file is no `{MANIFEST}`: {path}")
    content = b"".join(_read(archive, member, path))
    try:
        return msgspec.json.decode(content, type=Bundle)
    except msgspec.DecodeError as error:
        raise BundleError(f"the manifest has not the form that it must have ({error}): {path}") from error


def _check_names(bundle: Bundle, path: Path) -> None:
    """Refuse names in a manifest that could lead elsewhere, or stand for something else on this machine."""
    listed = {file.path for file in bundle.files}
    wrong = [name for name in (bundle.name, *bundle.profiles) if not _NAME.fullmatch(name)]
    for image in bundle.images:
        fits = _REFERENCE.fullmatch(image.reference) and image.profile in bundle.profiles and image.path in listed
        wrong += [] if fits else [image.reference]
    if wrong:
        raise BundleError(f"the manifest has a name that no bundle has: {path}", facts=(strip_controls(wrong[0]),))


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> Iterator[bytes]:
    file = archive.extractfile(member)
    if file is None:
        raise _different(path, member.name, "is not a plain file")
    left = member.size
    while left:
        try:
            chunk = file.read(min(_CHUNK_BYTES, left))
        except (tarfile.TarError, OSError) as error:
            raise BundleError(f"the bundle is damaged ({error}): {path}") from error
        if not chunk:
            raise _different(path, member.name, "ends too soon")
        left -= len(chunk)
        yield chunk


def _content_hash(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> str:
    return _hashed(_read(archive, member, path))[0]


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, path: Path) -> str:
    digest = hashlib.sha256()
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        with temporary.open("wb") as file:
            for chunk in _read(archive, member, path):
                digest.update(chunk)
                file.write(chunk)
        temporary.replace(target)
    except OSError as error:
        raise storage_error(error, target, "cannot write") from error
    finally:
        temporary.unlink(missing_ok=True)
    return digest.hexdigest()


def _hashed(chunks: Iterable[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    if entry.source is None:
        _add_text(archive, entry.path, entry.text)
        return
    with entry.source.open("rb") as file:
        _add_file(archive, entry.path, file, os.fstat(file.fileno()).st_size)


def _add_text(archive: tarfile.TarFile, path: str, text: str) -> None:
    content = text.encode()
    _add_file(archive, path, BytesIO(content), len(content))


def _add_file(archive: tarfile.TarFile, path: str, file: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(path)
    member.size, member.mtime, member.mode = size, _EPOCH, 0o644
    archive.addfile(member, file)


def _different(path: Path, name: str, what: str) -> BundleError:
    return BundleError(f"a file of the bundle {what}: {path}", facts=(f"file in the bundle: {strip_controls(name)}",))
