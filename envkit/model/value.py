"""The base of every value, and its canonical JSON."""

import threading
from typing import TypeVar, dataclass_transform

import msgspec

ValueType = TypeVar("ValueType", bound="Value")
# msgspec prepares a struct when it first decodes one, and a second thread that comes upon it half prepared crashes the
# interpreter (seen with 0.22): whatever decodes into structs where threads run takes its turn here.
DECODING = threading.RLock()


# Tells the type checker what subclasses inherit at run time from the options below.
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A frozen, keyword-only record; `None` is "not known", an empty tuple is "known to be none"."""


def to_json(value: object, *, indent: int = 2) -> str:
    """Encode a value as JSON with fields in declaration order and a final newline."""
    encoded = msgspec.json.encode(value, order="deterministic")
    return msgspec.json.format(encoded, indent=indent).decode() + "\n"


def to_line(value: object) -> str:
    """Encode a value as one line of JSON, the same bytes for equal values."""
    return msgspec.json.encode(value, order="deterministic").decode()
