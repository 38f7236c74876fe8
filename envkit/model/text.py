"""Text that comes from outside: which characters may pass the border."""

import re

from envkit.errors import UnsafeTextError

# C0 and C1 controls, line and paragraph separators, bidirectional marks, embeddings, overrides and isolates, and halves
# of surrogate pairs: https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def unsafe_character(text: str, *, multiline: bool = False) -> str | None:
    """Return the first character that must not pass, as `U+000A`, or None; `multiline` lets tab and line feed pass."""
    found = (_UNSAFE_IN_LINES if multiline else _UNSAFE).search(text)
    return None if found is None else f"U+{ord(found.group()):04X}"


def check_text(text: str, place: str, *, multiline: bool = False) -> str:
    """Return `text` unchanged; raises `UnsafeTextError`, naming `place`, when it holds a control or bidi character."""
    character = unsafe_character(text, multiline=multiline)
    if character is not None:
        message = f"{place} holds a character that is not allowed there: {character}"
        raise UnsafeTextError(message)
    return text


def strip_controls(text: str) -> str:
    """Return `text` with every character that could act on a terminal or page written as its code point."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
