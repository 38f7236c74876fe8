"""What differs between two states of a data file, row by row."""

from collections.abc import Iterator
from itertools import starmap

import msgspec

from envkit.data.compiled import Document
from envkit.data.overlay import row_key, row_type
from envkit.model.value import Value, to_line

_LONGEST = 80  # characters of a value in a sentence


class RowChange(Value):
    """One difference between two states of a document."""

    table: str  # releases
    row: str  # the row's key in words; empty where the table is no table
    text: str


def row_changes(old: Document, new: Document) -> tuple[RowChange, ...]:
    """Return what differs between two states of the same document, in the order of its fields."""
    return tuple(
        change
        for field in msgspec.structs.fields(type(new))
        for change in _field_changes(field, getattr(old, field.name), getattr(new, field.name))
    )


def _field_changes(field: msgspec.structs.FieldInfo, old: object, new: object) -> Iterator[RowChange]:
    if old == new:
        return
    kind = row_type(field.type)
    if kind is not None and isinstance(old, tuple) and isinstance(new, tuple):
        yield from _table_changes(field.name, kind, old, new)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in old | new:
            if old.get(key) != new.get(key):
                yield RowChange(table=field.name, row=str(key), text=_change(old.get(key), new.get(key)))
    else:
        yield RowChange(table=field.name, row="", text=_change(old, new))


def _table_changes(
    table: str, kind: type[msgspec.Struct], old: tuple[msgspec.Struct, ...], new: tuple[msgspec.Struct, ...]
) -> Iterator[RowChange]:
    before, after = ({row_key(msgspec.to_builtins(row), kind): row for row in rows} for rows in (old, new))
    for key, row in after.items():
        if key not in before:
            yield RowChange(table=table, row=_words(key), text="added")
        elif before[key] != row:
            yield RowChange(table=table, row=_words(key), text="; ".join(_row_changes(before[key], row)))
    for key in before:
        if key not in after:
            yield RowChange(table=table, row=_words(key), text="removed")


def _row_changes(old: msgspec.Struct, new: msgspec.Struct) -> Iterator[str]:
    for name in new.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{name} {_change(before, after)}"


def _change(old: object, new: object) -> str:
    if isinstance(old, tuple) and isinstance(new, tuple):
        gained = [_short(item) for item in new if item not in old]
        lost = [_short(item) for item in old if item not in new]
        return ", ".join([*(f"{item} added" for item in gained), *(f"{item} removed" for item in lost)]) or "reordered"
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = ((key, old.get(key), new.get(key)) for key in old | new)
        return ", ".join(starmap(_pair, (pair for pair in pairs if pair[1] != pair[2])))
    return f"{_short(old)} → {_short(new)}"


def _pair(key: str, old: object, new: object) -> str:
    return f"{key} {_short(old)} → {_short(new)}"


def _short(value: object) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else to_line(value).strip('"')
    first = text.strip().partition("\n")[0]
    return text if text == first and len(text) <= _LONGEST else f"{first[:_LONGEST]}…"


def _words(key: str) -> str:
    """Return a key, which is JSON, as words."""
    value = msgspec.json.decode(key)
    parts = value if isinstance(value, list) else [value]
    return " ".join(" ".join(map(str, part)) if isinstance(part, list) else _short(part) for part in parts if part)
