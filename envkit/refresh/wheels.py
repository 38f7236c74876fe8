"""What the name of a wheel says: version, Pythons, processor architecture, oldest glibc."""

import re
from collections.abc import Iterable

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from envkit.model.value import Value
from envkit.system.listing import IndexFile, Listing

# PEP 600 names the glibc; the three older names stand for one each (PEP 513, 571, 599).
_PLATFORM = re.compile(
    r"(?:manylinux_(2)_([0-9]{1,2})|(manylinux1|manylinux2010|manylinux2014)|linux)_(x86_64|aarch64)"
)
_OLDER = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_CPYTHON = re.compile(r"cp3([0-9]{1,2})")
Floor = tuple[int, int]


class Wheel(Value):
    """One wheel for Linux, as its name describes it."""

    file: IndexFile
    version: str  # without the local part
    local: str | None  # cu126
    build: tuple[int, str]  # the build tag: of two wheels that differ in nothing else the higher one is installed
    pythons: tuple[str, ...]  # 3.12, 3.13t; empty: any that `minimum_python` and `requires-python` allow
    minimum_python: str | None  # of the stable ABI: 3.10
    architecture: str | None  # None: any
    libc: str | None  # None: no binaries, or the name does not say


def linux_wheels(listing: Listing) -> tuple[Wheel, ...]:
    """Return the wheels of final releases for Linux with glibc; other files and names that are none are left out."""
    wheels = (_wheel(file) for file in listing.files if file.name.endswith(".whl"))
    return tuple(wheel for wheel in wheels if wheel is not None)


def pythons_of(wheels: Iterable[Wheel], known: Iterable[str]) -> tuple[str, ...]:
    """Return the Pythons that some of the wheels can be installed in; `known` are all that exist."""
    found = {python for wheel in wheels for python in _pythons(wheel, known)}
    return tuple(sorted(found, key=python_key))


def python_key(python: str) -> tuple[bool, tuple[int, ...]]:
    """Order Pythons by version, free-threaded ones after all others."""
    return python.endswith("t"), Version(python.rstrip("t")).release


def by_version(wheels: tuple[Wheel, ...]) -> dict[str, tuple[Wheel, ...]]:
    """Return the wheels of each release; a local version is another build, from an index of its own.

    Single files that were yanked are left out; a release that was yanked as a whole keeps them.
    """
    groups: dict[str, tuple[Wheel, ...]] = {}
    for wheel in wheels:
        if wheel.local is None:
            groups[wheel.version] = (*groups.get(wheel.version, ()), wheel)
    return {
        version: tuple(wheel for wheel in group if wheel.file.yanked is None) or group
        for version, group in groups.items()
    }


def libc_text(floor: Floor) -> str:
    """Return a glibc version as it is written in recipes: 2.28."""
    return f"{floor[0]}.{floor[1]}"


def libc_key(text: str) -> Floor:
    """Return a glibc version in a form that can be compared."""
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)


def _wheel(file: IndexFile) -> Wheel | None:
    try:
        _, version, build, tags = parse_wheel_filename(file.name)
    except InvalidWheelFilename:
        return None
    places = {place for tag in tags if (place := _place(tag.platform)) is not None}
    if version.is_prerelease or not places:
        return None
    architecture, _ = next(iter(places))
    floors = [floor for _, floor in places if floor is not None]
    stable = [minor for tag in tags if tag.abi == "abi3" and (minor := _minor(tag.interpreter)) is not None]
    pythons = {python for tag in tags if (python := _python(tag)) is not None}
    if not (pythons or stable or any(tag.interpreter.startswith("py3") for tag in tags)):
        return None
    return Wheel(
        file=file,
        version=version.public,
        local=version.local,
        build=build or (0, ""),
        pythons=tuple(sorted(pythons, key=python_key)),
        minimum_python=f"3.{min(stable)}" if stable else None,
        architecture=architecture,
        libc=libc_text(min(floors)) if floors else None,
    )


def _place(platform: str) -> tuple[str | None, Floor | None] | None:
    """Return the processor architecture and the glibc floor of a platform tag, None for other systems."""
    if platform == "any":
        return None, None
    found = _PLATFORM.fullmatch(platform)
    if found is None:
        return None
    major, minor, older, architecture = found.groups()
    if older:
        return architecture, _OLDER[older]
    return architecture, (int(major), int(minor)) if major else None


def _python(tag: Tag) -> str | None:
    minor = _minor(tag.interpreter)
    if minor is None or tag.abi == "abi3":
        return None
    return f"3.{minor}t" if tag.abi.endswith("t") else f"3.{minor}"


def _minor(interpreter: str) -> int | None:
    found = _CPYTHON.fullmatch(interpreter)
    return None if found is None else int(found[1])


def _pythons(wheel: Wheel, known: Iterable[str]) -> Iterable[str]:
    candidates = wheel.pythons or [
        python for python in known if wheel.minimum_python is None or not python.endswith("t")
    ]
    floor = python_key(wheel.minimum_python)[1] if wheel.minimum_python else ()
    allowed = _specifiers(wheel.file.requires_python)
    return (
        python
        for python in candidates
        if python_key(python)[1] >= floor and allowed.contains(python.rstrip("t") + ".99")
    )


def _specifiers(text: str | None) -> SpecifierSet:
    try:
        allowed = SpecifierSet(text or "")
        allowed.contains("3")
    except ValueError:
        # `InvalidSpecifier`, and numbers of thousands of digits: pip ignores what it cannot read as well.
        return SpecifierSet()
    return allowed
