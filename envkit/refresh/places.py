"""Where a recipe is read from, and where its refreshed form is written."""

from pathlib import Path

import msgspec

from envkit.data import decode_document
from envkit.data.canonical import canonical_document, canonical_fields, heading_of
from envkit.data.overlay import REPLACE, Fields, overlay_fields, read_data_file, read_text
from envkit.data.places import DataFile, find_files, overlay_directory
from envkit.model.recipe import Recipe
from envkit.model.value import Value
from envkit.system.directories import ensure_directory
from envkit.system.files import write_atomically

_BUNDLED = "_bundled"  # the folder of an installed envkit that holds the recipes: it belongs to the installer
_TABLES = ("releases", "variants")  # what a refresh rewrites, beside the dates of sources
_MODE = 0o644


class RecipeFile(Value):
    """A recipe, and the file that takes its refreshed form."""

    recipe: Recipe
    target: str
    # Of an installed envkit: the recipe that came with it, over which the target's rows are put.
    base: Recipe | None = None


def recipe_files() -> tuple[RecipeFile, ...]:
    """Return all recipes by name; raises `DataError` for a file that cannot be read or does not decode.

    In a checkout that is the checkout's own file, whatever the overlay puts over it.
    """
    return tuple(_recipe_file(file) for file in find_files() if file.kind == "recipes")


def write_recipe(file: RecipeFile, recipe: Recipe) -> None:
    """Write a recipe in canonical form; raises `StorageError`, and the file is then as it was.

    Over a recipe that came with an installed envkit only the rows are written that differ from it.
    """
    target = Path(file.target)
    old = read_text(file.target) if target.exists() else ""
    own = overlay_fields(old, file.target) if old and _is_overlay(file.target) else {}
    heading = heading_of(old)
    if file.base is None and not own.get(REPLACE):
        text = canonical_document(recipe, heading)
    elif file.base is None or own.get(REPLACE) or not _keeps_rows(file.base, recipe):
        text = canonical_fields(_fields(recipe) | {REPLACE: True}, Recipe, heading)
    else:
        text = canonical_fields(_differing(file.base, recipe, set(own)), Recipe, heading)
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
    )


def _is_overlay(path: str) -> bool:
    return Path(path).is_relative_to(overlay_directory())


def _keeps_rows(base: Recipe, recipe: Recipe) -> bool:
    """Tell whether every row of the base is still there by its key: an overlay cannot take one away."""
    kept = {(row.variant, row.releases, row.cpu_architectures) for row in recipe.variants}
    return all((row.variant, row.releases, row.cpu_architectures) in kept for row in base.variants)


def _differing(base: Recipe, recipe: Recipe, own: set[str]) -> Fields:
    """Return the fields of an overlay that makes `recipe` of `base`, among them those that it had before (`own`)."""
    old, new = _fields(base), _fields(recipe)
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


def _fields(recipe: Recipe) -> Fields:
    # msgspec leaves out a default by identity, so values made elsewhere are decoded once before they are compared.
    settled = msgspec.json.decode(msgspec.json.encode(recipe), type=Recipe)
    return msgspec.json.decode(msgspec.json.encode(settled), type=Fields)
