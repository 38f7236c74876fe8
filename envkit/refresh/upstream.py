"""Which pages beside the package index tell rows of the data, and what reads them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from envkit.data import decode_document
from envkit.data.overlay import read_text
from envkit.data.places import overlay_directory
from envkit.errors import DataError, IndexUnreachableError, NetworkError, RegistryError, UsageError
from envkit.model.address import display_url
from envkit.model.provenance import Source
from envkit.model.text import check_text, strip_controls
from envkit.model.value import Value
from envkit.refresh.cache import Cache, Kept
from envkit.system.http import Client
from envkit.system.registry import Registry

_FILE = "upstream.yaml"
_BUNDLED = Path(__file__).resolve().parent.parent / "data" / _FILE
_LIMIT_BYTES = 4 * 2**20
_NOT_FOUND, _NOT_MODIFIED = 404, 304
_ACCEPT = "application/json, text/markdown, text/plain;q=0.9, */*;q=0.1"
_HTML_KINDS = frozenset({"text/html", "application/xhtml+xml"})
_HTML_MARKS = ("<!doctype html", "<html")
_SHOWN = 60  # characters of something unexpected in a message


class ImageRow(Value):
    """Which images of a repository are read, and for what."""

    name: str  # as rows name them: nvidia/cuda
    tags: str  # `{version}` for X.Y.Z, `*` for any part: {version}-base-ubuntu*
    variable: str  # of their environment: NVIDIA_REQUIRE_CUDA
    platform: str  # linux/amd64
    brands: dict[str, str]  # categories of devices by their brand in the variable; empty: of none


class UpstreamRow(Value):
    """One page, or the images of a registry: where it is, and which file's rows it tells."""

    name: str  # of a module in envkit/refresh/sources, with dashes
    title: str
    url: str  # of images their name: docker.io/nvidia/cuda
    document: str  # name of a recipe or vendor
    dates: str  # a key of that file's `sources`, which a change gives today's date
    source: str
    images: ImageRow | None = None


class Upstreams(Value):
    """All pages that are known."""

    sources: dict[str, Source]
    upstreams: tuple[UpstreamRow, ...]


def load_upstreams() -> tuple[UpstreamRow, ...]:
    """Return the pages by name, those of the overlay's `upstream.yaml` in the place of bundled ones.

    Raises `DataError` for a file that cannot be read or does not decode.
    """
    rows: dict[str, UpstreamRow] = {}
    for path in (_BUNDLED, overlay_directory() / _FILE):
        if path.exists():
            file = decode_document(read_text(str(path)), str(path), Upstreams)
            rows |= {row.name: row for row in file.upstreams}
    return tuple(rows.values())


def find_upstreams(names: tuple[str, ...]) -> tuple[UpstreamRow, ...]:
    """Return the pages of these names, each once; raises `UsageError` for a name that there is not."""
    known = {row.name: row for row in load_upstreams()}
    unknown = [name for name in names if name not in known]
    if unknown:
        hints = tuple(f"envkit matrix refresh --source {name}" for name in known)
        raise UsageError(f"no source has this name: {strip_controls(unknown[0])}", hints=hints)
    return tuple(known[name] for name in dict.fromkeys(names))


class _Kept(Value):
    """A page as it was answered, and the tag by which the server knows it."""

    text: str
    etag: str | None = None


class _KeptTags(Value):
    """The tags of a repository."""

    tags: tuple[str, ...]


class _KeptEnvironment(Value):
    """The environment of an image."""

    environment: dict[str, str]


class PageReader:
    """Reads pages of text and what registries tell, remembered for the next time; `offline` takes the last answers."""

    def __init__(
        self, client: Client, cache: Cache, *, registry: Registry | None = None, offline: bool = False
    ) -> None:
        self._client = client
        self._registry = registry
        self._cache = cache
        self._offline = offline

    def text(self, url: str) -> str:
        """Return a page.

        Raises `NetworkError` where the server does not answer, has no such page or answers with a page for people, and
        `DataError` for one that is no text or longer than 4 MiB.
        """
        shown = display_url(url)
        key = hashlib.sha256(shown.encode()).hexdigest()
        kept = self._cache.read("pages", key, _Kept)
        if self._offline:
            if kept is None:
                message = f"nothing is remembered of the page, and offline was asked for: {shown}"
                raise IndexUnreachableError(message, url=shown)
            return kept.text
        page = self._client.get(url, accept=_ACCEPT, etag=kept.etag if kept else None, limit_bytes=_LIMIT_BYTES)
        if page.status == _NOT_MODIFIED and kept is not None:
            return kept.text
        if page.status == _NOT_FOUND:
            raise NetworkError(f"the server has no such page: {shown}")
        text = _decoded(page.body, shown)
        if page.kind in _HTML_KINDS or text.lstrip().lower().startswith(_HTML_MARKS):
            raise NetworkError(f"the server answered with a page for people, a login or a notice: {shown}")
        self._cache.write("pages", key, _Kept(text=text, etag=page.etag))
        return text

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags of the images in a repository of a registry; raises `RegistryError` and `DataError`."""
        answer = self._told("tags", repository, _KeptTags, lambda registry: _KeptTags(tags=registry.tags(repository)))
        return answer.tags

    def environment(self, image: str, platform: str) -> dict[str, str]:
        """Return the environment variables of an image for a platform; raises as `tags` does."""

        def ask(registry: Registry) -> _KeptEnvironment:
            return _KeptEnvironment(environment=registry.configuration(image, platform).environment)

        return self._told("images", f"{image} {platform}", _KeptEnvironment, ask).environment

    def _told(self, kind: str, about: str, expected: type[Kept], ask: Callable[[Registry], Kept]) -> Kept:
        key = hashlib.sha256(about.encode()).hexdigest()
        if self._offline or self._registry is None:
            kept = self._cache.read(kind, key, expected)
            if kept is None:
                raise RegistryError(f"nothing is remembered of the image, and offline was asked for: {about}")
            return kept
        answer = ask(self._registry)
        self._cache.write(kind, key, answer)
        return answer


def unexpected(problem: str, seen: str, url: str) -> DataError:
    """Return the error for a page of another form than it had; `seen` is what stood there."""
    shown = strip_controls(seen[:_SHOWN])
    return DataError(f"the page has another form than is known here, {problem} `{shown}`: {display_url(url)}")


def _decoded(body: bytes, shown: str) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"the page is not text: {shown}") from error
    return check_text(text.replace("\r\n", "\n"), f"the page {shown}", multiline=True)
