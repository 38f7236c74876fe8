"""One HTTP request to a server behind a Unix socket or a plain TCP port, as container engines have them."""

import socket
from urllib.parse import urlsplit

from envkit.system.host import Fetched

_LIMIT_BYTES = 4 * 1024 * 1024


def http_get(endpoint: str, path: str, timeout_seconds: float) -> Fetched:
    """Ask for `path` at `unix:///a/socket` or `tcp://name:port`; what goes wrong is the answer's `failure`."""
    try:
        connection = _connect(endpoint, timeout_seconds)
    except (OSError, ValueError) as error:
        return Fetched(failure=_reason(error))
    try:
        return _ask(connection, path)
    finally:
        connection.close()


def _connect(endpoint: str, timeout_seconds: float) -> socket.socket:
    """Connect; raises `OSError`, and `ValueError` for an address of another kind."""
    parts = urlsplit(endpoint)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(parts.path)
        except OSError:
            connection.close()
            raise
        return connection
    if parts.scheme == "tcp" and parts.hostname and parts.port:
        return socket.create_connection((parts.hostname, parts.port), timeout=timeout_seconds)
    message = f"not a Unix socket or TCP address: {endpoint}"
    raise ValueError(message)


def _ask(connection: socket.socket, path: str) -> Fetched:
    # Imported here: it takes 20 ms, and most machines have no engine that listens.
    from http.client import HTTPConnection, HTTPException

    client = HTTPConnection("localhost")
    client.sock = connection
    try:
        client.request("GET", path)
        response = client.getresponse()
        return Fetched(status=response.status, body=response.read(_LIMIT_BYTES).decode(errors="replace"))
    except OSError as error:
        return Fetched(failure=_reason(error))
    except HTTPException as error:
        return Fetched(failure=f"not an HTTP answer ({type(error).__name__})")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, TimeoutError):
        return "timed out"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return text[:1].lower() + text[1:]
