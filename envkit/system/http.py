"""The one door to HTTP: asks package indexes whether they answer and have a package."""

import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from envkit.model.address import display_url, restore_credentials
from envkit.model.availability import IndexState
from envkit.model.sources import PackageSources

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
PROBE_SECONDS = 8.0  # for a whole probe: the time limits above hold for each address and each read
_PEEK_BYTES = 16384
_NOT_FOUND = 404
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
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
