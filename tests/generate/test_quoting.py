import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.errors import DataError, UnsafeTextError
from envkit.generate.quoting import exec_form, image_reference, module_name, public_url, quoted
from envkit.model.resolution import Base

DIGEST = "sha256:" + "0" * 64
CONTROLS = ["\n", "\r", "\0", "\x1b", "\x85", "\u2028", "\u202e", "\u2066"]
HOSTILE = [
    "x\nFROM evil AS build",
    "x\rRUN evil",
    "x\0",
    "x\u202e",
    "`id`",
    "$(id)",
    "${PATH}",
    'a"b',
    "a\\",
    "<<EOF",
    "# escape=`",
    "x" * 10000,
]


def unquote(text: str) -> str:
    """Read a quoted value as BuildKit does: a backslash keeps the character after it."""
    assert text[0] == text[-1] == '"'
    characters = iter(text[1:-1])
    read = ""
    for character in characters:
        assert character not in '"$', "ends the value or is replaced by a variable"
        read += next(characters) if character == "\\" else character
    return read


@given(st.text(st.characters(blacklist_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_quoted_value_is_read_back_as_it_was(text: str) -> None:
    assert unquote(quoted(text)) == text


@given(st.lists(st.text(st.characters(blacklist_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]))))
def test_command_is_read_back_as_it_was_and_stays_on_its_line(argv: list[str]) -> None:
    assert json.loads(exec_form(argv)) == argv
    assert "\n" not in exec_form(argv)


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_control_characters_are_refused(control: str) -> None:
    with pytest.raises(UnsafeTextError, match=f"U\\+{ord(control):04X}"):
        quoted(f"a{control}b")
    with pytest.raises(UnsafeTextError):
        exec_form(("echo", f"a{control}b"))


@pytest.mark.parametrize(
    ("image", "digest", "reference"),
    [
        ("python:3.12-slim-bookworm", DIGEST, f"python:3.12-slim-bookworm@{DIGEST}"),
        ("python:3.12-slim-bookworm", None, "python:3.12-slim-bookworm"),
        ("registry.example.com:5000/hub/python:3.12", DIGEST, f"registry.example.com:5000/hub/python:3.12@{DIGEST}"),
        (f"127.0.0.1:5000/a/b@{DIGEST}", "sha256:" + "9" * 64, f"127.0.0.1:5000/a/b@{DIGEST}"),
    ],
)
def test_image_is_taken_by_digest_where_that_is_known(image: str, digest: str | None, reference: str) -> None:
    assert image_reference(Base(image=image, os="debian-12", digest=digest)) == reference


@pytest.mark.parametrize("image", [*HOSTILE, *(f"python:3{text}" for text in HOSTILE), "build", "Python:3", "a b:1"])
def test_what_is_no_image_is_refused(image: str) -> None:
    with pytest.raises(DataError):
        image_reference(Base(image=image, os="debian-12"))


@pytest.mark.parametrize("digest", ["sha256:12", f"{DIGEST} AS build", f"{DIGEST}\n", ""])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(DataError):
        image_reference(Base(image="python:3.12", os="debian-12", digest=digest))


@pytest.mark.parametrize("name", [*HOSTILE, "", "a.", ".a", "1a", "a-b", "a b"])
def test_what_is_no_module_is_refused(name: str) -> None:
    assert module_name("torch.nn._x1") == "torch.nn._x1"
    with pytest.raises(DataError):
        module_name(name)


@pytest.mark.parametrize(
    "url",
    [
        *HOSTILE,
        "https://user:word@example.com/simple",
        "file:///wheels",
        "https://",
        "https://example.com/a --index-url",
        "https://example.com/\n[install]",
    ],
)
def test_what_is_no_public_address_is_refused(url: str) -> None:
    assert public_url("https://download.pytorch.org/whl/cu128") == "https://download.pytorch.org/whl/cu128"
    with pytest.raises(DataError):
        public_url(url)


def test_refusal_shows_long_and_unprintable_values_in_a_safe_form() -> None:
    with pytest.raises(DataError) as refusal:
        module_name("\x1b[31m" + "x" * 1000)
    assert "\x1b" not in refusal.value.message
    assert len(refusal.value.message) < 200
