"""Container Device Interface: the device names that specification files define."""

import re

import msgspec

from envkit.detect.decoding import decode_json
from envkit.system.host import Host

_LIMIT_BYTES = 1024 * 1024
_JSON = ".json"
_YAML = ".yaml"
_LINE = re.compile(r"(?P<indent> *)(?P<item>(?:- +)*)(?:(?P<key>[A-Za-z]+):(?: +(?P<value>.*))?)?")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*")


class _Device(msgspec.Struct):
    name: str


class _Specification(msgspec.Struct):
    kind: str
    devices: tuple[_Device, ...]


def devices_in_specs(host: Host, folders: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the names in specifications, `nvidia.com/gpu=all`; None when one of them cannot be read.

    Files of other kinds are no specifications: engines leave them alone too.
    """
    found: set[str] = set()
    for folder in folders:
        for name in host.names(folder) or ():
            if not name.endswith((_JSON, _YAML)):
                continue
            text = host.read(f"{folder}/{name}", limit=_LIMIT_BYTES).text or ""
            document = decode_json(text, _Specification) if name.endswith(_JSON) else read_yaml(text)
            if document is None:
                return None
            found.update(f"{document.kind}={device.name}" for device in document.devices)
    return tuple(sorted(found))


def read_yaml(text: str) -> _Specification | None:
    """Return the kind and the device names of a specification in YAML, or None when it is none.

    `nvidia-ctk` writes one key a line, which is read without the YAML library: loading it takes longer than detecting
    the host. Anything else is left to the library.

    devices:
    - containerEdits:
        deviceNodes:
        - path: /dev/nvidia0
      name: "0"
    kind: nvidia.com/gpu
    """
    return _read_lines(text) or _read_any(text)


def _read_lines(text: str) -> _Specification | None:
    """Read block style with plain or quoted values; None for anything that may mean something else."""
    kind: str | None = None
    names: list[str | None] = []
    column: int | None = None  # of a device's own keys
    inside = False
    for line in text.splitlines():
        match = _LINE.match(line)
        if not line.strip() or line.lstrip().startswith(("#", "---")) or match is None:
            continue
        start = len(match["indent"]) + len(match["item"])
        if match["key"] and start == 0:
            inside, column = match["key"] == "devices", None
            if inside and match["value"]:
                return None  # flow style
            if match["key"] == "kind":
                kind = _scalar(match["value"])
        elif inside and match["item"] and (column is None or start == column):
            column = start
            names.append(None)
        if inside and names and match["key"] == "name" and start == column:
            names[-1] = _scalar(match["value"])
    known = tuple(name for name in names if name is not None)
    if kind is None or not known or len(known) < len(names):
        return None
    return _Specification(kind, tuple(_Device(name) for name in known))


def _scalar(text: str | None) -> str | None:
    value = (text or "").strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    inner = value[1:-1] if quoted else value
    return inner if _PLAIN.fullmatch(inner) else None


def _read_any(text: str) -> _Specification | None:
    # Imported here: hardly any specification is written in a way that needs them.
    from envkit.data import load_document
    from envkit.errors import DataError

    try:
        return msgspec.convert(load_document(text, "a CDI specification"), _Specification)
    except (DataError, msgspec.ValidationError):  # then it is none
        return None
