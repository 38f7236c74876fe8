"""Addresses of indexes and proxies as they may be shown."""

import re

from envkit.model.sources import PackageSources

# Everything between the scheme and the last `@` before the path: `https://user:token@host/simple`.
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")


def display_url(text: str) -> str:
    """Return a URL, or a text that holds URLs, without the names and passwords in them."""
    return _CREDENTIALS.sub("", text)


def restore_credentials(url: str, sources: PackageSources) -> str:
    """Return the configured URL that is shown as `url`, with its credentials; `url` itself where there is none."""
    configured = (*((sources.index,) if sources.index else ()), *sources.extra_indexes, *sources.named_indexes.values())
    shown = url.rstrip("/")
    same = (setting.value for setting in configured if display_url(setting.value).rstrip("/") == shown)
    return next(same, url)
