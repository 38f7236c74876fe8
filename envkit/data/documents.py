"""The one YAML door: strict parsing, and decoding into structs with errors that name file, line and column."""

import json
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from envkit.data.assembly import LIMIT_DEPTH, Assembly, Part, Positions
from envkit.data.faults import WILDCARD, Fault, Path, find_misfits, find_unknown_keys, path_text, split_message
from envkit.errors import DataError, UnsafeTextError
from envkit.model.text import unsafe_character
from envkit.model.value import DECODING

LIMIT_BYTES = 1024 * 1024
# Fields that hold a program, a page or the words of a tool, which have lines.
MULTILINE_FIELDS = frozenset({"page", "program", "raw"})

Decoded = TypeVar("Decoded")


def decode_document(text: str, source: str, expected: type[Decoded]) -> Decoded:
    """Decode YAML or JSON text into a struct; `source` is the name of the file in messages.

    Raises `DataError` with every unknown key and its similar name, or with msgspec's first complaint, each with line
    and column; raises `UnsafeTextError` for control and bidirectional characters.
    """
    return decode_value(load_document(text, source), text, source, expected)


def decode_value(value: object, text: str, source: str, expected: type[Decoded]) -> Decoded:
    """Decode what `load_document` made of a text; raises as `decode_document` does."""
    _check_strings(value, source)
    try:
        with DECODING:
            return msgspec.convert(value, expected)
    except msgspec.ValidationError as error:
        faults = find_unknown_keys(value, expected) or find_misfits(value, expected) or (split_message(str(error)),)
        raise decoding_error(faults, text, source) from error


def check_fields(value: dict[str, object], text: str, source: str, expected: type[msgspec.Struct]) -> None:
    """Check some fields of a struct, of which any may be missing; raises as `decode_document` does."""
    _check_strings(value, source)
    faults = find_unknown_keys(value, expected) or find_misfits(value, expected, partial=True)
    if faults:
        raise decoding_error(faults, text, source)


def load_positions(text: str, source: str) -> Positions:
    """Return where each key and item of a text stands; raises `DataError` for what is not YAML."""
    return _load_yaml(text, source).positions


def load_document(text: str, source: str) -> object:
    """Parse YAML or JSON text into dict, list, str, int, float, bool and None.

    Raises `DataError` for anything that is not one plain document: a syntax error, a tag, a duplicate key, more than a
    mebibyte, 50 levels or 100 aliases.
    """
    if len(text) > LIMIT_BYTES or len(text.encode(errors="replace")) > LIMIT_BYTES:
        message = f"the file is larger than {LIMIT_BYTES // 1024} KiB: {source}"
        raise DataError(message)
    if text.lstrip()[:1] in {"{", "["}:
        try:
            return _load_json(text)
        except (ValueError, RecursionError):
            # The YAML parser reads it again: it knows the line and column of what is wrong.
            return _load_yaml(text, source).root
    return _load_yaml(text, source).root


def _load_json(text: str) -> object:
    value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    level = _containers([value])
    for _ in range(LIMIT_DEPTH):
        level = [child for container in level for child in _containers(container)]
        if not level:
            return value
    raise ValueError


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError
    return value


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _containers(container: object) -> list[object]:
    """Return the lists and mappings that stand directly in a list or mapping."""
    match container:
        case dict():
            return [item for item in container.values() if isinstance(item, (dict, list))]
        case list():
            return [item for item in container if isinstance(item, (dict, list))]
        case _:
            return []


def _load_yaml(text: str, source: str) -> Assembly:
    import yaml

    assembly = Assembly(source)
    try:
        for part in _parts(text, source):
            assembly.take(part)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        message = f"{error.problem or error.context or 'not YAML'}: {source}{place}"
        raise DataError(message) from error
    except yaml.reader.ReaderError as error:
        line = text.encode(errors="replace")[: error.position].count(b"\n") + 1
        message = f"a character that YAML does not allow, U+{error.character:04X}: {source}:{line}"
        raise DataError(message) from error
    except UnicodeError as error:
        message = f"the text is not Unicode: {source}"
        raise DataError(message) from error
    return assembly


def _parts(text: str, source: str) -> Iterator[Part]:
    import yaml

    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line, column = (event.start_mark.line + 1, event.start_mark.column + 1) if event.start_mark else (1, 1)
        tag = getattr(event, "tag", None)
        if tag is not None:
            message = f"tags are not allowed, found `{tag}`: {source}:{line}:{column}"
            raise DataError(message)
        match event:
            case yaml.ScalarEvent():
                yield Part("scalar", line, column, event.value, event.anchor, plain=event.implicit[0])
            case yaml.MappingStartEvent():
                yield Part("mapping", line, column, anchor=event.anchor)
            case yaml.SequenceStartEvent():
                yield Part("sequence", line, column, anchor=event.anchor)
            case yaml.CollectionEndEvent():
                yield Part("end", line, column)
            case yaml.AliasEvent():
                yield Part("alias", line, column, anchor=event.anchor)
            case yaml.DocumentStartEvent():
                yield Part("document", line, column)


def find_unsafe(value: object, path: Path = (), *, multiline: bool = False) -> Iterator[tuple[Path, str]]:
    """Return the path of every text with a character that has no place there, and that character's name."""
    match value:
        case str():
            character = unsafe_character(value, multiline=multiline)
            if character is not None:
                yield path, character
        case dict():
            for key, item in value.items():
                yield from find_unsafe(key, path)
                yield from find_unsafe(item, (*path, key), multiline=key in MULTILINE_FIELDS)
        case list():
            for index, item in enumerate(value):
                yield from find_unsafe(item, (*path, index), multiline=multiline)
        case _:
            return


def _check_strings(value: object, source: str) -> None:
    for path, character in find_unsafe(value):
        message = f"{character} is not allowed in text, found in `{path_text(path)}`: {source}"
        raise UnsafeTextError(message)


def decoding_error(faults: tuple[Fault, ...], text: str, source: str) -> DataError:
    """Return the error that tells all faults of a text, each with line and column."""
    try:
        positions = _load_yaml(text, source).positions
    except DataError:
        # JSON that is not YAML as well (a tab, a pair of surrogates): the path alone has to do.
        positions = {}
    places = (position_of(fault.path, positions) for fault in faults)
    ends = (f":{line}:{column}" if positions else "" for line, column in places)
    lines = tuple(f"{fault}: {source}{end}" for fault, end in zip(faults, ends, strict=True))
    hints = ("put versions in quotes",) if "got `float`" in faults[0].problem else ()
    if len(lines) == 1:
        return DataError(lines[0], hints=hints)
    return DataError(f"the file has {len(lines)} faults: {source}", facts=lines, hints=hints)


def position_of(path: Path, positions: Positions) -> tuple[int, int]:
    """Return line and column of a path, or of the nearest thing around it that has them."""
    known = path[: path.index(WILDCARD)] if WILDCARD in path else path
    while known and known not in positions:
        known = known[:-1]
    return positions.get(known, (1, 1))
