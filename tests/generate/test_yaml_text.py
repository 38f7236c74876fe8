"""YAML that two versions of the language read the same, and as it was meant."""

import pytest
import yaml
from hypothesis import given, strategies

from envkit.errors import DataError, UnsafeTextError
from envkit.generate.yaml_text import YamlValue, yaml_text
from envkit.model.text import unsafe_character

TEXTS = strategies.text(strategies.characters(exclude_categories=["Cs"]), max_size=30).filter(
    lambda text: unsafe_character(text, multiline=True) is None
)
KEYS = TEXTS.filter(lambda text: unsafe_character(text) is None)
# What is taken for something else where it is not quoted.
TRICKS = (
    *("on", "no", "off", "y", "N", "yes", "true", "NULL", "~", "null", "1", "1.0", "1e3", "0x1F", "0o7", "1_000", ".5"),
    *("12:30:00", "2026-11-22", ".inf", ".nan", "<<", "=", "-", "?", ":", "#", "&", "*", "!", "|", ">", "%", "@", "`"),
    *("{{ }}", "[]", "{}", "---", "...", "a:", "a: b", "a :b", "a: ", "/", "./", "/:", "a, b"),
)
SENTENCES = (
    "",
    " ",
    " leading",
    "trailing ",
    "key: value",
    "colon:",
    "a #comment",
    "- item",
    "&anchor x",
    "*alias",
    "!!python/object/apply:os.system [id]",
    "'single' \"double\" \\back",
    "${{ github.token }}",
    "tab\tinside",
    "two\nlines",
    "two\nlines\n",
    "three\n\nlines\n\n",
    "\nfirst empty",
    "  indented\nfirst",
    "blanks\n   \nbetween",
    "a: b:",
    "---\ndocument: end\n...\n",
    "x\n- y: z\n",
    "bom\ufeff",
    "caf\u00e9 \u4e2d\u6587 \U0001f600",
)


@pytest.mark.parametrize("text", [*TRICKS, *SENTENCES])
def test_text_is_read_back_as_the_same_text(text: str) -> None:
    value: dict[str, YamlValue] = {"k": text, "list": [text, {"deep": text}]}
    assert yaml.safe_load(yaml_text(value)) == value


@pytest.mark.parametrize("key", [text for text in (*TRICKS, *SENTENCES) if unsafe_character(text) is None])
def test_keys_are_read_back_as_the_same_text(key: str) -> None:
    assert yaml.safe_load(yaml_text({key: [{key: 1}]})) == {key: [{key: 1}]}


@given(
    strategies.recursive(
        strategies.none() | strategies.booleans() | strategies.integers() | TEXTS,
        lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(KEYS, inner, max_size=4),
        max_leaves=12,
    )
)
def test_any_value_is_read_back_as_itself(value: YamlValue) -> None:
    assert yaml.safe_load(yaml_text({"value": value})) == {"value": value}


def test_block_style_keeps_the_order_and_quotes_only_where_needed() -> None:
    value: dict[str, YamlValue] = {
        "name": "demo",
        "image": "registry.example.com:5000/a/b:1.0",
        "version": "1.10",
        "command": ["sh", "-c", "echo hello\nexit 0\n"],
        "items": [{"name": "a", "ports": [80, 443]}, ["nested"], {}],
        "empty": [],
        "nothing": None,
    }
    assert yaml_text(value) == (
        "name: demo\n"
        "image: registry.example.com:5000/a/b:1.0\n"
        'version: "1.10"\n'
        "command:\n"
        "  - sh\n"
        '  - "-c"\n'
        "  - |\n"
        "    echo hello\n"
        "    exit 0\n"
        "items:\n"
        "  - name: a\n"
        "    ports:\n"
        "      - 80\n"
        "      - 443\n"
        "  - - nested\n"
        "  - {}\n"
        "empty: []\n"
        "nothing: null\n"
    )


def test_a_document_may_be_empty_or_a_list() -> None:
    assert (yaml_text({}), yaml_text([]), yaml_text(["a"])) == ("{}\n", "[]\n", "- a\n")


@pytest.mark.parametrize("text", ["nul\x00", "escape\x1b[31m", "next line\x85", "override\u202e", "return\r"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(UnsafeTextError):
        yaml_text({"k": text})
    with pytest.raises(UnsafeTextError):
        yaml_text({text: "v"})


def test_a_key_that_readers_would_not_find_is_refused() -> None:
    with pytest.raises(DataError, match="at most 500 characters"):
        yaml_text({"k" * 501: 1})
