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
from envkit.model.address import display_url, restore_credentials
from envkit.model.availability import IndexState
from envkit.model.sources import PackageSources

if TYPE_CHECKING:
    import requests

_Read = TypeVar("_Read")
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
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
        return _explain(error, url)


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


def _explain(error: Exception, url: str) -> _Answer:
    """Return why a request failed, in plain words, from the innermost cause that says something."""
    import requests
    from urllib3.exceptions import NameResolutionError, NewConnectionError

    causes = _causes(error)
    host = urlsplit(url).hostname or url
    match error:
        case requests.exceptions.ProxyError():
            reason = f"the proxy did not let it through: {_innermost(causes)}"
        case requests.exceptions.SSLError():
            reason = f"the certificate is not trusted ({_innermost(causes)}); `SSL_CERT_FILE` names your own bundle"
        case requests.exceptions.ConnectTimeout():
            reason = f"no connection within {CONNECT_SECONDS:g} s"
        case requests.exceptions.ReadTimeout():
            reason = f"no answer within {READ_SECONDS:g} s"
        case _ if any(isinstance(cause, NameResolutionError) for cause in causes):
            reason = f"the name `{host}` cannot be resolved"
        case _ if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            reason = "the connection was refused"
        case _ if any(isinstance(cause, NewConnectionError) for cause in causes):
            reason = f"no connection: {_innermost(causes)}"
        case _:
            reason = _innermost(causes)
    return _Answer(reachable=False, reason=display_url(reason))


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and what caused it; requests and urllib3 keep causes in `reason` and in the arguments."""
    found: list[BaseException] = []
    current: object = error
    while isinstance(current, BaseException) and current not in found:
        found.append(current)
        inner = getattr(current, "reason", None)
        arguments = [argument for argument in current.args if isinstance(argument, BaseException)]
        current = inner if isinstance(inner, BaseException) else next(iter(arguments), current.__cause__)
    return found


def _innermost(causes: list[BaseException]) -> str:
    last = causes[-1]
    text = last.strerror if isinstance(last, OSError) and last.strerror else str(last)
    return " ".join(text.split()) or type(last).__name__


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    status: int
    kind: str  # media type, without parameters
    body: bytes
    url: str  # where it came from in the end; relative links in it start there
    etag: str | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a file, and how long the whole file is."""

    body: bytes
    first: int
    total: int


class Client:
    """Reads pages and parts of files, from several threads at once, and counts what it asked and received."""

    def __init__(self, sources: PackageSources, *, pause_seconds: float = 0.5) -> None:
        self.requests = 0
        self.bytes = 0
        self._sources = sources
        self._pause_seconds = pause_seconds
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

    def _get(self, url: str, headers: dict[str, str], limit_bytes: int) -> Page:
        with self._open(url, headers) as response:
            if response.status_code not in {200, _NOT_MODIFIED, _NOT_FOUND}:
                raise _refused(response, url)
            body = bytearray()
            for chunk in response.iter_content(_CHUNK_BYTES):
                self._count(received=len(chunk))
                body += chunk
                if len(body) > limit_bytes:
                    raise DataError(f"a page is longer than {limit_bytes // 2**20} MiB: {display_url(url)}")
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            etag = response.headers.get("ETag")
            address = display_url(response.url)
            return Page(status=response.status_code, kind=kind, body=bytes(body), url=address, etag=etag)

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
    def _open(self, url: str, headers: dict[str, str]) -> "Iterator[requests.Response]":
        if self._sources.offline:
            raise IndexUnreachableError("not asked, since offline was asked for: " + display_url(url), url=url)
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise DataError(f"not an address that files are read from: {display_url(url)}")
        credentials = self._credentials.get(parts.netloc)
        full = parts._replace(netloc=f"{credentials}@{parts.netloc}").geturl() if credentials else url
        self._count(asked=1)
        session = self._session(parts.netloc, full)
        with session.get(full, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS), headers=headers) as response:
            if response.status_code in _RETRIED:
                raise _BusyError(response)
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
        wanted = error.seconds if isinstance(error, _BusyError) else 0.0
        if failures >= _ATTEMPTS or wanted > _PATIENCE_SECONDS:
            reason = str(error) if isinstance(error, _BusyError) else _explain(error, url).reason
            shown = display_url(url)
            raise IndexUnreachableError(f"the server did not answer ({reason}): {shown}", url=shown) from error
        # Jitter keeps many clients that failed together from coming back together.
        sleep(max(wanted, self._pause_seconds * 2 ** (failures - 1) * uniform(0.5, 1.5)))  # noqa: S311 - not a secret

    def _count(self, *, asked: int = 0, received: int = 0) -> None:
        with self._lock:
            self.requests += asked
            self.bytes += received


class _BusyError(OSError):
    """An answer after which the same question may be asked again, and how long the server wants to be left alone."""

    def __init__(self, response: "requests.Response") -> None:
        super().__init__(f"HTTP {response.status_code} {response.reason}".rstrip())
        after = response.headers.get("Retry-After", "")
        self.seconds = float(after) if after.isascii() and after.isdigit() else 0.0


def _refused(response: "requests.Response", url: str) -> IndexUnreachableError:
    reason = f"HTTP {response.status_code} {response.reason}".rstrip()
    return IndexUnreachableError(f"the server refused to answer ({reason}): {display_url(url)}", url=display_url(url))


def _credentials(url: str) -> tuple[str, str]:
    """Return a host and what stands before the `@` of its address, which its files need as well."""
    credentials, _, host = urlsplit(url).netloc.rpartition("@")
    return host, credentials
