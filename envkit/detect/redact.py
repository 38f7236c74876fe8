"""Host facts and recordings that can be shown to others."""

import re
from enum import StrEnum
from typing import TypeVar, cast

import msgspec

from envkit.detect.decoding import decode_json
from envkit.system.host import Host

_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_MAC = re.compile(r"(?<![0-9a-fA-F:])[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}(?![0-9a-fA-F:])")
_HOME = re.compile(r"/(?P<root>home|Users|export/home)/[^/\s:`'\"]+")
_REMOTE = re.compile(r"\b(?P<scheme>tcp|ssh)://(?:[^@/\s]*@)?[^:/\s\"]+")
_SIGNED_IN = re.compile(r"\b(?P<scheme>https?)://[^@/\s]*@")
# A number beside its name, as `-q` of tools and XML print it: the number goes, the name stays.
_SERIAL = re.compile(
    r"(?P<name>(?:serial(?:[ _]?(?:number|no))?|unique[ _]?id|asset[ _]?tag)\"?\s*[:=>|]\s*\"?)"
    r"(?P<number>[\w.-]*\d[\w.-]*)",
    re.IGNORECASE,
)
# What an engine says about its owner and its network, which no fact is made of.
_PRIVATE_KEYS = frozenset(
    {"HttpProxy", "HttpsProxy", "NoProxy", "ID", "Labels", "Name", "RegistryConfig", "Swarm", "hostname", "registries"}
)
# Steps are envkit's own words: what looks like a home in them is one that they make.
_OWN_WORDS = frozenset({"remedy"})
_SHORTEST_NAME = 3  # shorter ones are parts of too many words
_NO_NAMES = ("root", "localhost")
Shown = TypeVar("Shown")


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What names the person and the machine: it is replaced wherever it stands as a word of its own."""

    home: str | None = None
    user: str | None = None
    host: str | None = None


_NOBODY = Names()


def names_of(host: Host) -> Names:
    """Return the names of a machine and its user."""
    user = host.variable("USER") or host.variable("LOGNAME")
    machine = (host.read("/proc/sys/kernel/hostname").text or "").strip()
    return Names(home=host.variable("HOME"), user=_telling(user), host=_telling(machine))


def redact(value: Shown, names: Names = _NOBODY) -> Shown:
    """Return facts or a recording without serials, user and host names, homes and networks; UUIDs become a hash.

    The same text is replaced by the same everywhere, in what was asked as in what was answered, so that a recording
    gives the same facts before and after.
    """
    return cast("Shown", _redacted(value, names))


def _telling(name: str | None) -> str | None:
    return None if name is None or len(name) < _SHORTEST_NAME or name in _NO_NAMES else name


def _redacted(value: object, names: Names) -> object:
    """Return a value with all texts in it replaced; it is walked as it is, which costs less than encoding it."""
    match value:
        case msgspec.Struct():
            fields = (field for field in value.__struct_fields__ if field not in _OWN_WORDS)
            told = {field: _redacted(getattr(value, field), names) for field in fields}
            return msgspec.structs.replace(value, **told)
        case dict():
            return {_text(key, names, own=True): _redacted(item, names) for key, item in value.items()}
        case tuple() | list():
            return type(value)(_redacted(item, names) for item in value)
        case str() if not isinstance(value, StrEnum):
            return _answer(value, names)
        case _:
            return value


def _answer(value: str, names: Names) -> str:
    document = decode_json(value, dict[str, object]) if value.startswith("{") else None
    if document is None:
        return _text(value, names)
    kept = {key: item for key, item in document.items() if key not in _PRIVATE_KEYS}
    return _text(msgspec.json.encode(kept).decode() if kept != document else value, names)


def _digest(match: re.Match[str]) -> str:
    # Imported here: it takes 5 ms, and few facts have a UUID in them.
    import hashlib

    return hashlib.sha256(match[0].lower().encode()).hexdigest()[:12]


def _text(text: str, names: Names, *, own: bool = False) -> str:
    """Replace what names somebody; `own`: a question of envkit's, whose UUIDs are those of a standard (EFI's)."""
    if names.home is not None and len(names.home) >= _SHORTEST_NAME and names.home != "/root":
        text = re.sub(rf"{re.escape(names.home)}(?![\w.-])", "/home/user", text)
    text = _HOME.sub(r"/\g<root>/user", text)
    if not own:
        text = _UUID.sub(_digest, text)
    text = _SERIAL.sub(r"\g<name>redacted", _MAC.sub("00:00:00:00:00:00", text))
    text = _SIGNED_IN.sub(r"\g<scheme>://", _REMOTE.sub(r"\g<scheme>://host", text))
    for name, stand_in in ((names.user, "user"), (names.host, "host")):
        if name is not None:
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", stand_in, text)
    return text
