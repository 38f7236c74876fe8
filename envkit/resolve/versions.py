"""Package versions, ranges and dates, each parsed once."""

import operator
import re
from collections.abc import Callable
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from envkit.errors import BadSpecError
from envkit.model.version import VendorVersion

_PYTHON = re.compile(r"(\d+)\.(\d+)")
_BOUND = re.compile(r"(?P<operator>>=|<=|==|>|<)\s*(?P<version>[0-9][0-9A-Za-z.]*?)(?P<prefix>\.\*)?")
_BOUNDS: dict[str, Callable[[VendorVersion, VendorVersion], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


@lru_cache(maxsize=65536)
def parse_version(text: str) -> Version:
    """Parse a PEP 440 version; raises `packaging.version.InvalidVersion`."""
    return Version(text)


@lru_cache(maxsize=1024)
def parse_range(text: str) -> SpecifierSet:
    """Parse a PEP 440 range; raises `BadSpecError` when it is none."""
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        message = f"not a version range: {text}"
        raise BadSpecError(message, hints=("ranges are written like `>=2.9,<3` or `==2.9.*`",)) from error


@lru_cache(maxsize=262144)
def within(range_text: str, version_text: str) -> bool:
    """Tell whether a version lies in a range; prereleases count like any other version."""
    return parse_range(range_text).contains(parse_version(version_text), prereleases=True)


@lru_cache(maxsize=1024)
def pins_exactly(range_text: str) -> bool:
    """Tell whether a range names one version and nothing else does: `==2.15.0`, not `==2.15.*`."""
    return any(
        specifier.operator in {"==", "==="} and not specifier.version.endswith(".*")
        for specifier in parse_range(range_text)
    )


@lru_cache(maxsize=4096)
def vendor_within(range_text: str, version_text: str) -> bool:
    """Tell whether a vendor's version lies in a range such as `>=5.15,<6.9` or `==8.2.*`; no version lies in none.

    Raises `BadSpecError` for a range that is none.
    """
    try:
        version = VendorVersion(version_text)
    except ValueError:
        return False
    return all(_bound_holds(part.strip(), range_text, version) for part in range_text.split(","))


def _bound_holds(bound: str, range_text: str, version: VendorVersion) -> bool:
    match = _BOUND.fullmatch(bound)
    if match is None:
        message = f"not a range of a vendor's versions: {range_text}"
        raise BadSpecError(message, hints=("ranges are written like `>=5.15,<6.9` or `==8.2.*`",))
    if match["prefix"]:
        return f"{version.text}.".startswith(f"{match['version']}.")
    return _BOUNDS[match["operator"]](version, VendorVersion(match["version"]))


def is_stable(version_text: str) -> bool:
    """Tell whether a text is the version of a final release."""
    try:
        return not parse_version(version_text).is_prerelease
    except InvalidVersion:
        return False


@lru_cache(maxsize=4096)
def day_number(date: str) -> int:
    """Return the Julian day number of an ISO date, so that dates can be subtracted."""
    year, month, day = (int(part) for part in date[:10].split("-"))
    shift = (14 - month) // 12
    years, months = year + 4800 - shift, month + 12 * shift - 3
    leap_days = years // 4 - years // 100 + years // 400
    return day + (153 * months + 2) // 5 + 365 * years + leap_days - 32045


@lru_cache(maxsize=512)
def python_minor(text: str) -> str:
    """Return the minor version that wheels are tagged for: `3.11` of `3.11.7`, `3.13t` of a free-threaded `3.13.1t`."""
    match = _PYTHON.match(text)
    if match is None:
        return text
    return f"{match[1]}.{match[2]}{'t' if text.endswith('t') else ''}"


@lru_cache(maxsize=512)
def python_number(minor: str) -> tuple[int, int]:
    """Return a Python version as numbers, without the mark of a free-threaded build."""
    match = _PYTHON.match(minor)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def python_tag(minor: str) -> str:
    """Return the wheel tag of a CPython: `cp311`, `cp313t`."""
    return "cp" + minor.replace(".", "")


@lru_cache(maxsize=1024)
def python_allowed(asked: str | None, minor: str, full: str) -> bool:
    """Tell whether a Python is one that the request allows.

    `asked` is a PEP 440 range, a plain minor version, or a free-threaded minor version. A minor version of which the
    patch number is open (`full` equals `minor`) is allowed when any of its patch releases is.
    """
    if asked is None:
        return True
    if asked.endswith("t"):
        return minor == asked
    if minor.endswith("t"):
        return False
    text = f"=={asked}.*" if asked[:1].isdigit() else asked
    if within(text, full):
        return True
    return full == minor and within(text, f"{minor}.999")
