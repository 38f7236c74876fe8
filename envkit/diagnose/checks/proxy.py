"""Proxies: this user's and Docker's, and what must not go through them."""

from urllib.parse import SplitResult, urlsplit

from envkit.diagnose.examination import Answer, Examination, unknown
from envkit.model.host import Finding

_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_OWN_NAMES = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1", "*", ".localhost")


def check_addresses(examination: Examination) -> Answer:
    """Look whether each proxy variable holds an address."""
    proxies = _proxies(examination)
    if not proxies and not examination.environment_known:
        return unknown("variables not known", "the environment")
    findings = tuple(
        finding
        for name, value in proxies
        if not _is_address(value)
        for finding in examination.finding("proxy-malformed", "os", f"{name} is `{shown(value)}`", variable=name)
    )
    seen = ", ".join(f"{name}={shown(value)}" for name, value in proxies)
    return Answer(seen or "none for this user", "the environment", findings)


def check_exceptions(examination: Examination) -> Answer:
    """Look whether this machine's own names are excepted."""
    if not _proxies(examination):
        return Answer("no proxy, no exceptions")
    host = examination.host
    excepted = host.variable("NO_PROXY") or host.variable("no_proxy") or ""
    if any(name.strip() in _OWN_NAMES for name in excepted.split(",")):
        return Answer("localhost is excepted", "NO_PROXY")
    evidence = f"NO_PROXY is `{excepted}`" if excepted else "NO_PROXY is not set, and a proxy is"
    return Answer(
        "localhost is not excepted", "NO_PROXY", examination.finding("proxy-without-localhost", "os", evidence)
    )


def check_docker(examination: Examination) -> Answer:
    """Compare this user's proxy with the daemon's, which fetches images."""
    daemon = examination.daemon
    if daemon is None or daemon.http_proxy is None or not examination.environment_known:
        return unknown("no Docker daemon on this machine was asked", "/info of Docker's daemon")
    theirs = daemon.https_proxy or daemon.http_proxy
    own = _proxies(examination)
    seen = f"Docker has {shown(theirs)}" if theirs else "Docker has none"
    return Answer(seen, "/info of Docker's daemon", _difference(examination, own, theirs, mirrored=daemon.mirrored))


def _difference(
    examination: Examination, own: tuple[tuple[str, str], ...], theirs: str, *, mirrored: bool
) -> tuple[Finding, ...]:
    if own and not theirs and not mirrored:
        name, value = own[0]
        evidence = f"{name} is `{shown(value)}`; /info of the daemon has no proxy"
        return examination.finding("proxy-not-in-engine", "engines", evidence)
    if theirs and not own:
        evidence = f"/info of the daemon has `{shown(theirs)}`; none of {' '.join(_VARIABLES[::2])} is set"
        return examination.finding("proxy-only-in-engine", "engines", evidence, proxy=shown(theirs))
    return ()


def _proxies(examination: Examination) -> tuple[tuple[str, str], ...]:
    values = ((name, examination.host.variable(name)) for name in _VARIABLES)
    return tuple((name, value) for name, value in values if value)


def _is_address(value: str) -> bool:
    """Tell whether a value is an address; without a scheme, as most programs take it, it still names a host."""
    parts = _split(value)
    if parts is None or any(character.isspace() for character in value):
        return False
    return parts.scheme in _SCHEMES and bool(parts.hostname) and parts.path in ("", "/")


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        _ = parts.port  # a port that is no number is found when it is asked for
    except ValueError:
        return None
    return parts


def shown(value: str) -> str:
    """Return a proxy without the user and password in it."""
    head, separator, tail = value.rpartition("@")
    scheme = head.partition("://")[0] + "://" if "://" in head else ""
    return f"{scheme}{tail}" if separator else value


CHECKS = (check_addresses, check_exceptions, check_docker)
