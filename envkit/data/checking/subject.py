"""A data file as the rules see it: its document as far as it decodes, and where each part was written."""

import re
from typing import NamedTuple

import msgspec

from envkit.data.assembly import Positions
from envkit.data.canonical import canonical_document, canonical_fields, heading_of
from envkit.data.checking.report import DataFault, Problem
from envkit.data.compiled import TYPES, Document
from envkit.data.documents import find_unsafe, load_document, load_positions, position_of
from envkit.data.faults import Path, find_misfits, find_unknown_keys, path_text
from envkit.data.overlay import (
    REPLACE,
    Fields,
    Merged,
    merge_fields,
    overlay_fields,
    read_data_file,
    read_text,
    without_replace,
)
from envkit.data.places import MERGED, DataFile, overlay_directory
from envkit.errors import DataError

_PLACE = re.compile(r"(?P<problem>.*?): (?P<file>.*?)(?::(?P<line>\d+))?(?::(?P<column>\d+))?", re.DOTALL)


class Text(NamedTuple):
    """One file, parsed."""

    path: str
    text: str
    positions: Positions

    def fault(self, problem: Problem) -> DataFault:
        """Return a problem with its line and column."""
        line, column = position_of(problem.path, self.positions)
        return DataFault(
            file=self.path,
            line=line,
            column=column,
            path=path_text(problem.path),
            rule=problem.rule,
            problem=problem.text,
        )


class Subject(NamedTuple):
    """One document to check; `document` is None where its text does not decode."""

    file: DataFile
    faults: tuple[DataFault, ...]
    document: Document | None = None
    texts: tuple[Text, ...] = ()
    merged: Merged | None = None

    def fault(self, problem: Problem) -> DataFault:
        """Return a problem of the document with the place at which the part was written."""
        if self.merged is None:
            return self.texts[-1].fault(problem)
        origin = self.merged.origin(problem.path)
        return self.texts[1 if origin.overlay else 0].fault(problem._replace(path=origin.path))


def read_subject(file: DataFile) -> Subject:
    """Read a data file, with all that is wrong with its text and types."""
    if file.overlay is None:
        is_overlay = file.kind in MERGED and _in_overlay(file)
        return _one_file(file, file.path, is_overlay=is_overlay)
    over = _one_file(file, file.overlay, is_overlay=True, partial=True)
    if over.document is not None or not over.texts:  # it stands alone, or cannot be read
        return over
    base = _one_file(file, file.path, is_overlay=False)
    if base.document is None or any(fault.rule in _BLOCKING for fault in over.faults):
        return Subject(file, (*base.faults, *over.faults), base.document, base.texts)
    kind = TYPES[file.kind]
    fields = without_replace(overlay_fields(over.texts[0].text, file.overlay))
    merged = merge_fields(_fields(base.texts[0]), fields, kind)
    document = read_data_file(file, kind).document
    return Subject(file, (*base.faults, *over.faults), document, (*base.texts, *over.texts), merged)


_BLOCKING = ("syntax", "text", "unknown-key", "type")


def _in_overlay(file: DataFile) -> bool:
    from pathlib import Path as FilePath

    return FilePath(file.path).resolve().is_relative_to(overlay_directory().resolve())


def _fields(text: Text) -> Fields:
    value = load_document(text.text, text.path)
    return value if isinstance(value, dict) else {}


def _one_file(file: DataFile, path: str, *, is_overlay: bool, partial: bool = False) -> Subject:
    try:
        content = read_text(path)
        value: object = overlay_fields(content, path) if is_overlay else load_document(content, path)
        text = Text(path, content, load_positions(content, path))
    except DataError as error:
        return Subject(file, (_syntax_fault(error, path),))
    kind = TYPES[file.kind]
    alone = not partial or (isinstance(value, dict) and value.get(REPLACE, False) is True)
    own = without_replace(value) if is_overlay and isinstance(value, dict) else value
    faults = _type_faults(text, own, kind, partial=not alone)
    if faults:
        return Subject(file, faults, None, (text,))
    try:
        document = msgspec.convert(own, kind) if alone else None
    except msgspec.ValidationError as error:
        return Subject(file, (text.fault(Problem((), "type", str(error))),), None, (text,))
    canonical = _canonical(text, value, kind, document, is_overlay=is_overlay)
    return Subject(file, _spelling(text, canonical), document, (text,))


def canonical_text(subject: Subject, text: Text) -> str:
    """Return the canonical spelling of one of a subject's files, of which the types are right."""
    overlaid = text.path != subject.file.path or (subject.file.kind in MERGED and _in_overlay(subject.file))
    value = load_document(text.text, text.path)
    document = None if overlaid else subject.document
    return _canonical(text, value, TYPES[subject.file.kind], document, is_overlay=overlaid)


def _canonical(text: Text, value: object, kind: type[Document], document: Document | None, *, is_overlay: bool) -> str:
    heading = heading_of(text.text)
    if is_overlay or document is None:
        return canonical_fields(value if isinstance(value, dict) else {}, kind, heading)
    return canonical_document(document, heading)


def _type_faults(text: Text, value: object, kind: type[Document], *, partial: bool) -> tuple[DataFault, ...]:
    unknown = [
        Problem(
            fault.path, "unknown-key", f"unknown key{f', did you mean `{fault.similar}`?' if fault.similar else ''}"
        )
        for fault in find_unknown_keys(value, kind)
    ]
    misfits = [Problem(fault.path, "type", fault.problem) for fault in find_misfits(value, kind, partial=partial)]
    unsafe = [
        Problem(path, "text", f"{character} is not allowed in text, found in") for path, character in find_unsafe(value)
    ]
    return tuple(text.fault(problem) for problem in (*unsafe, *unknown, *misfits))


def _spelling(text: Text, canonical: str) -> tuple[DataFault, ...]:
    if text.text == canonical:
        return ()
    pairs = zip(text.text.splitlines(), canonical.splitlines(), strict=False)
    line = next((number for number, (seen, wanted) in enumerate(pairs, 1) if seen != wanted), 0)
    wanted = canonical.splitlines()[line - 1] if line else ""
    told = f", the line should be: {wanted.strip()[:120]}" if line else ", lines are missing or too many at the end"
    line = line or min(len(text.text.splitlines()), len(canonical.splitlines()))
    path = _path_at(text.positions, line)
    return (
        DataFault(
            file=text.path,
            line=line,
            column=1,
            path=path_text(path),
            rule="canonical",
            problem=f"not in canonical form{told}; in",
        ),
    )


def _path_at(positions: Positions, line: int) -> Path:
    """Return what stands at a line, or last before it."""
    before = [(place, path) for path, place in positions.items() if place[0] <= line]
    return max(before, default=((1, 1), ()))[1] if before else ()


def _syntax_fault(error: DataError, path: str) -> DataFault:
    """Return the fault of a file that could not be parsed: the message ends in its place."""
    found = _PLACE.fullmatch(error.message)
    line, column = (int(found["line"] or 1), int(found["column"] or 1)) if found else (1, 1)
    problem = found["problem"] if found else error.message
    return DataFault(file=path, line=line, column=column, path="$", rule="syntax", problem=f"{problem}; in")
