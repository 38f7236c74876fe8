"""Host facts that can be shown to others."""

import hashlib
import re

import msgspec

from envkit.model.host import HostFacts

_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_HOME = re.compile(r"/(?:home|Users|export/home)/[^/\s:`'\"]+|/root(?=/|$)")
_REMOTE = re.compile(r"\b(?P<scheme>tcp|ssh|http|https)://(?:[^@/\s]*@)?[^:/\s]+")


def redact(facts: HostFacts) -> HostFacts:
    """Return the facts without what names a person, a machine or one device: homes, remote hosts, UUIDs (hashed)."""
    return msgspec.convert(_redacted(msgspec.to_builtins(facts)), HostFacts)


def _redacted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    hashed = _UUID.sub(lambda match: hashlib.sha256(match[0].lower().encode()).hexdigest()[:12], text)
    return _REMOTE.sub(r"\g<scheme>://host", _HOME.sub("~", hashed))
