"""What is inside one wheel: its requirements, the runtime it was built with, the devices it has code for."""

import re
from collections.abc import Iterator

import msgspec

from envkit.errors import DataError
from envkit.model.deriving import BinaryRow, ModuleRow
from envkit.model.host import Runtime
from envkit.model.value import Value
from envkit.refresh.archive import Archive, Member
from envkit.refresh.devicecode import DeviceCode, find_code, find_list, from_names
from envkit.refresh.metadata import read_requirements
from envkit.refresh.modules import read_names
from envkit.refresh.wheels import Wheel
from envkit.system.http import Client

_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,3}(?=$|[.+-])", re.ASCII)
_METADATA_LIMIT = 4 * 2**20
_MEBIBYTE = 2**20
_MODULE_LIMIT = 65536


class Question(Value):
    """What is wanted of a wheel beside its METADATA."""

    modules: tuple[ModuleRow, ...] = ()
    binaries: tuple[BinaryRow, ...] = ()


class Contents(Value):
    """What a wheel says by its contents."""

    requirements: tuple[str, ...]  # `Requires-Dist`, as it stands
    told: bool = False  # a module says which runtime it is built for, or that it is none
    silent: bool = False  # such a module is there and has no name for a runtime
    runtime: Runtime | None = None
    code: DeviceCode | None = None  # None: not looked for, or nothing found


def read_wheel(wheel: Wheel, question: Question, client: Client) -> Contents:
    """Return what a wheel holds.

    Raises `DataError` for a file that is damaged or cannot be read in parts, `IndexUnreachableError` for no answer.
    """
    if wheel.file.metadata and not (question.modules or question.binaries):
        page = client.get(f"{wheel.file.url}.metadata", accept="*/*", limit_bytes=_METADATA_LIMIT)
        if page.status == 200:  # noqa: PLR2004 - HTTP's
            return Contents(requirements=_requirements(page.body, wheel.file.name))
    archive = Archive(client, wheel.file.url)
    metadata = _only(archive.find("*.dist-info/METADATA"), wheel.file.name)
    contents = Contents(requirements=_requirements(archive.read(metadata), wheel.file.name))
    for row in question.modules:
        for member in archive.find(row.path):
            contents = _with_module(
                contents, row, read_names(archive.read(member, limit_bytes=_MODULE_LIMIT), row.path)
            )
    if question.modules and contents.told and contents.runtime is None:
        return contents  # built for the processor: its binaries hold no device code
    return _with_binaries(contents, question.binaries, archive)


def _requirements(body: bytes, name: str) -> tuple[str, ...]:
    return read_requirements(body.decode(errors="replace"), name)


def _only(members: tuple[Member, ...], name: str) -> Member:
    own = [member for member in members if member.name.count("/") == 1]
    if len(own) != 1:
        raise DataError(f"a wheel must hold one METADATA, found {len(own)}: {name}")
    return own[0]


def _with_module(contents: Contents, row: ModuleRow, names: dict[str, object]) -> Contents:
    versions = {runtime: names.get(name) for runtime, name in row.runtimes.items() if name in names}
    found = [_runtime(name, version, row.path) for name, version in versions.items() if version is not None]
    listed = names.get(row.architectures or "")
    code = from_names((str(name) for name in listed), both=True) if isinstance(listed, list) else None
    return msgspec.structs.replace(
        contents,
        told=contents.told or bool(versions),
        silent=contents.silent or not versions,
        runtime=contents.runtime or next(iter(found), None),
        code=code if found and code is not None and code.architectures else contents.code,
    )


def _runtime(name: str, version: object, path: str) -> Runtime:
    """Return a runtime by what a module says; raises `DataError`, since what another value means is not known."""
    match = _VERSION.match(version) if isinstance(version, str) else None
    if match is None:
        raise DataError(f"the module names no version of {name}, {str(version)[:40]!r}: {path}")
    return Runtime(name=name, version=match[0])


def _with_binaries(contents: Contents, rows: tuple[BinaryRow, ...], archive: Archive) -> Contents:
    codes = [] if contents.code is None else [contents.code]
    for row in rows:
        for member in archive.find(row.member):
            codes += _found(row, archive.stream(member, limit_bytes=row.limit_mib * _MEBIBYTE))
    return msgspec.structs.replace(contents, code=_union(codes))


def _found(row: BinaryRow, pieces: Iterator[bytes]) -> list[DeviceCode]:
    code = find_list(pieces) if row.tells == "list" else find_code(pieces)
    return [] if code is None else [code]


def _union(codes: list[DeviceCode]) -> DeviceCode | None:
    if not codes:
        return None
    names = [name for code in codes for name in code.architectures]
    ptx = [name.replace("sm_", "compute_") for code in codes for name in code.ptx]
    return from_names(iter([*names, *ptx]))
