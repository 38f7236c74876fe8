"""What a package index lists for one project: the Simple API as JSON (PEP 691) and as HTML (PEP 503)."""

from datetime import date
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import msgspec

from envkit.errors import DataError
from envkit.model.address import display_url
from envkit.model.text import unsafe_character
from envkit.model.value import DECODING, Value

JSON_KINDS = frozenset({"application/vnd.pypi.simple.v1+json", "application/json"})
_HTML_KINDS = frozenset({"application/vnd.pypi.simple.v1+html", "text/html", "application/xhtml+xml"})
_NAME_LIMIT = 255  # of file systems
_REASON_LIMIT = 500
_INDEX_MARKS = ("pypi:repository-version", ".whl", ".tar.gz", ".zip")


class IndexFile(Value):
    """One file of a project, as its index describes it."""

    name: str
    url: str
    sha256: str | None = None
    requires_python: str | None = None
    size: int | None = None  # bytes
    uploaded: str | None = None  # ISO date; only JSON has it
    yanked: str | None = None  # the reason, None: not yanked
    metadata: bool = False  # its METADATA is served beside it (PEP 658)


class Listing(Value):
    """The files of one project."""

    project: str
    files: tuple[IndexFile, ...]


class _JsonFile(msgspec.Struct, rename="kebab"):
    filename: str
    url: str
    hashes: dict[str, str] = {}
    requires_python: str | None = None
    size: int | None = None
    upload_time: str | None = None
    yanked: bool | str = False
    core_metadata: bool | dict[str, str] | None = None
    dist_info_metadata: bool | dict[str, str] | None = None  # the older name, which some indexes still use


class _JsonPage(msgspec.Struct):
    files: list[_JsonFile]


def parse_listing(project: str, kind: str, body: bytes, url: str) -> Listing:
    """Read a page of an index; `kind` is its media type, `url` where it came from.

    Files whose names or addresses nobody could use are left out. Raises `DataError` for a page of something else.
    """
    if kind in JSON_KINDS:
        files = _parse_json(body, url)
    elif kind in _HTML_KINDS:
        files = _parse_html(body, url)
    else:
        raise DataError(f"the index answered with a page that is not a list of files (`{kind}`): {display_url(url)}")
    return Listing(project=project, files=tuple(file for file in files if _is_usable(file)))


def _is_usable(file: IndexFile) -> bool:
    texts = (file.name, file.url, file.requires_python or "", file.yanked or "")
    return "/" not in file.name and len(file.name) <= _NAME_LIMIT and not any(unsafe_character(text) for text in texts)


def _parse_json(body: bytes, url: str) -> list[IndexFile]:
    try:
        with DECODING:
            page = msgspec.json.decode(body, type=_JsonPage)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"the index answered with JSON that is not a list of files ({error}): {display_url(url)}"
        ) from error
    return [
        IndexFile(
            name=file.filename,
            url=address,
            sha256=_digest(file.hashes.get("sha256", "")),
            requires_python=file.requires_python or None,
            size=file.size,
            uploaded=_day(file.upload_time),
            yanked=_reason(file.yanked) if file.yanked is not False else None,
            metadata=bool(file.core_metadata or file.dist_info_metadata),
        )
        for file in page.files
        if (address := _joined(url, file.url)) is not None
    ]


def _joined(base: str, address: str) -> str | None:
    """Return the address of a link, None for what is none, such as brackets that are no IPv6 address."""
    try:
        return urljoin(base, address)
    except ValueError:
        return None


def _day(text: str | None) -> str | None:
    """Return the day of a moment in ISO form, None for what is none."""
    try:
        return date.fromisoformat((text or "")[:10]).isoformat()
    except ValueError:
        return None


def _reason(value: object) -> str:
    text = " ".join(value[:_REASON_LIMIT].split()) if isinstance(value, str) else ""
    return text or "yanked"


def _digest(text: str) -> str | None:
    lowered = text.lower()
    return lowered if len(lowered) == 64 and set(lowered) <= set("0123456789abcdef") else None  # noqa: PLR2004 - sha256


def _parse_html(body: bytes, url: str) -> list[IndexFile]:
    text = body.decode(errors="replace")
    if not any(mark in text for mark in _INDEX_MARKS):
        raise DataError(f"the index answered with a page that is not a list of files: {display_url(url)}")
    parser = _Anchors(url)
    parser.feed(text)
    parser.close()
    return parser.files


class _Anchors(HTMLParser):
    """Collects the links of a page, with what PEP 503, 592 and 658 put into their attributes."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.files: list[IndexFile] = []
        self._base = url

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a link, or the address that relative links start from."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "base" and "href" in attributes:
            self._base = urljoin(self._base, attributes["href"])
        if tag != "a" or not attributes.get("href"):
            return
        try:
            address, fragment = urldefrag(urljoin(self._base, attributes["href"]))
            name = unquote(urlsplit(address).path.rpartition("/")[2])
        except ValueError:  # brackets that are no IPv6 address
            return
        metadata = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata", "false"))
        self.files.append(
            IndexFile(
                name=name,
                url=address,
                sha256=_digest(fragment.removeprefix("sha256=")),
                requires_python=attributes.get("data-requires-python") or None,
                yanked=_reason(attributes["data-yanked"]) if "data-yanked" in attributes else None,
                metadata=metadata not in {"false", ""},
            )
        )
