"""Vendor versions (`580.65.06`, `8.2.RC1`, `25.0.rc1.1`), which are not PEP 440 versions."""

import re
from functools import lru_cache, total_ordering
from itertools import zip_longest

_PART = re.compile(r"\d+|[A-Za-z]+")
# A candidate comes before the release that it leads to; any other word (`13.0.U1`) after it.
_BEFORE_RELEASE = frozenset({"alpha", "b", "beta", "dev", "preview", "rc"})
_Part = tuple[int, int, str]
_ZERO: _Part = (1, 0, "")


@total_ordering
class VendorVersion:
    """A driver or runtime version, compared part by part as numbers; `text` keeps the vendor's spelling.

    Missing parts count as zero, so `12.8` equals `12.8.0`; `8.2.RC1` is older than `8.2`.
    """

    __slots__ = ("_parts", "text")

    def __init__(self, text: str) -> None:
        """Parse `text`; raises `ValueError` when it holds no number."""
        self.text = text.strip()
        self._parts = _parse(text)

    def __eq__(self, other: object) -> bool:
        """Tell whether both mean the same version, whatever their spelling."""
        return isinstance(other, VendorVersion) and self._parts == other._parts

    def __lt__(self, other: "VendorVersion") -> bool:
        """Tell whether this version is older."""
        if len(self._parts) == len(other._parts):
            return self._parts < other._parts
        pairs = list(zip_longest(self._parts, other._parts, fillvalue=_ZERO))
        return [mine for mine, _ in pairs] < [theirs for _, theirs in pairs]

    def __hash__(self) -> int:
        """Hash equal versions equally."""
        return hash(self._parts)

    def __str__(self) -> str:
        """Return the vendor's spelling."""
        return self.text

    def __repr__(self) -> str:
        """Return the constructor call."""
        return f"VendorVersion({self.text!r})"

    @property
    def major(self) -> int:
        """The first number: the CUDA major, the driver branch."""
        return next(number for rank, number, _ in self._parts if rank == 1)


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[_Part, ...]:
    parts = [_part_key(part) for part in _PART.findall(text)]
    if not any(part[0] == 1 for part in parts):
        message = f"not a version: {text!r}"
        raise ValueError(message)
    while parts[-1] == _ZERO and len(parts) > 1:
        parts.pop()
    return tuple(parts)


def _part_key(part: str) -> _Part:
    if part.isdigit():
        return (1, int(part), "")
    word = part.lower()
    return (0 if word in _BEFORE_RELEASE else 2, 0, word)


def is_build_of(version: str, release: str) -> bool:
    """Tell whether a version is a build of a release, as vendors name theirs: `2.5.1+das1` of `2.5.1`, not `2.5.10`."""
    return re.match(rf"{re.escape(release)}(?!\.?\d)", version) is not None
