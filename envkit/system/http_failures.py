"""Why a request over HTTP failed, in plain words."""

from urllib.parse import urlsplit

from envkit.model.address import display_url

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0


def failure_reason(error: Exception, url: str) -> str:
    """Return why a request failed, from the innermost cause that says something."""
    from urllib3 import exceptions

    causes = _causes(error)

    def caused_by(kind: type[BaseException]) -> bool:
        return any(isinstance(cause, kind) for cause in causes)

    if caused_by(exceptions.ProxyError):
        reason = f"the proxy did not let it through: {_innermost(causes)}"
    elif caused_by(exceptions.SSLError):
        reason = f"the certificate is not trusted ({_innermost(causes)}); `SSL_CERT_FILE` names your own bundle"
    elif caused_by(exceptions.ReadTimeoutError):
        reason = f"no answer within {READ_SECONDS:g} s"
    elif caused_by(exceptions.NameResolutionError):
        reason = f"the name `{urlsplit(url).hostname or url}` cannot be resolved"
    elif caused_by(ConnectionRefusedError):
        reason = "the connection was refused"
    elif caused_by(exceptions.NewConnectionError):
        reason = f"no connection: {_innermost(causes)}"
    elif caused_by(exceptions.ConnectTimeoutError):  # of which the two above are kinds
        reason = f"no connection within {CONNECT_SECONDS:g} s"
    else:
        reason = _innermost(causes)
    return display_url(reason)


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


class BusyError(OSError):
    """An answer after which the same question may be asked again, and how long the server wants to be left alone."""

    def __init__(self, status: int, reason: str, after: str) -> None:
        super().__init__(f"HTTP {status} {reason}".rstrip())
        self.seconds = float(after) if after.isascii() and after.isdigit() else 0.0
