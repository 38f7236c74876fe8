import json

import pytest

from envkit.data import decode_document, load_document
from envkit.errors import DataError, ExitStatus, UnsafeTextError
from envkit.model.host import HostFacts
from envkit.model.recipe import Recipe


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def test_yaml_has_only_the_types_of_json() -> None:
    text = "a: 1\nb: [1.5, -2, true, null, ~, on, yes, 12:30, 0x10, 2026-11-22, 1_000]\non: cpu\n'3': \"4\"\n"
    assert load_document(text, "f.yaml") == {
        "a": 1,
        "b": [1.5, -2, True, None, None, "on", "yes", "12:30", "0x10", "2026-11-22", "1_000"],
        "on": "cpu",
        "3": "4",
    }


def test_json_is_read_as_json() -> None:
    value = {"tab": "a\tb", "pair": "\U0001f600", "slash": "/"}
    text = json.dumps(value, indent="\t").replace("/", "\\/")
    assert load_document(text, "f.json") == value


def test_aliases_repeat_their_anchor() -> None:
    assert load_document("a: &x {k: [1]}\nb: *x\nc: &y 2\nd: *y\n", "f.yaml") == {
        "a": {"k": [1]},
        "b": {"k": [1]},
        "c": 2,
        "d": 2,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key `a` is given twice: f.yaml:3:1"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key `c` is given twice: f.yaml:1:24"),
        ("a: !!python/object/apply:os.system [ls]\n", "f.yaml:1:4"),
        ("a: !local 1\n", "tags are not allowed, found `!local`: f.yaml:1:4"),
        ("a: 1\n---\nb: 2\n", "a second document is not allowed: f.yaml:2:1"),
        ("a: [1, 2\n", "f.yaml:2:1"),
        ("\ta: 1\n", "f.yaml:1:1"),
        ('a: "\0"\n', "U+0000: f.yaml:1"),
        ("b: 1\na: \x01\n", "U+0001: f.yaml:2"),
        ("? [a]\n: b\n", "a key is not plain text: f.yaml:1:3"),
        ("a: *missing\n", "the alias `*missing` has no finished anchor before it: f.yaml:1:4"),
        ("a: &x [*x]\n", "the alias `*x` has no finished anchor before it: f.yaml:1:8"),
        (nested(51), "more than 50 levels: f.yaml:1:51"),
        (nested(100_000), "more than 50 levels: f.yaml:1:51"),
        ("a: &x 1\nb: [" + "*x, " * 101 + "]\n", "more than 100 aliases: f.yaml:2:405"),
        ("a" * (1024 * 1024 + 1), "the file is larger than 1024 KiB: f.yaml"),
        ("é" * (512 * 1024 + 1), "the file is larger than 1024 KiB: f.yaml"),
        ("a: \ud800\n", "the text is not Unicode: f.yaml"),
    ],
)
def test_what_is_not_one_plain_document_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        load_document(text, "f.yaml")
    assert caught.value.message.endswith(message)
    assert caught.value.status == ExitStatus.BAD_DATA


def test_fifty_levels_are_allowed() -> None:
    value = load_document(nested(50), "f.yaml")
    assert json.dumps(value) == nested(50)


def test_aliases_of_aliases_cannot_grow_without_limit() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 10)]
    with pytest.raises(DataError, match=r"aliases repeat more than 10000 values: f\.yaml:5:"):
        load_document("\n".join(lines), "f.yaml")


def test_every_unknown_key_is_reported_with_its_place_and_the_similar_field() -> None:
    text = "format: envkit-host/1\noos: {system: linux}\ncpu:\n  architecture: x86_64\n  modle: Xeon\n  zzz: 1\n"
    with pytest.raises(DataError) as caught:
        decode_document(text, "h.yaml", HostFacts)
    assert caught.value.message == "the file has 3 faults: h.yaml"
    assert caught.value.facts == (
        "unknown key `$.oos` (did you mean `os`?): h.yaml:2:1",
        "unknown key `$.cpu.modle` (did you mean `model`?): h.yaml:5:3",
        "unknown key `$.cpu.zzz`: h.yaml:6:3",
    )


def test_an_unknown_key_in_a_row_and_in_a_mapping_of_structs_is_found() -> None:
    text = "sources: {pypi: {text: x, retreived: '2026-01-01'}}\nreleases: [{version: '1', relased: '2026-01-01'}]\n"
    with pytest.raises(DataError) as caught:
        decode_document(text, "r.yaml", Recipe)
    assert caught.value.facts == (
        "unknown key `$.sources.pypi.retreived` (did you mean `retrieved`?): r.yaml:1:27",
        "unknown key `$.releases[0].relased` (did you mean `released`?): r.yaml:2:27",
    )


def test_a_wrong_type_is_reported_with_path_and_place() -> None:
    text = "format: envkit-host/1\nstacks:\n  - vendor: nvidia\n    driver: 580.1\n"
    with pytest.raises(DataError) as caught:
        decode_document(text, "h.yaml", HostFacts)
    assert caught.value.message == "expected `str | null`, got `float` in `$.stacks[0].driver`: h.yaml:4:5"
    assert caught.value.hints == ("put versions in quotes",)


def test_a_missing_field_and_a_file_of_another_form_are_reported() -> None:
    with pytest.raises(DataError, match=r"missing required field `system` in `\$\.os`: h\.yaml:2:1"):
        decode_document("format: envkit-host/1\nos: {}\n", "h.yaml", HostFacts)
    with pytest.raises(DataError, match="got `array`"):
        decode_document("[]", "h.yaml", HostFacts)
    with pytest.raises(DataError, match="got `null`"):
        decode_document("", "h.yaml", HostFacts)


def test_a_fault_in_json_that_is_not_yaml_is_reported_without_a_line() -> None:
    with pytest.raises(DataError, match=r"expected `int \| null`, got `str` in `\$\.memory_mib`: h\.json$"):
        decode_document('{"format": "envkit-host/1",\n\t"memory_mib": "\\ud83d\\ude00"}', "h.json", HostFacts)


@pytest.mark.parametrize("character", ["\\n", "\\u0085", "\\u001b", "\\u202e", "\\u2066", "\\u2028", "\\ud800"])
def test_control_and_bidi_characters_are_refused(character: str) -> None:
    text = f'{{"format": "envkit-host/1", "devices": [{{"vendor": "nvidia", "name": "A{character}B"}}]}}'
    with pytest.raises(UnsafeTextError, match=r"found in `\$.devices\[0\].name`: h.json"):
        decode_document(text, "h.json", HostFacts)


def test_the_words_of_a_tool_may_have_lines_but_no_escapes() -> None:
    text = '{{"format": "envkit-host/1", "evidence": [{{"fact": "os", "source": "x", "raw": "a\\n\\tb{0}"}}]}}'
    facts = decode_document(text.format(""), "h.json", HostFacts)
    assert facts.evidence[0].raw == "a\n\tb"
    with pytest.raises(UnsafeTextError, match=r"U\+001B"):
        decode_document(text.format("\\u001b"), "h.json", HostFacts)
