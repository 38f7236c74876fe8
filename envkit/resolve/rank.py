"""The order of options. A smaller key is better; status comes before it and the place after it.

A combination of options at a place is ordered by, in this order:

1. status: one that rests on no assumption before one that does;
2. for each spec, in the order of the request:
   a. a build for the vendor, then a processor build that stands in for one, then another vendor's build on a machine
      without accelerator, whatever their releases;
   b. the newest release;
   c. a runtime that the driver implements itself before one that only the floor of its major version allows;
   d. the newest runtime;
   e. a wheelhouse before the main index before the recipe's own index;
3. the Python that the foundations prefer, then the newest;
4. the base image by name.

What the user demands (range, Python, vendor, constraints) is not ranked: what does not meet it is refused by a rule.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial

from envkit.model.reserved import CPU, DEFAULT_INDEX, WHEELHOUSE_INDEX
from envkit.model.value import Value
from envkit.model.version import VendorVersion
from envkit.resolve.options import Option, OptionSource, vendor_tiers
from envkit.resolve.situation import Situation
from envkit.resolve.wheelhouse import UNKNOWN_VENDOR

Key = tuple[int, int, int, int, int, str]
Tier = Callable[[str], tuple[Option, ...]]
_INDEX_RANKS = {WHEELHOUSE_INDEX: 0, DEFAULT_INDEX: 1}
_OWN_INDEX = 2


class Ranked(Value):
    """An option with its key among the options of the same spec."""

    option: Option
    key: Key


class Batch:
    """The options of one release, of one tier; ranked when they are first asked for."""

    def __init__(self, tier: int, rank: int, rank_all: Callable[[], tuple[Ranked, ...]]) -> None:
        self.tier = tier
        self.rank = rank  # of the release, the newest first
        self._rank_all = rank_all
        self._entries: tuple[Ranked, ...] | None = None

    @property
    def entries(self) -> tuple[Ranked, ...]:
        """The options, best first."""
        if self._entries is None:
            self._entries = self._rank_all()
        return self._entries


class Ranking:
    """Options in their order by release, found when they are first asked for, and kept for whoever asks next."""

    def __init__(self, waiting: Iterator[Batch]) -> None:
        self._waiting = waiting
        self._known: list[Batch] = []
        self._speaking: dict[tuple[int | None, ...], Ranking] = {}

    def __iter__(self) -> Iterator[Batch]:
        """Yield the options best first."""
        position = 0
        while position < len(self._known) or self._grow():
            yield self._known[position]
            position += 1

    def speaking(self, kinds: tuple[int | None, ...]) -> "Ranking":
        """Return the first release of each kind, and those that stand for themselves."""
        if kinds not in self._speaking:
            self._speaking[kinds] = Ranking(_first_of_each(self, kinds))
        return self._speaking[kinds]

    def _grow(self) -> bool:
        batch = next(self._waiting, None)
        if batch is None:
            return False
        self._known.append(batch)
        return True


def _first_of_each(ranking: Ranking, kinds: tuple[int | None, ...]) -> Iterator[Batch]:
    met: set[tuple[int, int]] = set()
    for batch in ranking:
        number = kinds[batch.rank]
        if number is None:
            yield batch
        elif (batch.tier, number) not in met:
            met.add((batch.tier, number))
            yield batch


def rank_options(source: OptionSource, situation: Situation) -> Iterator[Ranked]:
    """Yield the options for the situation's vendor best first, whatever order their rows come in."""
    return (entry for batch in rank_releases(source, situation) for entry in batch.entries)


def rank_releases(source: OptionSource, situation: Situation, *, in_range: bool = False) -> Ranking:
    """Return the options for the situation's vendor by release, best first, whatever order their rows come in.

    `in_range`: leave out releases that the request's range excludes.
    """
    # All else that the order depends on is the same for every problem that the source serves.
    key = (situation.vendor_name, situation.ceiling, in_range and source.has_range)
    if key not in source.rankings:
        source.rankings[key] = Ranking(_rank(source, situation, in_range=in_range))
    return source.rankings[key]


def _rank(source: OptionSource, situation: Situation, *, in_range: bool) -> Iterator[Batch]:
    for number, tier in enumerate(vendor_tiers(source, situation.vendor_name, situation.problem)):
        for rank, release in enumerate(source.releases):
            if not in_range or not source.excludes(release):
                yield Batch(number, rank, partial(_ranked, tier, release, rank, situation))


def _ranked(tier: Tier, release: str, rank: int, situation: Situation) -> tuple[Ranked, ...]:
    """Rank the options of one release."""
    options = tier(release)
    runtimes = _runtimes(options, situation)
    ranked = [Ranked(option=option, key=_key(option, situation, rank, runtimes)) for option in options]
    return tuple(sorted(ranked, key=lambda entry: entry.key))


def _runtimes(options: tuple[Option, ...], situation: Situation) -> dict[str, tuple[int, int]]:
    """Return, by runtime version, whether it is beyond the driver's own runtime, and its rank with the newest first."""
    texts = frozenset(option.build.runtime.version for option in options if option.build.runtime is not None)
    return _rank_runtimes(texts, situation.ceiling)


@lru_cache(maxsize=1024)
def _rank_runtimes(texts: frozenset[str], ceiling: VendorVersion | None) -> dict[str, tuple[int, int]]:
    ordered = sorted((VendorVersion(text) for text in texts), key=lambda version: (version, version.text), reverse=True)
    return {
        version.text: (int(ceiling is not None and version > ceiling), rank) for rank, version in enumerate(ordered)
    }


def _key(option: Option, situation: Situation, release: int, runtimes: dict[str, tuple[int, int]]) -> Key:
    build = option.build
    beyond, runtime = (0, 0) if build.runtime is None else runtimes[build.runtime.version]
    return (
        _suitability(build.vendor, situation.vendor_name),
        release,
        beyond,
        runtime,
        _INDEX_RANKS.get(build.index, _OWN_INDEX),
        " ".join((build.index, build.variant, option.version, *build.pythons, *_further_indexes(option))),
    )


def _further_indexes(option: Option) -> tuple[str, ...]:
    """Return the indexes of companions: the way that needs none goes first."""
    return tuple(f"+{index.name}" for index in option.companions.route.indexes)


def _suitability(build_vendor: str, vendor: str) -> int:
    if build_vendor in {vendor, UNKNOWN_VENDOR}:
        return 0
    return 1 if build_vendor == CPU else 2
