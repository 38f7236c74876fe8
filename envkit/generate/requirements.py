"""The lock as lines that pip takes: exact versions and hashes, no addresses."""

import re
from collections.abc import Iterable

from envkit.errors import DataError
from envkit.model.lock import LockedPackage
from envkit.model.text import strip_controls

# https://packaging.python.org/en/latest/specifications/name-normalization/ and version-specifiers/, by their alphabets:
# whatever passes cannot end a line, start an option or a marker.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_LENGTH = 255  # characters; a file name takes no more


def requirement_lines(packages: Iterable[LockedPackage]) -> str:
    """Return `name==version --hash=sha256:…` lines, sorted by name; raises `DataError` for other text."""
    return "".join(_line(package) for package in sorted(packages, key=lambda package: package.name))


def pinned_package(name: str, version: str) -> str:
    """Return `name==version`; raises `DataError` for other text."""
    return f"{_checked('name of a package', _NAME, name)}=={_checked('version of a package', _VERSION, version)}"


def _line(package: LockedPackage) -> str:
    digest = _checked("SHA-256 of a wheel", _SHA256, package.file.sha256)
    return f"{pinned_package(package.name, package.version)} --hash=sha256:{digest}\n"


def _checked(what: str, pattern: re.Pattern[str], value: str) -> str:
    if len(value) > _MAX_LENGTH or pattern.fullmatch(value) is None:
        message = f"not the {what}: {strip_controls(value[:80])}"
        raise DataError(message)
    return value
