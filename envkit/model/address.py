"""Addresses of indexes and proxies as they may be shown."""

import re

# Everything between the scheme and the last `@` before the path: `https://user:token@host/simple`.
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")


def display_url(text: str) -> str:
    """Return a URL, or a text that holds URLs, without the names and passwords in them."""
    return _CREDENTIALS.sub("", text)
