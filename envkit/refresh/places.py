"""Where a recipe is read from, and where its refreshed form is written."""

from pathlib import Path

from envkit.data import decode_document
from envkit.data.canonical import canonical_document, heading_of
from envkit.data.places import find_files, overlay_directory
from envkit.errors import DataError
from envkit.model.matrix import Recipe
from envkit.model.value import Value
from envkit.system.directories import ensure_directory
from envkit.system.files import write_atomically

_BUNDLED = "_bundled"  # the folder of an installed envkit that holds the recipes: it belongs to the installer
_MODE = 0o644


class RecipeFile(Value):
    """A recipe in use, and the file that takes its refreshed form."""

    recipe: Recipe
    heading: str  # the comment lines at its top
    path: str
    target: str  # `path`, or a file in the overlay where `path` belongs to an installed package


def recipe_files() -> tuple[RecipeFile, ...]:
    """Return all recipes in use, by name; raises `DataError` for a file that cannot be read or does not decode."""
    return tuple(_recipe_file(Path(file.path)) for file in find_files() if file.kind == "recipes")


def write_recipe(file: RecipeFile, recipe: Recipe) -> None:
    """Write a recipe in canonical form; raises `StorageError`, and the file is then as it was."""
    target = Path(file.target)
    ensure_directory(target.parent)
    write_atomically(target, canonical_document(recipe, file.heading), mode=_MODE)


def _recipe_file(path: Path) -> RecipeFile:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the recipe cannot be read ({error}): {path}") from error
    target = overlay_directory() / "recipes" / path.name if _BUNDLED in path.parts else path
    return RecipeFile(
        recipe=decode_document(text, str(path), Recipe), heading=heading_of(text), path=str(path), target=str(target)
    )
