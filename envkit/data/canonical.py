"""The one spelling of a data file: what is decoded and written back gives the same bytes."""

import json
import re

import msgspec

from envkit.data.compiled import Document

_WIDTH = 120
# Words that stay a string without quotes in every version of YAML. Whatever begins like a number is quoted.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./+-]*( [A-Za-z0-9_./+-]+)*")
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_Json = None | bool | int | float | str | list["_Json"] | dict[str, "_Json"]


def canonical_document(document: Document, heading: str = "") -> str:
    """Write a data file: fields in the order of their struct, a row on one line where it fits, `heading` above.

    `heading` is the block of comment lines that the file begins with.
    """
    # msgspec leaves out a default by identity: a decoded `high` is the default, one made elsewhere may not be.
    settled = msgspec.json.decode(msgspec.json.encode(document), type=type(document))
    fields: dict[str, _Json] = msgspec.json.decode(msgspec.json.encode(settled))
    return heading + "".join(_field(name, value, 0) for name, value in fields.items())


def canonical_fields(fields: dict[str, object], expected: type[msgspec.Struct], heading: str = "") -> str:
    """Write some fields of a struct, which they have to fit, as `canonical_document` does; others go first."""
    known = {field.encode_name: field.type for field in msgspec.structs.fields(expected)}
    parts = [_field(name, value, 0) for name, value in _plain(fields).items() if name not in known]
    for name, hint in known.items():
        if name in fields:
            settled = msgspec.json.encode(msgspec.convert(fields[name], hint))
            parts.append(_field(name, msgspec.json.decode(settled), 0))
    return heading + "".join(parts)


def _plain(fields: dict[str, object]) -> dict[str, _Json]:
    plain: dict[str, _Json] = msgspec.json.decode(msgspec.json.encode(fields))
    return plain


def yaml_text(value: msgspec.Struct) -> str:
    """Write any struct as YAML in the spelling of the data files."""
    fields: dict[str, _Json] = msgspec.json.decode(msgspec.json.encode(value))
    return "".join(_field(name, item, 0) for name, item in fields.items())


def heading_of(text: str) -> str:
    """Return the comment lines that a data file begins with; comments elsewhere are not kept."""
    lines = text.splitlines(keepends=True)
    count = next((index for index, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join(lines[:count])


def _field(name: str, value: _Json, indent: int) -> str:
    margin = " " * indent
    key = f"{margin}{_scalar(name)}:"
    if isinstance(value, str) and "\n" in value:
        return f"{key} |\n" + "".join(f"{margin}  {line}".rstrip() + "\n" for line in value.splitlines())
    line = f"{key} {_flow(value)}\n"
    rows = isinstance(value, list) and any(isinstance(item, dict) for item in value)
    # At the top every mapping and every list of rows is a block, so that one row is one line of a diff.
    if not value or (len(line) <= _WIDTH + 1 and not rows and (indent or not isinstance(value, dict))):
        return line
    match value:
        case dict():
            return f"{key}\n" + "".join(_field(inner, item, indent + 2) for inner, item in value.items())
        case list():
            return f"{key}\n" + "".join(_item(item, indent + 2) for item in value)
        case _:
            return line


def _item(value: _Json, indent: int) -> str:
    margin = " " * indent
    line = f"{margin}- {_flow(value)}\n"
    if len(line) <= _WIDTH + 1 or not isinstance(value, dict):
        return line
    block = "".join(_field(name, item, indent + 2) for name, item in value.items())
    return f"{margin}- {block[indent + 2 :]}"


def _flow(value: _Json) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{_scalar(name)}: {_flow(item)}" for name, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(_flow(item) for item in value) + "]"
        case str():
            return _scalar(value)
        case _:
            return json.dumps(value)


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return json.dumps(text, ensure_ascii=False)
