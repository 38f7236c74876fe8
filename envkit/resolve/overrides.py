"""Single facts replaced by hand: `stacks.nvidia.driver=580.65.06`, to ask what would be if."""

import re
import types
from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple, get_args, get_origin

import msgspec

from envkit.errors import UsageError
from envkit.model.host import Evidence, HostFacts, Stack
from envkit.model.matrix import Matrix

SOURCE = "--fact"
_STEP = re.compile(r"(?P<name>[A-Za-z0-9_-]+)(?:\[(?P<position>\d{1,4})\])?")
_FORM = "a fact is written `PATH=VALUE` with a path of `envkit detect --json`; an empty value makes it unknown"
_KEYS = ("vendor", "name", "id")  # what an item of a list is called by, beside its position
_BOOLEANS = {"true": True, "false": False}
Node = dict[str, object]


class _Override(NamedTuple):
    path: str
    value: str
    text: str


class _Kind(NamedTuple):
    """The type of a field without `None`: a record, a list of records, a list of values, or a value."""

    record: type[msgspec.Struct] | None
    value: type | None
    listed: bool
    optional: bool


def override_facts(facts: HostFacts, texts: tuple[str, ...], matrix: Matrix) -> HostFacts:
    """Return the facts with some of them replaced, each recorded as evidence.

    Lists of records are entered by position or by vendor or name: `devices[0].architecture`, `stacks.nvidia.driver`; a
    stack that is not there is made for a vendor of the matrix. With another driver the runtime that the old one served
    is no longer known. Raises `UsageError` for a path that does not exist and for a value of the wrong type.
    """
    overrides = tuple(_parse(text) for text in texts)
    document = msgspec.to_builtins(facts)
    for override in overrides:
        _apply(document, override, facts, matrix)
    try:
        changed = msgspec.convert(document, HostFacts)
    except msgspec.ValidationError as error:
        paths = ", ".join(override.path for override in overrides)
        message = f"the facts do not go together, {_lowered(str(error))}: {paths}"
        raise UsageError(message, hints=("give the missing fact with a second `--fact`",)) from error
    return _recorded(changed, overrides)


def _parse(text: str) -> _Override:
    path, separator, value = text.partition("=")
    if not separator or not path.strip():
        message = f"not a fact: {text}"
        raise UsageError(message, hints=(_FORM,))
    return _Override(path=path.strip(), value=value.strip(), text=text)


def _apply(document: Node, override: _Override, facts: HostFacts, matrix: Matrix) -> None:
    """Put one value into the document; raises `UsageError`."""
    record: type[msgspec.Struct] = HostFacts
    node, steps = document, override.path.split(".")
    while steps:
        match = _STEP.fullmatch(steps.pop(0))
        kinds = _fields(record)
        if match is None or match["name"] not in kinds:
            raise _unknown_path(override, facts)
        name, kind = match["name"], kinds[match["name"]]
        if not steps and match["position"] is None:
            node[name] = _value(kind, override)
            return
        if kind.record is None:
            raise _unknown_path(override, facts)
        below = _item(node, name, match["position"], steps, matrix) if kind.listed else _child(node, name)
        if below is None or not steps:
            raise _unknown_path(override, facts)
        node, record = below, kind.record


def _child(node: Node, name: str) -> Node:
    below = node.get(name)
    if not isinstance(below, dict):
        below = node[name] = {}
    return below


def _item(node: Node, name: str, position: str | None, steps: list[str], matrix: Matrix) -> Node | None:
    """Return the record of a list that a path names next, by position or by a step of its own."""
    listed = node.get(name)
    items: list[Node] = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list | tuple) else []
    if position is not None:
        node[name] = items
        return items[int(position)] if int(position) < len(items) else None
    called = steps.pop(0)
    found = next((item for item in items if called in {item.get(key) for key in _KEYS}), None)
    if found is None and name == "stacks" and matrix.vendor(called) is not None:
        found = {"vendor": called}
        items.append(found)
    node[name] = items
    return found


