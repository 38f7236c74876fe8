"""The one door to HTTP: asks package indexes whether they answer and have a package, reads pages and parts of files."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from random import uniform
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec

from envkit.errors import DataError, IndexUnreachableError
from envkit.model.address import display_url, is_web_address, restore_credentials
from envkit.model.availability import IndexState
from envkit.model.sources import PackageSources
from envkit.system.http_failures import CONNECT_SECONDS, READ_SECONDS, BusyError, failure_reason

if TYPE_CHECKING:
    import requests

_Read = TypeVar("_Read")
PROBE_SECONDS = 8.0  # for a whole probe: the time limits above hold for each address and each read
_PEEK_BYTES = 16384
_NOT_FOUND = 404
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
_NOT_MODIFIED = 304
_PARTIAL = 206
_RETRIED = frozenset({429, 500, 502, 503, 504})
_ATTEMPTS = 5
_PATIENCE_SECONDS = 60.0  # a server that wants a longer pause is not waited for
_CHUNK_BYTES = 65536
# What a page of an index holds even when it lists nothing: the version that PEP 629 asks for, or a distribution.
_INDEX_MARKS = (b"pypi:repository-version", b".whl", b".tar.gz", b".zip")

_Content = dict[str, str] | bytes  # of a form, or any other


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """An index, by its name in the matrix, and one package that it is wanted for."""

    name: str
    url: str
    package: str  # normalised project name


class _Answer(msgspec.Struct, frozen=True):
    reachable: bool
    reason: str = ""


def probe_index(name: str, url: str, package: str, sources: PackageSources) -> IndexState:
    """Ask one index; see `probe_indexes`."""
    return probe_indexes((Question(name=name, url=url, package=package),), sources)[0]


def probe_indexes(
    questions: tuple[Question, ...], sources: PackageSources, *, limit_seconds: float = PROBE_SECONDS
) -> tuple[IndexState, ...]:
    """Ask all indexes at once, each in one attempt, and return what they said in the order of the questions.

    An index that answers without having the package is reachable, and its reason says so. One that has not answered
    after `limit_seconds` is not reachable.
    """
    answers = _ask_all(questions, sources, limit_seconds)
    late = _Answer(reachable=False, reason=f"no answer within {limit_seconds:g} s")
    return tuple(
        IndexState(
            name=question.name,
            url=display_url(question.url),
            reachable=answers.get(position, late).reachable,
            reason=answers.get(position, late).reason,
        )
        for position, question in enumerate(questions)
    )


def _ask_all(questions: tuple[Question, ...], sources: PackageSources, limit_seconds: float) -> dict[int, _Answer]:
    queue: SimpleQueue[tuple[int, _Answer]] = SimpleQueue()

    def ask(position: int, question: Question) -> None:
        queue.put((position, _ask(restore_credentials(question.url, sources), question.package, sources)))

    # Daemons, not an executor: one that hangs in a name server's time limit must not hold up the end of the command.
    for position, question in enumerate(questions):
        threading.Thread(target=ask, args=(position, question), daemon=True).start()
    answers: dict[int, _Answer] = {}
    deadline = monotonic() + limit_seconds
    while len(answers) < len(questions):
        try:
            position, answer = queue.get(timeout=max(0.0, deadline - monotonic()))
        except Empty:
            break
        answers[position] = answer
    return answers


def _ask(url: str, package: str, sources: PackageSources) -> _Answer:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _probe_directory(Path(unquote(parts.path)), package)
    if parts.scheme not in {"http", "https"}:
        return _Answer(reachable=False, reason=f"not an address of an index: `{display_url(url)}`")
    if sources.offline:
        return _Answer(reachable=False, reason="not asked, since offline was asked for")
    return _probe_server(f"{url.rstrip('/')}/{package}/", package, sources)


def _probe_directory(directory: Path, package: str) -> _Answer:
    if not directory.is_dir():
        return _Answer(reachable=False, reason=f"no such directory: `{directory}`")
    if not (directory / package).is_dir():
        return _missing(package)
    return _Answer(reachable=True)


def _missing(package: str) -> _Answer:
    return _Answer(reachable=True, reason=f"answers, but has no package `{package}`")


def _probe_server(url: str, package: str, sources: PackageSources) -> _Answer:
    # Imported here: it takes 60 ms and more, which commands that ask nobody need not spend.
    import requests

    try:
        with requests.Session() as session:
            _configure(session, url, sources)
            response = session.get(
                url, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS), headers={"Accept": _ACCEPT}
            )
            with response:
                return _read_answer(response, package)
    except (requests.RequestException, OSError) as error:
        return _Answer(reachable=False, reason=failure_reason(error, url))


def _configure(session: "requests.Session", url: str, sources: PackageSources) -> None:
    import requests
    import urllib3

    host = urlsplit(url).hostname or ""
    if any(setting.value.partition(":")[0] == host for setting in sources.trusted_hosts):
        # The user trusts this host as it is; the warning would repeat that for each request.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        session.verify = False
    elif sources.certificate is not None:
        session.verify = sources.certificate.value
    proxies = {scheme: setting.value for scheme, setting in sources.proxies.items()}
    exempt = proxies.pop("no", None)
    if not requests.utils.should_bypass_proxies(url, no_proxy=exempt):
        session.proxies.update(proxies)
    # Settings were read once, with their origins; requests must not read others. A password file stays in use.
    session.trust_env = False
    if "@" not in urlsplit(url).netloc:
        session.auth = requests.utils.get_netrc_auth(url)


def _read_answer(response: "requests.Response", package: str) -> _Answer:
    if response.status_code == _NOT_FOUND:
        return _missing(package)
    if not response.ok:
        return _Answer(reachable=False, reason=f"HTTP {response.status_code} {response.reason}".rstrip())
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
    if not kind.startswith("application/vnd.pypi.simple."):
        begin = next(response.iter_content(_PEEK_BYTES), b"")
        if not any(mark in begin for mark in _INDEX_MARKS):
            return _Answer(reachable=False, reason=f"answered with a page that is not a package index ({kind})")
    return _Answer(reachable=True)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    status: int
    kind: str  # media type, without parameters
    body: bytes
    url: str  # where it came from in the end; relative links in it start there
    etag: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a server said, be it a refusal; the names of the headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str  # where it came from in the end


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a file, and how long the whole file is."""

    body: bytes
    first: int
    total: int


