import pytest

from envkit.errors import ExitStatus, UnsafeTextError
from envkit.model.text import check_text, unsafe_character


@pytest.mark.parametrize("text", ["", "NVIDIA H100", "Ärger 昇腾 🚀", "a\u00a0b", "a\u200bb", "\\n"])
def test_words_of_any_language_pass(text: str) -> None:
    assert unsafe_character(text) is None
    assert check_text(text, "name") == text


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("a\nFROM x", "U+000A"),
        ("a\rb", "U+000D"),
        ("a\tb", "U+0009"),
        ("\0", "U+0000"),
        ("\x1b[2J", "U+001B"),
        ("\x7f", "U+007F"),
        ("\x9b", "U+009B"),
        ("a\u202eb", "U+202E"),
        ("a\u2069b", "U+2069"),
        ("\u200f", "U+200F"),
        ("a\u2028b", "U+2028"),
        ("\udc80", "U+DC80"),
    ],
)
def test_controls_and_bidi_characters_are_refused_by_name(text: str, character: str) -> None:
    assert unsafe_character(text) == character
    with pytest.raises(UnsafeTextError) as caught:
        check_text(text, "the name of the device")
    assert caught.value.message == f"the name of the device holds a character that is not allowed there: {character}"
    assert caught.value.status == ExitStatus.BAD_DATA


def test_lines_pass_only_where_they_are_allowed() -> None:
    assert check_text("a\n\tb", "output", multiline=True) == "a\n\tb"
    assert unsafe_character("a\r\n", multiline=True) == "U+000D"
