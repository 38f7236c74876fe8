"""One index, with what reads its files and what remembers them."""

import hashlib
from collections.abc import Callable

from envkit.model.sources import PackageSources
from envkit.model.value import to_line
from envkit.refresh.cache import Cache, Kept
from envkit.refresh.index import Index
from envkit.refresh.inspection import Contents, Question, read_wheel
from envkit.refresh.wheels import Wheel, linux_wheels
from envkit.system.http import Client

_FORMAT = 2  # of what is kept: another number makes every wheel be read again


class Reader:
    """Reads lists of files and wheels, each at most once; what was read of a file that has a hash is kept for good."""

    def __init__(
        self,
        index: Index,
        client: Client,
        cache: Cache,
        progress: Callable[[str], None],
        mirrors: dict[str, str] | None = None,
    ) -> None:
        self.index = index
        self.mirrors = mirrors or {}  # URLs in the place of the recipes' own indexes, by name
        self.silent: dict[str, str] = {}  # hosts of own indexes that did not answer, and how that was said
        self._client = client
        self._cache = cache
        self._progress = progress
        self._read: set[str] = set()

    def wheels(self, package: str) -> tuple[Wheel, ...]:
        """Return a package's wheels for Linux; raises as `Index.listing` does."""
        return linux_wheels(self.index.listing(package))

    def at(self, url: str, package: str) -> tuple[Wheel, ...]:
        """Return a package's wheels for Linux on another index, none where it has none; raises as `Index.find`."""
        listing = self.index.beside(url).find(package)
        return () if listing is None else linux_wheels(listing)

    def contents(self, wheel: Wheel, question: Question) -> Contents:
        """Return what a wheel says by its contents; raises as `read_wheel` does."""
        return self.kept("wheels", wheel, to_line(question), Contents, lambda: self._contents(wheel, question))

    def kept(self, kind: str, wheel: Wheel, question: str, expected: type[Kept], make: Callable[[], Kept]) -> Kept:
        """Return the answer to a question about a wheel, made now or kept from another time."""
        if wheel.file.sha256 is None:
            return make()
        asked = hashlib.sha256(f"{_FORMAT} {question}".encode()).hexdigest()[:16]
        key = f"{wheel.file.sha256}-{asked}"
        kept = self._cache.read(kind, key, expected)
        if kept is None:
            kept = make()
            self._cache.write(kind, key, kept)
        return kept

    def announce(self, wheel: Wheel) -> None:
        """Tell of a wheel, once, if it was read and not remembered."""
        if wheel.file.name in self._read:
            self._read.discard(wheel.file.name)
            self._progress(wheel.file.name)

    def _contents(self, wheel: Wheel, question: Question) -> Contents:
        contents = read_wheel(wheel, question, self._client)
        self._read.add(wheel.file.name)
        return contents


class Session:
    """One run against one index, with the figures of its traffic."""

    def __init__(
        self, url: str, sources: PackageSources, progress: Callable[[str], None], cache: Cache | None = None
    ) -> None:
        self._client = Client(sources)
        cache = cache or Cache()
        index = Index(url, self._client, cache, offline=sources.offline)
        mirrors = {name: setting.value for name, setting in sources.named_indexes.items()}
        self.reader = Reader(index, self._client, cache, progress, mirrors)

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return self._client.requests

    @property
    def bytes(self) -> int:
        """How many bytes of content were received."""
        return self._client.bytes
