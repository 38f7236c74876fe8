"""A lock that means the same on every machine: public addresses, and paths relative to the project."""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

import msgspec

from envkit.lock.written import lock_text, text_digest
from envkit.model.address import display_url
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.resolution import PackageIndex
from envkit.model.value import Value

_PUBLIC_FILES = "https://files.pythonhosted.org/packages"
# How PyPI lays out its files, and every mirror that copies it whole: two pairs of letters of a BLAKE2b digest, then the
# rest of it (https://docs.pypi.org/api/index-api/ shows such addresses).
_PYPI_LAYOUT = re.compile(r"/packages/(?P<place>[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60})/[^/?#]+$")
_PUBLIC_HOSTS = frozenset({"files.pythonhosted.org", "pypi.org"})


class _Served(Value):
    """The index that serves a package: its public address, and the one that this machine asks."""

    public: str
    used: str


class Portable(Value):
    """A lock without anything of the machine that made it, and what its user should know."""

    lock: Lock
    notes: tuple[str, ...] = ()


def make_portable(
    lock: Lock, *, directory: Path, indexes: tuple[PackageIndex, ...], used: tuple[PackageIndex, ...]
) -> Portable:
    """Return a lock as it may stand in a repository, for the project in `directory`.

    `indexes` are the public ones beside PyPI, `used` the same as this machine reaches them.

    A wheel in the project is named by its path in it. Every other file has a public address:
    1. its own, where that is one of PyPI or of an index of the compatibility data
    2. that of PyPI, where a mirror has PyPI's layout
    3. below the public index, where the file stands below the mirror of that index
    4. the place that PyPI, or the index that serves the package, would have it at; the hash decides what is installed
    """
    mirrors = {index.name: display_url(index.url) for index in used}
    served = {
        package: _Served(public=index.url, used=mirrors.get(index.name, index.url))
        for index in indexes
        for package in index.packages
    }
    packages = tuple(
        msgspec.structs.replace(package, file=_portable_file(package, directory, served.get(package.name)))
        for package in lock.packages
    )
    text = lock_text(lock.python, lock.platform, packages, indexes)
    portable = Lock(
        python=lock.python,
        platform=lock.platform,
        packages=packages,
        pylock=text,
        sha256=text_digest(text),
        portable=True,
    )
    return Portable(lock=portable, notes=_notes(lock, portable))


def _notes(lock: Lock, portable: Lock) -> tuple[str, ...]:
    """Say which wheels lie on this machine alone, a sentence for each directory."""
    places: dict[str, list[str]] = {}
    for was, now in zip(lock.packages, portable.packages, strict=True):
        if was.file.path is not None and now.file.path is None:
            places.setdefault(str(Path(was.file.path).parent), []).append(was.name)
    return tuple(
        f"taken from outside the project ({place}): {', '.join(names)}; other machines need an index or a wheelhouse"
        " that has the same files"
        for place, names in places.items()
    )


def _portable_file(package: LockedPackage, directory: Path, index: _Served | None) -> LockedFile:
    file = package.file
    if file.path is None:
        public = _public_address(display_url(file.url or ""), package, index)
        return LockedFile(filename=file.filename, sha256=file.sha256, url=public)
    inside = _path_inside(Path(file.path), directory)
    url = _usual_address(package, index) if inside is None else None
    return LockedFile(filename=file.filename, sha256=file.sha256, path=inside, url=url)


def _public_address(url: str, package: LockedPackage, index: _Served | None) -> str:
    if urlsplit(url).hostname in _PUBLIC_HOSTS:
        return url
    if index is not None:
        used = index.used.rstrip("/")
        if used == index.public.rstrip("/"):
            return url
        return (
            index.public.rstrip("/") + url[len(used) :]
            if url.startswith(f"{used}/")
            else _usual_address(package, index)
        )
    if layout := _PYPI_LAYOUT.search(urlsplit(url).path):
        return f"{_PUBLIC_FILES}/{layout['place']}/{quote(package.file.filename)}"
    return _usual_address(package, None)


def _usual_address(package: LockedPackage, index: _Served | None) -> str:
    """Return where a file would be: PyPI redirects from addresses that are made of names alone."""
    filename = package.file.filename
    if index is not None:
        return f"{index.public.rstrip('/')}/{quote(filename)}"
    interpreter = filename.split("-")[-3]  # a wheel's name ends with its three tags
    return f"{_PUBLIC_FILES}/{interpreter}/{package.name[0]}/{package.name}/{quote(filename)}"


def _path_inside(path: Path, directory: Path) -> str | None:
    """Return a path relative to the project, with `/` between its parts, or None for one outside."""
    try:
        relative = path.resolve().relative_to(directory.resolve())
    except ValueError:
        return None
    return str(PurePosixPath(relative))


def local_file(file: LockedFile, directory: Path, wheels: dict[str, Path]) -> LockedFile:
    """Return a locked file as this machine has it: at its absolute path where it lies here, else as it is.

    `wheels` are those of the user's wheelhouses, by name; another file of the same name is not taken.
    """
    if file.path is not None:
        return msgspec.structs.replace(file, path=str(directory / file.path))
    found = wheels.get(file.filename)
    if found is None or _file_digest(found) != file.sha256:
        return file
    return msgspec.structs.replace(file, path=str(found), url=None)


def _file_digest(path: Path) -> str | None:
    import hashlib

    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
