"""Reading a PEP 751 document: for each package the wheel that fits the target."""

import tomllib
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.pylock import Package, PackageArchive, PackageWheel, Pylock, PylockValidationError
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envkit.errors import LockError
from envkit.lock.target import Target, supported_tags
from envkit.model.lock import LockedFile, LockedPackage

if TYPE_CHECKING:
    from packaging.tags import Tag


def read_packages(text: str, target: Target) -> tuple[LockedPackage, ...]:
    """Return the packages of a PEP 751 document, sorted by name, each with the best wheel for the target.

    Raises `LockError` when the document is not one, or a package in it has no wheel that fits or no SHA-256.
    """
    try:
        document = Pylock.from_dict(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, PylockValidationError) as error:
        message = "the package resolver wrote a document that is not a PEP 751 lock"
        raise LockError(message, facts=(str(error),)) from error
    ranks = {tag: rank for rank, tag in enumerate(supported_tags(target))}
    packages = (_locked(package, ranks, target) for package in document.packages)
    return tuple(sorted(packages, key=lambda package: package.name))


def _locked(package: Package, ranks: dict["Tag", int], target: Target) -> LockedPackage:
    files: list[PackageWheel | PackageArchive] = list(package.wheels or ())
    if package.archive is not None:
        files.append(package.archive)
    ranked = [(rank, file) for file in files if (rank := _rank(file, ranks)) is not None]
    if not ranked:
        message = f"no wheel for Python {target.python} on {target.platform}: `{package.name}`"
        seen = tuple(_filename(file) for file in files)
        raise LockError(message, facts=(f"files in the lock: {', '.join(seen) or 'no wheel'}",))
    _, best = min(ranked, key=lambda pair: pair[0])
    _, version, _, _ = parse_wheel_filename(_filename(best))
    return LockedPackage(name=package.name, version=str(package.version or version), file=_file(best, package.name))


def _rank(file: PackageWheel | PackageArchive, ranks: dict["Tag", int]) -> int | None:
    try:
        _, _, _, tags = parse_wheel_filename(_filename(file))
    except InvalidWheelFilename:
        return None
    return min((ranks[tag] for tag in tags if tag in ranks), default=None)


def _filename(file: PackageWheel | PackageArchive) -> str:
    place = file.path or urlsplit(file.url or "").path
    return (getattr(file, "name", None) or unquote(place.rpartition("/")[2])) or "?"


def _file(file: PackageWheel | PackageArchive, package: str) -> LockedFile:
    sha256 = file.hashes.get("sha256")
    if sha256 is None:
        message = f"the index gives no SHA-256 for a wheel: `{package}`"
        raise LockError(message, facts=(f"hashes given: {', '.join(sorted(file.hashes)) or 'none'}",))
    local = file.url is not None and file.url.startswith("file:")
    return LockedFile(
        filename=_filename(file),
        sha256=sha256,
        url=None if local else file.url,
        path=unquote(urlsplit(file.url or "").path) if local else file.path,
        size=file.size,
    )
