"""conda's `environment.yml`.

Format: https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html; forms of packages:
https://docs.conda.io/projects/conda/en/stable/dev-guide/specs-and-metadata/match-spec.html
"""

import re
from collections.abc import Callable

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envkit.data.documents import load_document, load_positions, position_of
from envkit.errors import DataError
from envkit.model.address import display_url
from envkit.project.drafts import Draft, LeftOut, Line, Read, make_lines
from envkit.project.foreign import load_foreign, why_dropped
from envkit.project.imports import Role
from envkit.project.requirement_lines import read_lines

NAMES = ("environment.yml", "environment.yaml", "environment*.yml", "environment*.yaml", "conda.yml", "conda.yaml")
RANK = 20
ROLE: Role = "environment"

_PYTHON = "python"
_TAKEN = frozenset({"name", "channels", "dependencies", "variables"})
# Keys that decide nothing about what is installed.
_IDLE = {
    "prefix": "where an environment lies is told by its name",
    "platforms": "which hardware there is stands in `profiles`",
    "channel_priority": "packages come from Python's indexes",
}
# Channels of which PyPI has the Python packages.
_USUAL_CHANNELS = frozenset(
    {"nodefaults", "defaults", "main", "anaconda", "conda-forge", "pytorch", "pytorch-nightly", "nvidia", "rapidsai"}
)
_CHANNELS = (
    "packages come from Python's indexes: where a channel alone has one, its index is named in `sources.indexes`"
)
_MATCH = re.compile(
    r"(?:(?P<channel>[^\s:\[\]]+)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)"
    r"(?:\s*(?P<bound>[=<>!~][^\[\]]*)|\s+(?P<version>[0-9][^\[\]]*))?"
)
_VERSION = re.compile(r"(?P<operator>==?)\s*(?P<version>[0-9][^=\s*]*)(?P<star>\.?\*)?(?:=(?P<build>\S+))?")


class _Reading:
    """What one run over a file has found."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.python: str | None = None
        self.lines: list[tuple[str, str]] = []
        self.system_packages: list[str] = []
        self.left_out: list[LeftOut] = []

    def leave(self, what: str, place: str, reason: str, *, lost: bool = True) -> None:
        """Note what is not carried over."""
        self.left_out.append(LeftOut(what=what, place=place, reason=reason, lost=lost))


def import_file(text: str, path: str, read: Read) -> Draft:
    """Make a draft of an environment; raises `DataError` with file and line."""
    document = load_document(text, path)
    if not isinstance(document, dict):
        raise DataError(f"a mapping is expected, with `dependencies`: {path}:1")
    places = load_positions(text, path)

    def place_of(*keys: str | int) -> str:
        line, _ = position_of(keys, places)
        return f"{path}:{line}"

    reading = _Reading(path)
    dependencies = document.get("dependencies") or []
    if not isinstance(dependencies, list):
        raise DataError(f"a list is expected in `dependencies`: {place_of('dependencies')}")
    pip: list[Line] = []
    for number, item in enumerate(dependencies):
        place = place_of("dependencies", number)
        if isinstance(item, str):
            _take(item.strip(), place, reading)
        elif isinstance(item, dict) and item.keys() == {"pip"} and isinstance(item["pip"], list):
            entries = enumerate(item["pip"])
            pip += [Line(text=str(entry), place=place_of("dependencies", number, "pip", at)) for at, entry in entries]
        else:
            raise DataError(f"a package, or `pip` with a list, is expected: {place}")
    _leave_rest(document, place_of, reading)
    name, variables = document.get("name"), document.get("variables")
    env = {str(key): str(value) for key, value in variables.items()} if isinstance(variables, dict) else {}
    included = read_lines(pip, path, read)
    return Draft(
        source=path,
        name=name if isinstance(name, str) else None,
        python=reading.python,
        lines=(*make_lines(reading.lines), *included.lines),
        constraints=included.constraints,
        system_packages=tuple(reading.system_packages),
        index=included.index,
        extra_indexes=included.extra_indexes,
        env=env,
        left_out=(*reading.left_out, *included.left_out),
    )


def _leave_rest(document: dict[str, object], place_of: Callable[..., str], reading: _Reading) -> None:
    """Say which channels, and which keys that conda or a tool beside it reads, have no like in a project file."""
    channels = document.get("channels")
    for number, channel in enumerate(channels if isinstance(channels, list) else ()):
        if str(channel) not in _USUAL_CHANNELS:
            reading.leave(f"channel `{display_url(str(channel))}`", place_of("channels", number), _CHANNELS)
    for key in sorted(document.keys() - _TAKEN):
        reason = _IDLE.get(key, "a project file has no field for it")
        reading.leave(f"`{key}`", place_of(key), reason, lost=key not in _IDLE)


def _take(text: str, place: str, reading: _Reading) -> None:
    match = _MATCH.fullmatch(text)
    if match is None:
        reading.leave(f"`{text}`", place, "this form of a conda package has no like here")
        return
    name = match["name"].lower()
    bound = (match["bound"] or "").strip() or (f"=={match['version'].strip()}" if match["version"] else "")
    found = _range(bound)
    foreign = load_foreign()
    dropped = None if name in foreign.conda_renamed else why_dropped(name, foreign.conda_dropped)
    if found is None:
        reading.leave(f"`{text}`", place, "its version is written in a form that Python packages do not have")
    elif name == _PYTHON:
        reading.python = found or None
    elif name in foreign.conda_system:
        reading.system_packages.append(foreign.conda_system[name])
        if found:
            reading.leave(f"`{found}` of `{name}`", place, "packages of the system have other versions", lost=False)
    elif dropped is not None:
        reading.leave(f"`{text}`", place, dropped, lost=False)
    else:
        reading.lines.append((f"{foreign.conda_renamed.get(name, name)}{found}", place))


def _range(bound: str) -> str | None:
    """Return a conda version as a range of PEP 440, None where there is none: `=1.2` is `==1.2.*`.

    A version with a build, as `conda env export` writes them, is exact.
    """
    if not bound or bound == "*":
        return ""
    match = _VERSION.fullmatch(bound)
    if match is not None:
        version = match["version"].rstrip(".")
        exact = match["operator"] == "==" or match["build"] is not None
        bound = f"=={version}" if exact and not match["star"] else f"=={version}.*"
    try:
        return str(SpecifierSet(bound.replace(" ", "")))
    except InvalidSpecifier:
        return None
