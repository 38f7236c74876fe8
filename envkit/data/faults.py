"""What is wrong with a parsed document: keys that its type does not have, and msgspec's paths taken apart."""

import re
from collections.abc import Iterator
from difflib import get_close_matches

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


def _unknown_keys(value: object, info: msgspec.inspect.Type, path: Path) -> Iterator[Fault]:
    match info, value:
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
