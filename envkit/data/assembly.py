"""Build a value from the parts of a YAML document, within limits, and note where each part stands."""

import re
from typing import Literal, NamedTuple, NoReturn

from envkit.data.faults import Path
from envkit.errors import DataError

LIMIT_DEPTH = 50
LIMIT_ALIASES = 100
# A hundred aliases of aliases can still stand for billions of values: what an alias repeats is counted each time.
LIMIT_REPEATED = 10_000

# The core schema of YAML 1.2 without octal and hexadecimal. In 1.1 `on` is true, `1:30` is 90 and a date an object.
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

Positions = dict[Path, tuple[int, int]]
"""Line and column of each key and each list item, counted from one."""


class Part(NamedTuple):
    """What the parser found next."""

    kind: Literal["document", "scalar", "mapping", "sequence", "end", "alias"]
    line: int
    column: int
    text: str = ""
    anchor: str | None = None  # of an alias: the anchor that it stands for
    plain: bool = False  # a scalar without quotes, which may be a number


class _Frame:
    """A list or mapping whose end has not been read yet."""

    __slots__ = ("anchor", "container", "key", "path", "size")

    def __init__(self, container: "dict[str, object] | list[object]", anchor: str | None, path: Path) -> None:
        self.container = container
        self.anchor = anchor
        self.path = path
        self.key: str | None = None
        self.size = 1


class Assembly:
    """The value of one document, built part by part; `source` is the file's name in messages."""

    def __init__(self, source: str) -> None:
        self.root: object = None
        self.positions: Positions = {}
        self._source = source
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[object, int]] = {}
        self._documents = 0
        self._aliases = 0
        self._repeated = 0

    def take(self, part: Part) -> None:
        """Take the next part; raises `DataError` when it breaks a rule."""
        match part.kind:
            case "scalar":
                self._take_scalar(part)
            case "mapping":
                self._open({}, part)
            case "sequence":
                self._open([], part)
            case "end":
                self._close()
            case "alias":
                self._take_alias(part)
            case "document":
                self._documents += 1
                if self._documents > 1:
                    self._fail("a second document is not allowed", part)

    def _take_scalar(self, part: Part) -> None:
        frame = self._frames[-1] if self._frames else None
        if frame is not None and isinstance(frame.container, dict) and frame.key is None:
            if part.text in frame.container:
                self._fail(f"the key `{part.text}` is given twice", part)
            frame.key = part.text
            self.positions[(*frame.path, part.text)] = (part.line, part.column)
            return
        value = _plain_value(part.text) if part.plain else part.text
        if part.anchor is not None:
            self._anchors[part.anchor] = (value, 1)
        self._add(value, 1, part)

    def _open(self, container: "dict[str, object] | list[object]", part: Part) -> None:
        if len(self._frames) >= LIMIT_DEPTH:
            self._fail(f"more than {LIMIT_DEPTH} levels", part)
        self._frames.append(_Frame(container, part.anchor, self._add(container, 0, part)))

    def _close(self) -> None:
        frame = self._frames.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.container, frame.size)
        if self._frames:
            self._frames[-1].size += frame.size

    def _take_alias(self, part: Part) -> None:
        self._aliases += 1
        if self._aliases > LIMIT_ALIASES:
            self._fail(f"more than {LIMIT_ALIASES} aliases", part)
        if part.anchor not in self._anchors:
            self._fail(f"the alias `*{part.anchor}` has no finished anchor before it", part)
        value, size = self._anchors[part.anchor]
        self._repeated += size
        if self._repeated > LIMIT_REPEATED:
            self._fail(f"aliases repeat more than {LIMIT_REPEATED} values", part)
        self._add(value, size, part)

    def _add(self, value: object, size: int, part: Part) -> Path:
        """Put a value where it belongs and return its path."""
        if not self._frames:
            self.root = value
            return ()
        frame = self._frames[-1]
        frame.size += size
        if isinstance(frame.container, list):
            frame.container.append(value)
            path: Path = (*frame.path, len(frame.container) - 1)
            self.positions[path] = (part.line, part.column)
            return path
        if frame.key is None:
            self._fail("a key is not plain text", part)
        key, frame.key = frame.key, None
        frame.container[key] = value
        return (*frame.path, key)

    def _fail(self, problem: str, part: Part) -> NoReturn:
        message = f"{problem}: {self._source}:{part.line}:{part.column}"
        raise DataError(message)


def _plain_value(text: str) -> object:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
