"""What is wrong with a parsed document: unknown keys, missing and ill-typed values; msgspec's paths taken apart."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

import msgspec

Path = tuple[str | int, ...]
WILDCARD = "..."  # msgspec does not name the key of a mapping: `$.sources[...].text`

_SEGMENT = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at (?:key in )?`(?P<path>\$[^`]*)`)?$", re.DOTALL)


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong, the path of the value that it is about, and the field that was meant."""

    problem: str
    path: Path
    similar: str | None = None
    missing: bool = False  # a field that should be in the struct at `path`

    def __str__(self) -> str:
        """Return the problem with its path as msgspec writes it."""
        meant = f" (did you mean `{self.similar}`?)" if self.similar else ""
        return f"{self.problem} `{path_text(self.path)}`{meant}"


def path_text(path: Path) -> str:
    """Return a path as msgspec writes it: `$.releases[3].version`."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) or part == WILDCARD else f".{part}" for part in path)


def split_message(message: str) -> Fault:
    """Take a msgspec validation message apart into the problem and its path."""
    found = _PLACE.match(message)
    text = (found and found["path"]) or "$"
    parts = [name or (WILDCARD if index == WILDCARD else int(index)) for name, index in _SEGMENT.findall(text)]
    problem = found["problem"] if found else message
    return Fault(problem=f"{problem[:1].lower()}{problem[1:]} in", path=tuple(parts))


def find_unknown_keys(value: object, expected: type) -> tuple[Fault, ...]:
    """List every key of `value` that `expected` has no field for, each with the similar field when there is one."""
    return tuple(_unknown_keys(value, msgspec.inspect.type_info(expected), ()))


def find_misfits(value: object, expected: type[object], *, partial: bool = False) -> tuple[Fault, ...]:
    """List every value of another type than `expected` has there, and every field that is missing.

    `partial`: fields of the outermost struct may be missing. msgspec itself stops at the first.
    """
    faults = tuple(_misfits(value, expected, ()))
    return tuple(fault for fault in faults if not (partial and fault.missing and not fault.path))


def _misfits(value: object, hint: object, path: Path) -> Iterator[Fault]:
    inner = _certain(hint)
    kind = get_origin(inner)
    if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, msgspec.Struct):
        yield from _misfits_in_struct(value, inner, path)
    elif isinstance(value, list) and kind is tuple:
        for index, item in enumerate(value):
            yield from _misfits(item, get_args(inner)[0], (*path, index))
    elif isinstance(value, dict) and kind is dict:
        for key, item in value.items():
            yield from _misfits(item, get_args(inner)[1], (*path, key))
    else:
        yield from _misfit(value, hint, path)


def _misfits_in_struct(value: dict[str, object], struct: type[msgspec.Struct], path: Path) -> Iterator[Fault]:
    for field in msgspec.structs.fields(struct):
        if field.encode_name in value:
            yield from _misfits(value[field.encode_name], field.type, (*path, field.encode_name))
        elif field.required:
            yield Fault(problem=f"missing required field `{field.encode_name}` in", path=path, missing=True)


def _misfit(value: object, hint: object, path: Path) -> Iterator[Fault]:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        fault = split_message(str(error))
        yield Fault(problem=fault.problem, path=(*path, *fault.path))


def _certain(hint: object) -> object:
    """Return the one type that a value has which may be None; the annotation itself where there are several."""
    if get_origin(hint) is Annotated:
        return _certain(get_args(hint)[0])
    if get_origin(hint) not in {Union, UnionType}:
        return hint
    members = [member for member in get_args(hint) if member is not NoneType]
    return members[0] if len(members) == 1 else hint


def _unknown_keys(value: object, info: msgspec.inspect.Type, path: Path) -> Iterator[Fault]:
    match info, value:
        case msgspec.inspect.Metadata(), _:
            yield from _unknown_keys(value, info.type, path)
        case msgspec.inspect.StructType(), dict():
            yield from _unknown_in_struct(value, info, path)
        case msgspec.inspect.DictType(), dict():
            for key, item in value.items():
                yield from _unknown_keys(item, info.value_type, (*path, key))
        case msgspec.inspect.VarTupleType(), list():
            for index, item in enumerate(value):
                yield from _unknown_keys(item, info.item_type, (*path, index))
        case msgspec.inspect.UnionType(), _:
            for member in info.types:
                yield from _unknown_keys(value, member, path)
        case _:
            return


def _unknown_in_struct(value: dict[str, object], info: msgspec.inspect.StructType, path: Path) -> Iterator[Fault]:
    fields = {field.encode_name: field.type for field in info.fields}
    names = [*fields, *([info.tag_field] if info.tag_field else [])]
    for key, item in value.items():
        if key in fields:
            yield from _unknown_keys(item, fields[key], (*path, key))
        elif key not in names:
            similar = get_close_matches(key, names, n=1)
            yield Fault(problem="unknown key", path=(*path, key), similar=similar[0] if similar else None)
