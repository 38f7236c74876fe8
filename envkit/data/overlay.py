"""A site's own rows: a recipe or vendor of the overlay is put over the file of the same name, row by row."""

from pathlib import Path as FilePath
from typing import Generic, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from packaging.version import Version

from envkit.data.documents import check_fields, decode_document, decode_value, decoding_error, load_document
from envkit.data.faults import Fault, Path
from envkit.data.places import MERGED, DataFile, overlay_directory
from envkit.errors import DataError
from envkit.model import access, knowledge, matrix, mirrors, package_manager, pipelines, recipe, vendor
from envkit.model.value import to_line

Struct = TypeVar("Struct", bound=msgspec.Struct)
Fields = dict[str, object]

REPLACE = "replace"  # the key that lets an overlay file stand alone
# What tells the rows of a table apart; rows of other types are only the same when they are equal.
KEYS: dict[type, tuple[str, ...]] = {
    access.PciRange: ("first", "last"),
    knowledge.FindingRow: ("id",),
    knowledge.RemedyRow: ("id",),
    knowledge.SystemFamily: ("name",),
    knowledge.Threshold: ("id",),
    knowledge.Toolkit: ("vendor",),
    matrix.OsRow: ("os", "version"),
    mirrors.MirroredPlace: ("place",),
    mirrors.MirrorPreset: ("name",),
    mirrors.SystemSources: ("os",),
    package_manager.PackageManager: ("name",),
    pipelines.Runner: ("platform",),
    recipe.AbsentRow: ("vendor",),
    recipe.CompanionRow: ("package",),
    recipe.Denied: ("package", "versions"),
    recipe.IndexRow: ("name",),
    recipe.LibraryRow: ("file",),
    recipe.ReleaseRow: ("version",),
    recipe.VariantRow: ("variant", "releases", "cpu_architectures", "system", "index", "image", "package"),
    vendor.AdmissionRow: ("images",),
    vendor.ArchitectureRow: ("architecture",),
    vendor.BaseRow: ("image", "flavor"),
    vendor.DeviceModel: ("architecture", "names"),
    vendor.DriverBranch: ("branch",),
    vendor.DriverFloor: ("runtime_major",),
    vendor.DriverRow: ("runtime",),
    vendor.DriverWindow: ("driver",),
    vendor.ForwardRow: ("runtime", "package"),
    vendor.KernelFloor: ("architecture",),
    vendor.PackageCap: ("package", "allowed"),
    vendor.RuntimeDrivers: ("runtime",),
    vendor.VisibilityRow: ("variable",),
}


class Origin(NamedTuple):
    """Where a part of a merged document was written: in which of its two files, and at which path there."""

    overlay: bool
    path: Path


class Merged(NamedTuple):
    """The fields of two files, and where those came from that are not at the same path of the first one."""

    fields: Fields
    origins: dict[Path, Origin]

    def origin(self, path: Path) -> Origin:
        """Return where a part was written; what a part holds was written with it."""
        for length in (2, 1):
            known = self.origins.get(path[:length])
            if known is not None and len(path) >= length:
                return Origin(known.overlay, (*known.path, *path[length:]))
        return Origin(overlay=False, path=path)


class Reading(NamedTuple, Generic[Struct]):
    """A document, and the texts that it was made from."""

    document: Struct
    texts: tuple[str, ...]
    merged: Merged | None = None  # None: it was written in one file


def read_data_file(file: DataFile, expected: type[Struct]) -> Reading[Struct]:
    """Read a data file with the overlay's rows; raises `DataError` for a file that cannot be read or decoded."""
    if file.overlay is not None:
        return _read_both(file, file.overlay, expected)
    text = read_text(file.path)
    if file.kind in MERGED and FilePath(file.path).is_relative_to(overlay_directory()):
        fields = overlay_fields(text, file.path)
        return Reading(decode_value(without_replace(fields), text, file.path, expected), (text,))
    return Reading(decode_document(text, file.path, expected), (text,))


def read_text(path: str) -> str:
    """Read a file; raises `DataError`."""
    try:
        return FilePath(path).read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the data file cannot be read, {error}: {path}") from error


