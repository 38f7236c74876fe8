"""`envkit matrix show`: what the matrix knows, for people and as JSON."""

from difflib import get_close_matches
from pathlib import Path

from envkit.cli.commands.matrix_rows import index_of, recipe_table, vendor_table
from envkit.cli.output import Output
from envkit.cli.tables import text_table
from envkit.data import load_matrix
from envkit.data.checking.soundness import require_sound
from envkit.data.places import overlay_directory
from envkit.errors import ExitStatus, UsageError
from envkit.model.matrix import Matrix
from envkit.model.shown import MatrixIndex, RecipeTable, ShownBuild, VendorTable
from envkit.model.text import strip_controls
from envkit.model.value import to_json

_UNKNOWN = "?"
_NONE = "-"
_SHOWN_MODELS = 4


def show_matrix(output: Output, name: str | None, *, as_json: bool) -> int:
    """Print the whole matrix in short, or one recipe, release or vendor; raises `UsageError` for other names."""
    matrix = load_matrix()
    shown = _find(matrix, name)
    if as_json:
        output.data(to_json(shown))
        return int(ExitStatus.OK)
    match shown:
        case MatrixIndex():
            text = _index_text(shown)
        case RecipeTable():
            text = _recipe_text(shown)
        case VendorTable():
            text = _vendor_text(shown)
    output.data("\n".join(strip_controls(line) for line in text.splitlines()))
    return int(ExitStatus.OK)


def _find(matrix: Matrix, name: str | None) -> MatrixIndex | RecipeTable | VendorTable:
    if name is None:
        return index_of(matrix)
    first, _, release = name.partition("/")
    recipe = matrix.recipe(first)
    if recipe is not None:
        require_sound(recipe, recipe.name)
        for row in matrix.vendors:
            if any(variant.vendor == row.name for variant in recipe.variants):
                require_sound(row, row.name)
        return recipe_table(matrix, recipe, release or None)
    vendor = matrix.vendor(first)
    if vendor is not None:
        require_sound(vendor, vendor.name)
        for user in matrix.recipes:
            if any(variant.vendor == vendor.name for variant in user.variants):
                require_sound(user, user.name)
        return vendor_table(matrix, vendor, release or None)
    known = [word for row in matrix.recipes for word in (row.name, *row.aliases)]
    known += [row.name for row in matrix.vendors]
    near = get_close_matches(first, known, n=3, cutoff=0.5)
    raise UsageError(
        f"no recipe and no vendor has this name: {first}",
        hints=tuple(f"envkit matrix show {word}" for word in near) or ("envkit matrix show",),
    )


def _index_text(shown: MatrixIndex) -> str:
    recipes = text_table(
        ("RECIPE", "FRAMEWORK", "NEWEST", "OLDEST", "RELEASES", "VENDORS", "SOURCES READ", "ORIGIN"),
        (
            (
                row.name,
                row.title,
                row.newest or _NONE,
                row.oldest or _NONE,
                str(row.releases),
                " ".join(row.vendors),
                row.retrieved,
                _origins(row.files),
            )
            for row in shown.recipes
        ),
    )
    vendors = text_table(
        ("VENDOR", "NAME", "RUNTIME", "MODELS", "RECIPES", "SOURCES READ", "ORIGIN"),
        (
            (
                row.name,
                row.title,
                row.runtime or _NONE,
                str(row.models),
                " ".join(row.recipes) or _NONE,
                row.retrieved,
                _origins(row.files),
            )
            for row in shown.vendors
        ),
    )
    return f"{recipes}\n\n{vendors}\n\nmatrix {shown.revision}, newest source {shown.newest_source}"


def _recipe_text(shown: RecipeTable) -> str:
    table = text_table(
        ("RELEASE", "VARIANT", "VENDOR", "INDEX", "CPU", "RUNTIME", "DRIVER", "PYTHONS", "DEVICES", "ORIGIN"),
        (_build_cells(row) for row in shown.builds),
    )
    return f"{shown.title} (`{shown.package}`)\n\n{table}"


def _build_cells(row: ShownBuild) -> tuple[str, ...]:
    return (
        row.release + (" (yanked)" if row.yanked is not None else ""),
        row.variant,
        row.vendor,
        row.index,
        " ".join(row.cpu_architectures),
        f"{row.runtime.name} {row.runtime.version}" if row.runtime is not None else _NONE,
        f">={row.driver_floor}" if row.driver_floor is not None else _NONE,
        " ".join(row.pythons),
        _devices(row),
        _origins(row.origins),
    )


def _devices(row: ShownBuild) -> str:
    if row.architectures is None:
        return _UNKNOWN
    ptx = [f"{name}+PTX" for name in row.ptx]
    return " ".join((*(name for name in row.architectures if name not in row.ptx), *ptx)) or _NONE


def _vendor_text(shown: VendorTable) -> str:
    parts = [shown.title]
    if shown.architectures:
        rows = (
            (
                row.architecture,
                row.generation or _NONE,
                _span(row.first_runtime, row.last_runtime),
                _span(row.first_driver, row.last_driver),
                _models(row.models),
                _origins(row.origins),
            )
            for row in shown.architectures
        )
        parts.append(text_table(("ARCHITECTURE", "GENERATION", "RUNTIMES", "DRIVERS", "DEVICES", "ORIGIN"), rows))
    if shown.floors:
        floors = (
            (f"{row.runtime}{'' if row.exact else '.x'}", f">={row.driver}", _origins((row.origin,)))
            for row in shown.floors
        )
        parts.append(text_table(("RUNTIME", "DRIVER", "ORIGIN"), floors))
    if shown.recipes:
        recipes = ((row.recipe, row.newest, row.oldest, " ".join(row.variants)) for row in shown.recipes)
        parts.append(text_table(("RECIPE", "NEWEST", "OLDEST", "VARIANTS"), recipes))
    return "\n\n".join(parts)


def _span(first: str | None, last: str | None) -> str:
    return f"{first or ''}…{last or ''}" if first or last else _NONE


def _models(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN_MODELS} more" if len(names) > _SHOWN_MODELS else ""
    return ", ".join(names[:_SHOWN_MODELS]) + more if names else _NONE


def _origins(files: tuple[str, ...]) -> str:
    """Say whether rows are envkit's own, with the path of every other file."""
    overlay = overlay_directory()
    return ", ".join(
        dict.fromkeys(
            f"overlay/{Path(file).relative_to(overlay)}" if Path(file).is_relative_to(overlay) else "envkit"
            for file in files
        )
    )
