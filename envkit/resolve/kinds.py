"""Releases of a kind: alike in all but version and date, and covered by the same ranges, so that one speaks for all."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, groupby
from operator import attrgetter, xor

import msgspec
from packaging.specifiers import Specifier
from packaging.version import Version

from envkit.model.recipe import Recipe, ReleaseRow
from envkit.resolve.builds import stable_releases
from envkit.resolve.versions import parse_range, parse_version, within

Interval = tuple[int, int]  # of positions; the second is the first after it
_ALIKE = attrgetter(*(name for name in ReleaseRow.__struct_fields__ if name not in {"version", "released"}))
_BY_ORDER: dict[str, Callable[[Sequence[Version], Version], tuple[Interval, ...]]] = {
    ">=": lambda known, bound: ((bisect_left(known, bound), len(known)),),
    "<": lambda known, bound: ((0, bisect_left(known, bound)),),
    "<=": lambda known, bound: ((0, bisect_right(known, bound)),),
    "==": lambda known, bound: ((bisect_left(known, bound), bisect_right(known, bound)),),
    "!=": lambda known, bound: ((0, bisect_left(known, bound)), (bisect_right(known, bound), len(known))),
}


class Releases:
    """The final releases of a recipe, and which of them are of a kind."""

    def __init__(self, recipe: Recipe, further: frozenset[str]) -> None:
        """Take the releases of a recipe, and further ones that may have no row."""
        self.rows = {row.version: row for row in stable_releases(recipe)}
        versions = {name: parse_version(name) for name in {*self.rows, *further}}
        self._labelled = any("+" in name for name in versions)
        order = parse_version if self._labelled else _order
        self.names = tuple(sorted(versions, key=lambda name: (order(name), name), reverse=True))  # the newest first
        self._versions = tuple(versions[name] for name in reversed(self.names))
        numbers: dict[tuple[bytes, int], int] = {}
        encoder = msgspec.msgpack.Encoder()
        covered = self.covered(_ranges(recipe, self.rows.values()))
        # Those with the same number differ in nothing else that builds are made of; None: there is no row.
        self.numbers: tuple[int | None, ...] = tuple(
            None if row is None else numbers.setdefault((encoder.encode(_ALIKE(row)), bits), len(numbers))
            for row, bits in zip(map(self.rows.get, self.names), covered, strict=True)
        )

    def covered(self, ranges: Iterable[str]) -> tuple[int, ...]:
        """Return for each release by which of some ranges it is covered, as the bits of a number; the newest first."""
        turns = [0] * (len(self._versions) + 1)
        for place, text in enumerate(sorted(set(ranges))):
            for first, after in self._intervals(text):
                turns[first] ^= 1 << place
                turns[after] ^= 1 << place
        return tuple(accumulate(turns[:-1], xor))[::-1]

    def _intervals(self, text: str) -> tuple[Interval, ...]:
        """Return which releases a range covers, as positions among the releases, the oldest first."""
        found: tuple[Interval, ...] = ((0, len(self._versions)),)
        for specifier in parse_range(text):
            found = tuple(_common(found, self._covered_by(specifier)))
        return found

    def _covered_by(self, specifier: Specifier) -> tuple[Interval, ...]:
        operator, bound = specifier.operator, specifier.version
        by_order = _BY_ORDER.get(operator)
        if by_order is None or "*" in bound or "+" in bound or self._labelled:
            return tuple(_runs(within(str(specifier), name) for name in reversed(self.names)))
        return by_order(self._versions, parse_version(bound))


class _Same:
    """A recipe as a key: a row of data is not compared with another by what is in it, which would take longer."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def __hash__(self) -> int:
        return id(self.recipe)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.recipe is self.recipe


def releases_of(recipe: Recipe, further: frozenset[str]) -> Releases:
    """Return the releases of a recipe, and further ones that may have no row; found out once for each loaded recipe."""
    return _releases_of(_Same(recipe), further)


@lru_cache(maxsize=256)
def _releases_of(known: _Same, further: frozenset[str]) -> Releases:
    return Releases(known.recipe, further)


def _order(name: str) -> tuple[int, tuple[int, ...], int]:
    """Return the sort key of a final release without a label; it compares faster than a version does."""
    version = parse_version(name)
    numbers, post = version.release, version.post
    while numbers[-1:] == (0,):
        numbers = numbers[:-1]
    return version.epoch, numbers, -1 if post is None else post


def _ranges(recipe: Recipe, releases: Iterable[ReleaseRow]) -> Iterator[str]:
    """Yield every range of versions that a recipe's rows are about."""
    for variant in recipe.variants:
        yield variant.releases
        yield from (broken.releases for broken in variant.broken)
    for release in releases:
        if release.broken:
            yield from (broken.releases for broken in release.broken)
    yield from (row.versions for row in recipe.denied)


def _common(ours: tuple[Interval, ...], theirs: tuple[Interval, ...]) -> Iterator[Interval]:
    """Yield what two sets of intervals have in common."""
    for first, after in ours:
        for other_first, other_after in theirs:
            if max(first, other_first) < min(after, other_after):
                yield max(first, other_first), min(after, other_after)


def _runs(hits: Iterable[bool]) -> Iterator[Interval]:
    """Yield the intervals of what is hit."""
    position = 0
    for hit, run in groupby(hits):
        length = sum(1 for _ in run)
        if hit:
            yield position, position + length
        position += length
