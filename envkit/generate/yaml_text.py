"""YAML for files of other tools: block style, keys in the order given, and nothing that a reader could misread."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from envkit.errors import DataError
from envkit.model.text import check_text

# What every version of YAML reads as a string without quotes: words, paths, references of images.
_PLAIN = re.compile(r"(?:[A-Za-z]|\.?/)[A-Za-z0-9_./+@:=,-]*(?<!:)(?: [A-Za-z0-9_./+@:=,-]+(?<!:))*")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
# Readers of YAML 1.1 take U+0085 and U+2028 for ends of lines and refuse other controls; the border refuses them all
# but tabs. These are left: https://yaml.org/spec/1.2.2/#character-set
_UNPRINTABLE = re.compile("[\ufeff\ufffe\uffff]")
# What only double quotes can hold.
_ESCAPED = re.compile("['\\t\\n\\ufeff\\ufffe\\uffff]")
_LONGEST_KEY = 500  # characters; readers look for the `:` of a key within 1024
_Scalar = str | int | float | bool | None
YamlValue = _Scalar | Mapping[str, "YamlValue"] | Sequence["YamlValue"]


def yaml_text(value: Mapping[str, YamlValue] | Sequence[YamlValue]) -> str:
    """Write a mapping or list as one YAML document, with a final newline.

    Text with lines becomes a literal block where that is exact, other text is quoted unless it is a plain word. Raises
    `UnsafeTextError` for control and bidirectional characters, `DataError` for a key too long to be one.
    """
    return "".join(f"{line}\n" for line in _block(value)) if value else f"{_empty(value)}\n"


def _block(value: YamlValue) -> Iterator[str]:
    """Yield the lines of a mapping or list that holds something."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(f"{_key(key)}:", item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _item(item)


def _entry(start: str, item: YamlValue) -> Iterator[str]:
    if not _is_block(item):
        first, *rest = _scalar(item)
        yield f"{start} {first}"
        yield from rest
        return
    yield start
    yield from _indented(_block(item))


def _item(item: YamlValue) -> Iterator[str]:
    if not _is_block(item):
        first, *rest = _scalar(item)
        yield f"- {first}"
        yield from rest
        return
    lines = _block(item)
    yield f"- {next(lines)}"
    yield from _indented(lines)


def _is_block(value: YamlValue) -> bool:
    return isinstance(value, (Mapping, Sequence)) and not isinstance(value, str) and bool(value)


def _indented(lines: Iterator[str]) -> Iterator[str]:
    # An empty line belongs to a literal block, which ignores how far it is indented.
    return (f"  {line}" if line else line for line in lines)


def _scalar(value: YamlValue) -> list[str]:
    if isinstance(value, str):
        return _text(check_text(value, "a value for a YAML file", multiline=True))
    if isinstance(value, (Mapping, Sequence)):
        return [_empty(value)]
    return [json.dumps(value, allow_nan=False)]


def _empty(value: Mapping[str, YamlValue] | Sequence[YamlValue]) -> str:
    return "{}" if isinstance(value, Mapping) else "[]"


def _text(text: str) -> list[str]:
    lines = text.split("\n")
    body = lines[:-1] if lines[-1] == "" else lines
    # A block that began with a space would need its indentation told, and one that ends in empty lines other rules.
    exact = body[-1:] != [""] and not body[0][:1].isspace() if body and body[0] else False
    if len(lines) > 1 and exact and not any(_is_awkward(line) for line in body):
        return ["|" if lines[-1] == "" else "|-", *(f"  {line}" if line else line for line in body)]
    return [_flow(text)]


def _is_awkward(line: str) -> bool:
    return (bool(line) and line.isspace()) or "\t" in line or _UNPRINTABLE.search(line) is not None


def _key(key: str) -> str:
    if len(key) > _LONGEST_KEY:
        message = f"a key of a YAML file has at most {_LONGEST_KEY} characters: {key[:40]}…"
        raise DataError(message)
    return _flow(check_text(key, "a key for a YAML file"))


def _flow(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    if ('"' in text or "\\" in text) and not _ESCAPED.search(text):
        return f"'{text}'"
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)
