"""The lines of pip's `requirements.txt`, which conda's files have as well, with the files that they include.

Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from envkit.errors import DataError
from envkit.project.drafts import Draft, LeftOut, Line, Read, make_lines

_LIMIT_FILES = 50
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$")
_OPTION = re.compile(r"(?P<name>--?[A-Za-z][A-Za-z-]*)(?:\s*=\s*|\s+|(?<=^-[A-Za-z]))?(?P<value>.*)", re.DOTALL)
_OWN_OPTION = re.compile(r"\s--(?P<name>[a-z-]+)(?:=|\s+)(?P<value>\S+)")
_SHORT = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
}
_PATH = re.compile(r"^(\.{0,2}[/\\]|[A-Za-z]:\\|~|\.$|file:)|\.(whl|zip|tar\.gz|tgz)([#?].*)?$")
_ADDRESS = re.compile(r"^[a-z][a-z0-9+]*://", re.IGNORECASE)
# What envkit does anyhow: wheels alone, with hashes.
_IDLE = frozenset(
    {"--prefer-binary", "--only-binary", "--require-hashes", "--use-feature", "--disable-pip-version-check"}
)
_REASONS = {
    "--editable": "an editable project is not installed into an environment: mount its directory with `run.mounts`",
    "--find-links": "wheelhouses are named in `sources.wheelhouse`",
    "--no-index": "where packages come from is in `sources`, or `--offline`",
    "--pre": "prereleases are taken where a range names one",
    "--no-binary": "nothing is compiled from source",
    "--trusted-host": "trusted hosts are settings of the machine",
}


class _Reading:
    """What one run over a file and those that it includes has found."""

    def __init__(self, read: Read, path: str) -> None:
        self.read = read
        self.files = [path]
        self.lines: list[tuple[str, str]] = []
        self.constraints: list[Line] = []
        self.left_out: list[LeftOut] = []
        self.index: Line | None = None
        self.extra_indexes: list[Line] = []

    def leave(self, what: str, place: str, reason: str, *, lost: bool = True) -> None:
        """Note what is not carried over."""
        self.left_out.append(LeftOut(what=what, place=place, reason=reason, lost=lost))


def read_requirements(text: str, path: str, read: Read) -> Draft:
    """Make a draft of a requirements file; a line that is none raises `DataError` with file and line."""
    return read_lines(logical_lines(text, path), path, read)


def read_lines(lines: Iterable[Line], path: str, read: Read) -> Draft:
    """Make a draft of the lines of a requirements file, or of what has their form; raises as `read_requirements`.

    `path` is the file that others are included from.
    """
    reading = _Reading(read, path)
    _take_lines(lines, path, reading)
    return Draft(
        source=path,
        lines=make_lines(reading.lines),
        constraints=tuple(reading.constraints),
        index=reading.index,
        extra_indexes=tuple(reading.extra_indexes),
        left_out=tuple(reading.left_out),
    )


def logical_lines(text: str, path: str) -> Iterator[Line]:
    """Yield lines without comments, joined where they end in a backslash, each with the place of its first."""
    parts: list[str] = []
    start = 0
    for number, raw in enumerate([*text.splitlines(), ""], start=1):
        start = start if parts else number
        # A comment ends the line that it stands on, also where the line before goes on.
        line = _COMMENT.sub("", raw)
        if line.endswith("\\") and line == raw:
            parts.append(line[:-1])
            continue
        whole = "".join((*parts, line)).strip()
        parts = []
        if whole:
            yield Line(text=whole, place=f"{path}:{start}")


def _take_lines(lines: Iterable[Line], path: str, reading: _Reading) -> None:
    for line in lines:
        if "${" in line.text:
            reading.leave(
                f"`{line.text}`", line.place, "values of environment variables have no place in a project file"
            )
        elif line.text.startswith("-"):
            _take_option(line.text, line.place, path, reading)
        else:
            _take_requirement(line.text, line.place, reading)


def _take_option(line: str, place: str, path: str, reading: _Reading) -> None:
    match = _OPTION.fullmatch(line)
    name, value = (match["name"], match["value"].strip()) if match is not None else (line, "")
    name = _SHORT.get(name, name)
    if name == "--requirement":
        _include(value, place, path, reading)
    elif name == "--constraint":
        if _ADDRESS.match(value):
            reading.leave(f"`{line}`", place, "constraints are read from files, not from addresses")
        else:
            reading.constraints.append(Line(text=_beside(path, value), place=place))
    elif name in {"--index-url", "--extra-index-url"}:
        _take_index(name, value, place, reading)
    elif name in _REASONS:
        reading.leave(f"`{line}`", place, _REASONS[name])
    elif name not in _IDLE:
        raise DataError(f"not an option of requirements files: `{line}`: {place}")


def _include(value: str, place: str, path: str, reading: _Reading) -> None:
    if not value:
        raise DataError(f"`-r` names no file: {place}")
    if _ADDRESS.match(value):
        reading.leave(f"`-r {value}`", place, "requirements are read from files, not from addresses")
        return
    included = _beside(path, value)
    if included in reading.files:
        return  # pip reads a file that includes itself once
    reading.files.append(included)
    if len(reading.files) > _LIMIT_FILES:
        raise DataError(f"requirements include more than {_LIMIT_FILES} files: {reading.files[0]}")
    try:
        text = reading.read(included)
    except DataError as error:
        raise DataError(error.message, facts=(f"included by {place}",)) from error
    _take_lines(logical_lines(text, included), included, reading)


def _take_index(name: str, value: str, place: str, reading: _Reading) -> None:
    try:
        secret = "@" in urlsplit(value).netloc
    except ValueError as error:
        raise DataError(f"not an address ({error}): `{value}`: {place}") from error
    if secret:
        reading.leave(f"`{name}`", place, "the address holds credentials, which belong into the machine's settings")
    elif name == "--index-url":
        reading.index = Line(text=value, place=place)
    else:
        reading.extra_indexes.append(Line(text=value, place=place))


def _take_requirement(line: str, place: str, reading: _Reading) -> None:
    options = _OWN_OPTION.findall(line)
    text = _OWN_OPTION.sub("", line).strip()
    hashes = sum(name == "hash" for name, _ in options)
    if hashes:
        reason = "hashes are written anew by the lock, from the index"
        reading.leave(f"{hashes} {'hash' if hashes == 1 else 'hashes'} of `{text}`", place, reason, lost=False)
    for name, value in options:
        if name != "hash":
            reading.leave(f"`--{name} {value}`", place, "nothing is compiled from source")
    if _PATH.search(text) and " @ " not in text:
        reading.leave(text, place, "only packages of an index are installed: put wheels into `sources.wheelhouse`")
    elif _ADDRESS.match(text):
        reading.leave(f"`{text}`", place, "an address names no package: write `name @ address`")
    else:
        reading.lines.append((_checked(text, place), place))


def _checked(text: str, place: str) -> str:
    try:
        Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"not a requirement: `{text}`: {place}", facts=(reason,)) from error
    return text


def _beside(path: str, value: str) -> str:
    return str(Path(path).parent / Path(value).expanduser())
