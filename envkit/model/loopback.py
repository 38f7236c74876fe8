"""Names and addresses by which a machine means itself."""

import re

_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[?::1\]?")
_PORT = re.compile(r":\d+$")


def is_loopback(host: str) -> bool:
    """Tell whether a host, without or with a port, is the machine itself; IPv6 addresses may be in brackets."""
    return any(_LOOPBACK.fullmatch(name) for name in (host, _PORT.sub("", host)))