def _value(kind: _Kind, override: _Override) -> object:
    text = override.value
    if not text and kind.optional:
        return None
    if kind.value is None:
        message = f"`{override.path}` holds records, so that it can only be made unknown with an empty value: {text}"
        raise UsageError(message, hints=(_FORM,))
    try:
        if kind.listed:
            return [_scalar(kind.value, part.strip()) for part in text.split(",") if part.strip()]
        return _scalar(kind.value, text)
    except ValueError as error:
        message = f"`{override.path}` takes {_type_name(kind)}: {text}"
        raise UsageError(message, hints=(_FORM,)) from error


def _scalar(wanted: type, text: str) -> object:
    if wanted is bool:
        if text not in _BOOLEANS:
            raise ValueError(text)
        return _BOOLEANS[text]
    if wanted in {int, float}:
        return wanted(text)
    if not text:
        raise ValueError(text)
    return text


def _type_name(kind: _Kind) -> str:
    names = {bool: "`true` or `false`", int: "a whole number", float: "a number"}
    name = names.get(kind.value or str, "a text")
    return f"a list of values such as {name}, separated by commas" if kind.listed else name


def _fields(record: type[msgspec.Struct]) -> dict[str, _Kind]:
    fields = {field.name: _kind(field.type) for field in msgspec.structs.fields(record)}
    if record is not HostFacts:
        return fields
    return {name: kind for name, kind in fields.items() if name not in {"evidence", "gaps", "findings"}}


def _kind(annotation: object) -> _Kind:
    options = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    inner = next(option for option in options if option is not types.NoneType)
    listed = get_origin(inner) is tuple
    if listed:
        inner = get_args(inner)[0]
    record = inner if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else None
    plain = None if record is not None else inner if isinstance(inner, type) else str
    return _Kind(record=record, value=plain, listed=listed, optional=types.NoneType in options)


def _unknown_path(override: _Override, facts: HostFacts) -> UsageError:
    known = tuple(_paths(HostFacts, msgspec.to_builtins(facts), ""))
    near = get_close_matches(override.path, known, n=3, cutoff=0.5)
    message = f"no fact has this path: {override.path}"
    return UsageError(message, hints=tuple(f"did you mean `{path}`?" for path in near) or (_FORM,))


def _paths(record: type[msgspec.Struct], node: object, prefix: str) -> Iterator[str]:
    """Yield the paths of all facts that are there or could be."""
    there: Node = node if isinstance(node, dict) else {}
    for name, kind in _fields(record).items():
        path, below = f"{prefix}{name}", there.get(name)
        yield path
        if kind.record is None:
            continue
        if not kind.listed:
            # A machine within a machine is only entered where there is one.
            if kind.record is not HostFacts or below is not None:
                yield from _paths(kind.record, below, f"{path}.")
            continue
        for position, item in enumerate(below if isinstance(below, list | tuple) else ()):
            called = next((item[key] for key in _KEYS[:2] if isinstance(item, dict) and key in item), None)
            entry = f"{path}[{position}]" if name == "devices" or called is None else f"{path}.{called}"
            yield from _paths(kind.record, item, f"{entry}.")


def _recorded(facts: HostFacts, overrides: tuple[_Override, ...]) -> HostFacts:
    """Note where the replaced facts are from, in place of what told them before."""
    paths = {override.path for override in overrides}
    stacks = tuple(_forgotten(stack, paths) for stack in facts.stacks) if facts.stacks is not None else None
    own = tuple(Evidence(fact=override.path, source=SOURCE, raw=override.text) for override in overrides)
    others = tuple(entry for entry in facts.evidence if entry.fact not in paths)
    return msgspec.structs.replace(facts, stacks=stacks, evidence=(*own, *others))


def _forgotten(stack: Stack, paths: set[str]) -> Stack:
    ceiling = f"stacks.{stack.vendor}.runtime_ceiling"
    if f"stacks.{stack.vendor}.driver" not in paths or any(path.startswith(ceiling) for path in paths):
        return stack
    return msgspec.structs.replace(stack, runtime_ceiling=None)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
