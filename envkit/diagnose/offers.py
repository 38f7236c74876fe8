"""What engines offer for the devices of a vendor: runtimes, and specifications of the Container Device Interface."""

from collections.abc import Iterator

import msgspec

from envkit.data import load_document, load_vendor
from envkit.errors import DataError
from envkit.system.host import Host

# Where specifications are kept: https://github.com/cncf-tags/container-device-interface, "Default directories".
DEFAULT_FOLDERS = ("/etc/cdi", "/var/run/cdi")
_MADE_AT_START = ("/run/", "/var/run/", "/tmp/", "/dev/")  # noqa: S108 - paths that are compared
_LIMIT_BYTES = 1024 * 1024


class _Mount(msgspec.Struct):
    host_path: str = msgspec.field(name="hostPath")


class _Edits(msgspec.Struct):
    mounts: tuple[_Mount, ...] = ()


class _Device(msgspec.Struct):
    name: str
    edits: _Edits = msgspec.field(name="containerEdits", default_factory=_Edits)


class _Document(msgspec.Struct):
    kind: str
    devices: tuple[_Device, ...] = ()
    edits: _Edits = msgspec.field(name="containerEdits", default_factory=_Edits)


class Specification(msgspec.Struct, frozen=True, kw_only=True):
    """One specification: which devices it defines, and the installed files of the host that it needs.

    Sockets and device nodes are made by services and drivers when they start: one that is missing says nothing about
    the specification.
    """

    folder: str
    path: str
    kind: str  # nvidia.com/gpu
    devices: tuple[str, ...]
    files: tuple[str, ...]


def read_specifications(host: Host, folders: tuple[str, ...]) -> tuple[Specification, ...]:
    """Return the specifications in some folders, JSON or YAML; one that does not decode is left out."""
    return tuple(_read(host, folders))


def _read(host: Host, folders: tuple[str, ...]) -> Iterator[Specification]:
    for folder in folders:
        for name in host.names(folder) or ():
            path = f"{folder}/{name}"
            text = host.read(path, limit=_LIMIT_BYTES).text if name.endswith((".json", ".yaml", ".yml")) else None
            document = None if text is None else _decoded(text, path)
            if document is not None:
                yield _specification(folder, path, document)


def _decoded(text: str, path: str) -> _Document | None:
    try:
        return msgspec.convert(load_document(text, path), _Document)
    except (DataError, msgspec.ValidationError):
        return None  # a file that is just being written, or of another tool: nothing is known from it


def _specification(folder: str, path: str, document: _Document) -> Specification:
    edits = (document.edits, *(device.edits for device in document.devices))
    paths = dict.fromkeys(mount.host_path for edit in edits for mount in edit.mounts)
    return Specification(
        folder=folder,
        path=path,
        kind=document.kind,
        devices=tuple(device.name for device in document.devices),
        files=tuple(path for path in paths if not path.startswith(_MADE_AT_START)),
    )


def cdi_kind(vendor: str) -> str | None:
    """Return the kind under which a vendor's devices are offered, `nvidia.com/gpu`, or None where it has none."""
    access = load_vendor(vendor).access
    return None if access is None else access.cdi_kind
