"""The PEP 751 document of a project's lock, as envkit writes it: the same bytes for the same packages."""

import hashlib
import json
import re
import tomllib

from envkit.errors import LockFileError
from envkit.lock.document import read_packages
from envkit.lock.target import Target
from envkit.model.lock import Lock, LockedPackage
from envkit.model.resolution import PackageIndex

_PLATFORM = re.compile(r"(?P<cpu>\w+?)-(?:linux|manylinux_2_(?P<glibc>\d+))")
# https://peps.python.org/pep-0508/#environment-markers: what `platform_machine` is on Linux.
_HEADER = """\
# Written by `envkit lock`; do not edit.
lock-version = "1.0"
environments = [{environment}]
requires-python = {python}
created-by = "envkit"
"""


def lock_text(
    python: str, platform: str, packages: tuple[LockedPackage, ...], indexes: tuple[PackageIndex, ...]
) -> str:
    """Return the document of these packages, each with its one wheel; `indexes` are public ones."""
    cpu = target_of(python, platform).cpu_architecture
    environment = f"sys_platform == 'linux' and platform_machine == '{cpu}'"
    served = {package: index.url for index in indexes for package in index.packages}
    parts = [_HEADER.format(environment=_text(environment), python=_text(f"=={python.removesuffix('t')}.*"))]
    parts += [_package(package, served.get(package.name)) for package in packages]
    return "\n".join(parts)


def read_lock(text: str, path: str, *, python: str, platform: str) -> Lock:
    """Return the lock of a document that `lock_text` made; raises `LockFileError` for one that is damaged."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LockFileError(f"the lock is not TOML: {path}", facts=(str(error),)) from error
    if document.get("created-by") != "envkit":
        raise LockFileError(f"the lock was not written by envkit: {path}")
    return Lock(
        python=python,
        platform=platform,
        packages=read_packages(text, target_of(python, platform)),
        pylock=text,
        sha256=text_digest(text),
        portable=True,
    )


def target_of(python: str, platform: str) -> Target:
    """Return the target that a lock's platform stands for: `x86_64-manylinux_2_36`."""
    found = _PLATFORM.fullmatch(platform)
    if found is None:
        raise LockFileError(f"not a platform of a lock: {platform!r}")
    return Target(python=python, cpu_architecture=found["cpu"], glibc=f"2.{found['glibc']}" if found["glibc"] else None)


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text as it is written to a file."""
    return hashlib.sha256(text.encode()).hexdigest()


def _package(package: LockedPackage, index: str | None) -> str:
    file = package.file
    place = f"url = {_text(file.url)}" if file.path is None else f"path = {_text(file.path)}"
    lines = ["[[packages]]", f"name = {_text(package.name)}", f"version = {_text(package.version)}"]
    if index is not None and file.path is None:
        lines.append(f"index = {_text(index)}")
    wheel = f"name = {_text(file.filename)}, {place}, hashes = {{ sha256 = {_text(file.sha256)} }}"
    return "\n".join([*lines, f"wheels = [{{ {wheel} }}]", ""])


def _text(value: str | None) -> str:
    """Return a TOML string: JSON's escapes are TOML's as well, but for DEL, which no name or address may hold."""
    return json.dumps(value, ensure_ascii=False)
