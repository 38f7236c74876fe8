"""Which releases of another package require each release of this one: what its own metadata does not say."""

from itertools import takewhile

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.model.host import Gap
from envkit.refresh.also import requirements_of
from envkit.refresh.builds import ARCHITECTURES
from envkit.refresh.metadata import find_requirement, requirements_for
from envkit.refresh.reader import Reader
from envkit.refresh.wheels import by_version

_PYTHON = "3.12"
_EXACT = frozenset({"==", "==="})


def required_by(
    package: str, other: str, versions: tuple[str, ...], reader: Reader
) -> tuple[dict[str, str], tuple[Gap, ...]]:
    """Return the range of `other` that requires each of these releases of a package: {3.6.0: ">=2.10,<2.12"}.

    A release that none requires is missing. Raises as `Reader.wheels` does.
    """
    required, gaps = requirements_of(by_version(reader.wheels(other)), reader)
    ranges: dict[str, SpecifierSet | None] = {}
    for version in sorted(required, key=Version):
        held = requirements_for(required[version], architecture=ARCHITECTURES[0], python=_PYTHON)
        ranges[version] = find_requirement(held, package)
    found = {version: _range(version, ranges) for version in versions}
    return {version: text for version, text in found.items() if text}, tuple(gaps)


def _range(version: str, ranges: dict[str, SpecifierSet | None]) -> str:
    """Return the releases, of those in rising order, whose range admits a version, as one range."""
    admits = [other for other, wanted in ranges.items() if wanted is not None and version in wanted]
    if not admits:
        return ""
    first, last = admits[0], admits[-1]
    wanted = ranges[last]
    is_exact = wanted is not None and all(part.operator in _EXACT and "*" not in part.version for part in wanted)
    later = [other for other in ranges if Version(other) > Version(last)]
    between = [other for other in ranges if Version(first) <= Version(other) <= Version(last) and other not in admits]
    if first == last and is_exact:
        return f"=={first}"
    if _minor(first) == _minor(last) and _begins(first, ranges) and not _same_minor(last, later):
        return ",".join([f"=={_minor(last)}.*", *(f"!={other}" for other in between)])
    # What nobody has published yet may require another one: the range ends with the series of its last release.
    end = _short(later[0]) if later else _next_minor(last)
    return ",".join([f">={_short(first)}", f"<{end}", *(f"!={other}" for other in between)])


def _begins(version: str, ranges: dict[str, SpecifierSet | None]) -> bool:
    """Tell whether a release is the first one of its series."""
    before = list(takewhile(lambda other: other != version, ranges))
    return not before or _minor(before[-1]) != _minor(version)


def _same_minor(version: str, later: list[str]) -> bool:
    return bool(later) and _minor(later[0]) == _minor(version)


def _minor(version: str) -> str:
    parsed = Version(version)
    return f"{parsed.major}.{parsed.minor}"


def _next_minor(version: str) -> str:
    parsed = Version(version)
    return f"{parsed.major}.{parsed.minor + 1}"


def _short(version: str) -> str:
    """Return a version without the last zero: 2.12 for 2.12.0."""
    return (
        _minor(version)
        if Version(version).release[2:] in {(), (0,)} and not Version(version).is_postrelease
        else version
    )
