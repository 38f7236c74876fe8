"""What holds for the rows of every data file: sources, forms of values, nothing twice."""

from collections.abc import Iterator

import msgspec

from envkit.data.checking.forms import date_fault, form_problems
from envkit.data.checking.report import Problem
from envkit.data.compiled import Document
from envkit.data.faults import Path
from envkit.data.overlay import row_key
from envkit.model.provenance import Source

_ORDERED = ("steps", "program", "lines")  # what may well say a thing twice


def row_problems(document: Document, *, today: str | None) -> Iterator[Problem]:
    """Say what is wrong with rows, whatever the document is; with `today`, no source was read after it."""
    for path, row in walk_rows(document):
        yield from form_problems(row, path)
        yield from _source_problems(document, row, path)
        yield from _twice(row, path)
        if isinstance(row, Source):
            yield from _reading_problems(row, path, today)


def walk_rows(value: object, path: Path = ()) -> Iterator[tuple[Path, msgspec.Struct]]:
    """Return every struct within a value with its path, the value itself first."""
    match value:
        case msgspec.Struct():
            yield path, value
            for field in value.__struct_fields__:
                yield from walk_rows(getattr(value, field), (*path, field))
        case tuple():
            for place, item in enumerate(value):
                yield from walk_rows(item, (*path, place))
        case dict():
            for key, item in value.items():
                yield from walk_rows(item, (*path, key))
        case _:
            return


def _source_problems(document: Document, row: msgspec.Struct, path: Path) -> Iterator[Problem]:
    key = getattr(row, "source", None)
    if isinstance(key, str) and key not in document.sources:
        yield Problem((*path, "source"), "source", f"no entry of `sources` has this name, found {key!r} in")


def _reading_problems(row: Source, path: Path, today: str | None) -> Iterator[Problem]:
    if not row.text.strip():
        yield Problem((*path, "text"), "source", "a source says nothing in")
    if today is not None and date_fault(row.retrieved) is None and row.retrieved > today:
        yield Problem((*path, "retrieved"), "date", f"read after today, {today}, found {row.retrieved!r} in")


def _twice(row: msgspec.Struct, path: Path) -> Iterator[Problem]:
    for field in row.__struct_fields__:
        value = getattr(row, field)
        if isinstance(value, tuple) and field not in _ORDERED:
            yield from _repeated(value, (*path, field))


def _repeated(items: tuple[object, ...], path: Path) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for place, item in enumerate(items):
        struct = type(item) if isinstance(item, msgspec.Struct) else None
        key = row_key(msgspec.to_builtins(item), struct)
        if key in seen:
            what = f"the same row as {seen[key]} again" if struct else f"{item!r} is there twice"
            yield Problem((*path, place), "duplicate", f"{what} in")
        seen.setdefault(key, place)
