"""JSON from tools and files that may be cut, damaged or of another release."""

from typing import TypeVar

import msgspec

from envkit.model.value import DECODING

Decoded = TypeVar("Decoded")


def decode_json(text: str, of: type[Decoded]) -> Decoded | None:
    """Decode a document into a type, or return None when it does not fit; unknown fields are ignored."""
    try:
        with DECODING:
            return msgspec.json.decode(text, type=of)
    except (msgspec.MsgspecError, RecursionError):
        return None
