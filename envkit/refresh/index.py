"""A package index, asked once for each project, and remembered for the next time."""

import hashlib
import threading

from packaging.utils import canonicalize_name

from envkit.errors import DataError, IndexUnreachableError
from envkit.model.address import display_url
from envkit.model.value import Value
from envkit.refresh.cache import Cache
from envkit.system.http import Client, Page
from envkit.system.listing import Listing, parse_listing

_NOT_FOUND, _NOT_MODIFIED = 404, 304


class _Kept(Value):
    """A listing as it was answered, and the tag by which the server knows it."""

    listing: Listing
    etag: str | None = None


class Index:
    """A Simple API index; `offline` takes the listings of the last time."""

    def __init__(self, url: str, client: Client, cache: Cache, *, offline: bool = False) -> None:
        self.url = url.rstrip("/")
        self._client = client
        self._cache = cache
        self._offline = offline
        self._listings: dict[str, Listing | None] = {}
        self._locks: dict[str, threading.Lock] = {}

    def beside(self, url: str) -> "Index":
        """Return another index, asked in the same way."""
        return Index(url, self._client, self._cache, offline=self._offline)

    def listing(self, project: str) -> Listing:
        """Return the files of a project, asked for at most once.

        Raises `DataError` for a project that the index does not have, and `IndexUnreachableError` when the index does
        not answer, or with a page that is no listing.
        """
        found = self.find(project)
        if found is None:
            raise DataError(f"the index has no project `{canonicalize_name(project)}`: {display_url(self.url)}")
        return found

    def find(self, project: str) -> Listing | None:
        """Return the files of a project as `listing` does, None for one that the index does not have."""
        name = canonicalize_name(project)
        with self._locks.setdefault(name, threading.Lock()):
            if name not in self._listings:
                self._listings[name] = self._ask(name)
            return self._listings[name]

    def _ask(self, name: str) -> Listing | None:
        url = f"{self.url}/{name}/"
        key = hashlib.sha256(display_url(url).encode()).hexdigest()
        kept = self._cache.read("listings", key, _Kept)
        if self._offline:
            if kept is None:
                raise IndexUnreachableError(
                    f"nothing is remembered of `{name}`, and offline was asked for: {display_url(url)}",
                    url=display_url(url),
                )
            return kept.listing
        page = self._client.get(url, etag=kept.etag if kept else None)
        if page.status == _NOT_FOUND:
            return None
        if page.status == _NOT_MODIFIED and kept is not None:
            return kept.listing
        return self._keep(name, key, page)

    def _keep(self, name: str, key: str, page: Page) -> Listing:
        try:
            listing = parse_listing(name, page.kind, page.body, page.url)
        except DataError as error:
            # A login page, a proxy's notice: not an answer, whatever its status says.
            raise IndexUnreachableError(error.message, url=page.url) from error
        self._cache.write("listings", key, _Kept(listing=listing, etag=page.etag))
        return listing