class Client:
    """Reads pages and parts of files, from several threads at once, and counts what it asked and received."""

    def __init__(self, sources: PackageSources, *, pause_seconds: float = 0.5, attempts: int = _ATTEMPTS) -> None:
        self.requests = 0
        self.bytes = 0
        self._sources = sources
        self._pause_seconds = pause_seconds
        self._attempts = attempts
        self._sessions = threading.local()
        self._lock = threading.Lock()
        configured = (sources.index, *sources.extra_indexes, *sources.named_indexes.values())
        self._credentials = dict(_credentials(setting.value) for setting in configured if setting is not None)

    def get(self, url: str, *, accept: str = _ACCEPT, etag: str | None = None, limit_bytes: int = 2**26) -> Page:
        """Read a page; its status is 200, 304 (the page with this `etag` is still right) or 404.

        Raises `IndexUnreachableError` when the server does not answer or refuses, and `DataError` for a page that is
        longer than `limit_bytes`.
        """
        headers = {"Accept": accept} | ({} if etag is None else {"If-None-Match": etag})
        return self._repeat(url, lambda: self._get(url, headers, limit_bytes))

    def ask(
        self,
        url: str,
        headers: dict[str, str],
        *,
        form: _Content | None = None,
        method: str | None = None,
        limit_bytes: int = 2**23,
    ) -> Reply:
        """Read what a server says, whatever its status; a `form` or content is posted, unless `method` says otherwise.

        Raises as `get` does for other reasons.
        """
        method = method or ("GET" if form is None else "POST")
        return self._repeat(url, lambda: self._ask(url, headers, form, method, limit_bytes))

    def read_end(self, url: str, length: int) -> Part:
        """Read the last bytes of a file, or all of a shorter one; raises as `stream` does."""
        return self._repeat(url, lambda: self._read_end(url, length))

    def stream(self, url: str, first: int, length: int) -> Iterator[bytes]:
        """Read a part of a file piece by piece; what a lost connection cost is asked for again.

        Raises `IndexUnreachableError` when the server does not answer, and `DataError` when it has no such file, or
        does not serve parts of files: the whole file is never read instead.
        """
        position, end, failures = first, first + length, 0
        while position < end:
            try:
                with self._open_part(url, f"bytes={position}-{end - 1}") as response:
                    started = position
                    for chunk in response.iter_content(_CHUNK_BYTES):
                        self._count(received=len(chunk))
                        position += len(chunk)
                        yield chunk
                if position == started or position > end:
                    raise DataError(f"the server sent another part of a file than it was asked for: {display_url(url)}")
            except OSError as error:  # what requests raises is one
                failures += 1
                self._pause(failures, url, error)

    @contextmanager
    def open_file(self, url: str, first: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Open a file at a position, in one attempt; yields where the server really begins, and the rest in pieces.

        Raises `OSError` when the line fails, `IndexUnreachableError` when nobody may be asked, and `DataError` when the
        server has no such file.
        """
        span = {"Range": f"bytes={first}-"} if first else {}
        with self._open(url, {**span, "Accept-Encoding": "identity"}) as response:
            if not response.ok:
                raise DataError(f"the file cannot be read (HTTP {response.status_code}): {display_url(url)}")
            begins = first if response.status_code == _PARTIAL else 0
            yield begins, response.iter_content(_CHUNK_BYTES)

    def _get(self, url: str, headers: dict[str, str], limit_bytes: int) -> Page:
        with self._open(url, headers) as response:
            if response.status_code not in {200, _NOT_MODIFIED, _NOT_FOUND}:
                raise _refused(response, url)
            body = self._body(response, url, limit_bytes)
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            etag = response.headers.get("ETag")
            address = display_url(response.url)
            return Page(status=response.status_code, kind=kind, body=body, url=address, etag=etag)

    def _ask(self, url: str, headers: dict[str, str], form: _Content | None, method: str, limit_bytes: int) -> Reply:
        with self._open(url, headers, form, method) as response:
            body = self._body(response, url, limit_bytes)
            named = {name.lower(): value for name, value in response.headers.items()}
            return Reply(status=response.status_code, headers=named, body=body, url=display_url(response.url))

    def _body(self, response: "requests.Response", url: str, limit_bytes: int) -> bytes:
        body = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            self._count(received=len(chunk))
            body += chunk
            if len(body) > limit_bytes:
                raise DataError(f"a page is longer than {limit_bytes // 2**20} MiB: {display_url(url)}")
        return bytes(body)

    def _read_end(self, url: str, length: int) -> Part:
        with self._open_part(url, f"bytes=-{length}") as response:
            span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
            first = span.partition("-")[0]
            if not (first.isascii() and first.isdigit() and total.isascii() and total.isdigit()):
                raise DataError(f"the server does not say which part of a file it sent: {display_url(url)}")
            body = bytearray()
            for chunk in response.iter_content(_CHUNK_BYTES):
                self._count(received=len(chunk))
                body += chunk
                if len(body) > length:
                    raise DataError(f"the server sent more of a file than it was asked for: {display_url(url)}")
            return Part(body=bytes(body), first=int(first), total=int(total))

    @contextmanager
    def _open_part(self, url: str, span: str) -> "Iterator[requests.Response]":
        with self._open(url, {"Range": span, "Accept-Encoding": "identity"}) as response:
            if response.status_code == _PARTIAL:
                yield response
            elif response.ok:
                raise DataError(f"the server does not serve parts of files: {display_url(url)}")
            else:
                raise DataError(f"the file cannot be read (HTTP {response.status_code}): {display_url(url)}")

    @contextmanager
    def _open(
        self, url: str, headers: dict[str, str], form: _Content | None = None, method: str = "GET"
    ) -> "Iterator[requests.Response]":
        if self._sources.offline:
            raise IndexUnreachableError("not asked, since offline was asked for: " + display_url(url), url=url)
        if not is_web_address(url):
            raise DataError(f"not an address that files are read from: {display_url(url)}")
        parts = urlsplit(url)
        credentials = self._credentials.get(parts.netloc)
        full = parts._replace(netloc=f"{credentials}@{parts.netloc}").geturl() if credentials else url
        self._count(asked=1)
        session = self._session(parts.netloc, full)
        # A header of the caller's own goes before a password file, which requests would let overwrite it.
        own = (lambda request: request) if "Authorization" in headers else None
        limits = (CONNECT_SECONDS, READ_SECONDS)
        with session.request(
            method, full, data=form, stream=True, timeout=limits, headers=headers, auth=own
        ) as response:
            if response.status_code in _RETRIED:
                after = response.headers.get("Retry-After", "")
                raise BusyError(response.status_code, response.reason, after)
            yield response

    def _session(self, host: str, url: str) -> "requests.Session":
        """Return this thread's session for a host: connections are kept, and settings hold for one host each."""
        import requests

        sessions: dict[str, requests.Session] = self._sessions.__dict__
        if host not in sessions:
            sessions[host] = requests.Session()
            _configure(sessions[host], url, self._sources)
        return sessions[host]

    def _repeat(self, url: str, ask: Callable[[], _Read]) -> _Read:
        failures = 0
        while True:
            try:
                return ask()
            except OSError as error:
                failures += 1
                self._pause(failures, url, error)

    def _pause(self, failures: int, url: str, error: OSError) -> None:
        """Wait before the next attempt; raises `IndexUnreachableError` after the last one."""
        wanted = error.seconds if isinstance(error, BusyError) else 0.0
        if failures >= self._attempts or wanted > _PATIENCE_SECONDS:
            reason = str(error) if isinstance(error, BusyError) else failure_reason(error, url)
            shown = display_url(url)
            raise IndexUnreachableError(f"the server did not answer ({reason}): {shown}", url=shown) from error
        # Jitter keeps many clients that failed together from coming back together.
        sleep(max(wanted, self._pause_seconds * 2 ** (failures - 1) * uniform(0.5, 1.5)))  # noqa: S311 - not a secret

    def _count(self, *, asked: int = 0, received: int = 0) -> None:
        with self._lock:
            self.requests += asked
            self.bytes += received


def _refused(response: "requests.Response", url: str) -> IndexUnreachableError:
    reason = f"HTTP {response.status_code} {response.reason}".rstrip()
    return IndexUnreachableError(f"the server refused to answer ({reason}): {display_url(url)}", url=display_url(url))


def _credentials(url: str) -> tuple[str, str]:
    """Return a host and what stands before the `@` of its address, which its files need as well."""
    credentials, _, host = urlsplit(url).netloc.rpartition("@")
    return host, credentials
