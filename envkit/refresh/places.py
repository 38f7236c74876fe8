"""Where a recipe or vendor is read from, and where its refreshed form is written."""

from pathlib import Path
from typing import TypeVar

import msgspec

from envkit.data import decode_document
from envkit.data.canonical import canonical_document, canonical_fields, heading_of
from envkit.data.overlay import REPLACE, Fields, overlay_fields, read_data_file, read_text
from envkit.data.places import DataFile, find_files, overlay_directory
from envkit.model.recipe import Recipe
from envkit.model.value import Value
from envkit.model.vendor import Vendor
from envkit.system.directories import ensure_directory
from envkit.system.files import write_atomically

_BUNDLED = "_bundled"  # the folder of an installed envkit that holds the recipes: it belongs to the installer
_TABLES = (
    "releases",
    "variants",
    "driver_branches",
    "admissions",
)  # what a refresh rewrites, beside the dates of sources
_MODE = 0o644

Document = TypeVar("Document", Recipe, Vendor)


class RecipeFile(Value):
    """A recipe, and the file that takes its refreshed form."""

    recipe: Recipe
    target: str
    # Of an installed envkit: the recipe that came with it, over which the target's rows are put.
    base: Recipe | None = None
    bundled: str | None = None  # where that one is


class VendorFile(Value):
    """A vendor, and the file that takes its refreshed form."""

    vendor: Vendor
    target: str
    base: Vendor | None = None  # as in `RecipeFile`


def recipe_files() -> tuple[RecipeFile, ...]:
    """Return all recipes by name; raises `DataError` for a file that cannot be read or does not decode.

    In a checkout that is the checkout's own file, whatever the overlay puts over it.
    """
    return tuple(_recipe_file(file) for file in find_files() if file.kind == "recipes")


def write_recipe(file: RecipeFile, recipe: Recipe) -> None:
    """Write a recipe in canonical form; raises `StorageError`, and the file is then as it was.

    Over a recipe that came with an installed envkit only the rows are written that differ from it.
    """
    _write(file.target, file.base, recipe, keeps_rows=file.base is None or _keeps_rows(file.base, recipe))


def vendor_file(name: str) -> VendorFile | None:
    """Return a vendor, None where there is none of this name; raises as `recipe_files` does."""
    files = find_files()
    file = next((file for file in files if (file.kind, file.name) == ("vendors", name)), None)
    if file is None:
        return None
    installed = any(file.kind == "recipes" and _BUNDLED in Path(file.path).parts for file in files)
    if not installed:
        vendor = read_data_file(msgspec.structs.replace(file, overlay=None), Vendor).document
        return VendorFile(vendor=vendor, target=file.path)
    return VendorFile(
        vendor=read_data_file(file, Vendor).document,
        target=str(overlay_directory() / "vendors" / Path(file.path).name),
        base=decode_document(read_text(file.path), file.path, Vendor),
    )


def write_vendor(file: VendorFile, vendor: Vendor) -> None:
    """Write a vendor as `write_recipe` does a recipe; a refresh takes none of its rows away."""
    _write(file.target, file.base, vendor, keeps_rows=True)


def _write(place: str, base: Document | None, document: Document, *, keeps_rows: bool) -> None:
    target = Path(place)
    old = read_text(place) if target.exists() else ""
    own = overlay_fields(old, place) if old and _is_overlay(place) else {}
    heading = heading_of(old)
    if base is None and not own.get(REPLACE):
        text = canonical_document(document, heading)
    elif base is None or own.get(REPLACE) or not keeps_rows:
        text = canonical_fields(_fields(document) | {REPLACE: True}, type(document), heading)
    else:
        text = canonical_fields(_differing(base, document, set(own)), type(document), heading)
    ensure_directory(target.parent)
    write_atomically(target, text, mode=_MODE)


def _recipe_file(file: DataFile) -> RecipeFile:
    if _BUNDLED not in Path(file.path).parts:
        reading = read_data_file(msgspec.structs.replace(file, overlay=None), Recipe)
        return RecipeFile(recipe=reading.document, target=file.path)
    target = overlay_directory() / "recipes" / Path(file.path).name
    return RecipeFile(
        recipe=read_data_file(file, Recipe).document,
        target=str(target),
        base=decode_document(read_text(file.path), file.path, Recipe),
        bundled=file.path,
    )


def _is_overlay(path: str) -> bool:
    return Path(path).is_relative_to(overlay_directory())


def _keeps_rows(base: Recipe, recipe: Recipe) -> bool:
    """Tell whether every row of the base is still there by its key: an overlay cannot take one away."""
    kept = {(row.variant, row.releases, row.cpu_architectures) for row in recipe.variants}
    return all((row.variant, row.releases, row.cpu_architectures) in kept for row in base.variants)


def _differing(base: Document, document: Document, own: set[str]) -> Fields:
    """Return the fields of an overlay that makes `document` of `base`, among them those that it had before (`own`)."""
    old, new = _fields(base), _fields(document)
    found: Fields = {}
    for name, value in new.items():
        before = old.get(name)
        if name in _TABLES and isinstance(value, list) and isinstance(before, list):
            rows = [row for row in value if row not in before]
            found |= {name: rows} if rows else {}
        elif name == "sources" and isinstance(value, dict) and isinstance(before, dict):
            found[name] = {key: source for key, source in value.items() if before.get(key) != source}
        elif name in own or value != before:
            found[name] = value
    return found


def _fields(document: Recipe | Vendor) -> Fields:
    # msgspec leaves out a default by identity, so values made elsewhere are decoded once before they are compared.
    settled = msgspec.json.decode(msgspec.json.encode(document), type=type(document))
    return msgspec.json.decode(msgspec.json.encode(settled), type=Fields)