def overlay_fields(text: str, source: str) -> Fields:
    """Parse a file of the overlay; raises `DataError` where it holds no fields or `replace` is neither true nor false.

    `source` is the file's name in messages.
    """
    value = load_document(text, source)
    if not isinstance(value, dict):
        raise DataError(f"a file of the overlay holds fields of a recipe or vendor: {source}")
    if not isinstance(value.get(REPLACE, False), bool):
        fault = Fault(problem="expected `bool` in", path=(REPLACE,))
        raise decoding_error((fault,), text, source)
    return value


def without_replace(fields: Fields) -> Fields:
    """Return the fields that belong to the document itself."""
    return {name: value for name, value in fields.items() if name != REPLACE}


def merge_fields(base: Fields, addition: Fields, expected: type[msgspec.Struct]) -> Merged:
    """Put the fields of `addition` over those of `base`; both have to fit `expected`.

    A row takes the place of the one with the same key, see `KEYS`, and is added where there is none; so is what stands
    in a mapping or list of words. Everything else is replaced.
    """
    fields = dict(base)
    origins: dict[Path, Origin] = {}
    for field in msgspec.structs.fields(expected):
        name = field.encode_name
        if name not in addition:
            continue
        old, new = base.get(name), addition[name]
        if isinstance(old, list) and isinstance(new, list):
            rows = _merge_rows(old, new, row_type(field.type))
            fields[name] = [row for row, _ in rows]
            for place, (_, origin) in enumerate(rows):
                origins[name, place] = Origin(origin.overlay, (name, *origin.path))
        elif isinstance(old, dict) and isinstance(new, dict) and get_origin(field.type) is dict:
            fields[name] = old | new
            origins |= {(name, key): Origin(overlay=True, path=(name, key)) for key in new}
        else:
            fields[name] = new
            origins[name,] = Origin(overlay=True, path=(name,))
    return Merged(fields, origins)


def row_type(hint: object) -> type[msgspec.Struct] | None:
    """Return the type of the rows of a table, None for a list of words."""
    (first, *_) = get_args(hint) if get_origin(hint) is tuple else (None,)
    return first if isinstance(first, type) and issubclass(first, msgspec.Struct) else None


def row_key(row: object, kind: type[msgspec.Struct] | None) -> str:
    """Return what tells a parsed row from the others of its table."""
    names = KEYS.get(kind) if kind is not None else None
    if names is None or not isinstance(row, dict):
        return to_line(row)
    return to_line([row.get(name) for name in names])


def _read_both(file: DataFile, overlay: str, expected: type[Struct]) -> Reading[Struct]:
    text = read_text(overlay)
    fields = overlay_fields(text, overlay)
    own = without_replace(fields)
    if fields.get(REPLACE, False):
        return Reading(decode_value(own, text, overlay, expected), (text,))
    check_fields(own, text, overlay, expected)
    base = read_text(file.path)
    value = load_document(base, file.path)
    decode_value(value, base, file.path, expected)
    merged = merge_fields(value if isinstance(value, dict) else {}, own, expected)
    return Reading(decode_value(merged.fields, text, overlay, expected), (base, text), merged)


_Placed = tuple[object, Origin]


def _merge_rows(old: list[object], new: list[object], kind: type[msgspec.Struct] | None) -> list[_Placed]:
    rows = {row_key(row, kind): (row, Origin(overlay=False, path=(place,))) for place, row in enumerate(old)}
    if len(rows) != len(old):  # rows of the first file that cannot be told apart are all kept
        rows = {str(place): (row, Origin(overlay=False, path=(place,))) for place, row in enumerate(old)}
    rows |= {row_key(row, kind): (row, Origin(overlay=True, path=(place,))) for place, row in enumerate(new)}
    merged = list(rows.values())
    return sorted(merged, key=_version, reverse=True) if kind is recipe.ReleaseRow else merged


def _version(placed: _Placed) -> Version:
    row = placed[0]
    try:
        return Version(str(row["version"])) if isinstance(row, dict) else Version("0")
    except ValueError:  # `InvalidVersion`, and numbers of thousands of digits
        return Version("0")
