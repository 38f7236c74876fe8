"""Load recipes, vendors and foundations, one by one or as the matrix of a request."""

import hashlib
from difflib import get_close_matches
from typing import TypeVar

import msgspec

from envkit.data.compiled import Compiled, Entry, load_compiled
from envkit.errors import DataError, UnknownRecipeError, UsageError
from envkit.model.knowledge import FindingGroup, FindingRow, RemedyGroup, RemedyRow, Systems, Thresholds
from envkit.model.matrix import Foundations, Matrix
from envkit.model.mirrors import Mirrors
from envkit.model.package_manager import PackageManagers
from envkit.model.pipelines import PipelineTools
from envkit.model.recipe import Recipe
from envkit.model.value import DECODING
from envkit.model.vendor import Vendor

Kind = TypeVar(
    "Kind",
    FindingGroup,
    Foundations,
    Mirrors,
    PackageManagers,
    PipelineTools,
    Recipe,
    RemedyGroup,
    Systems,
    Thresholds,
    Vendor,
)


def load_matrix(recipes: tuple[str, ...] | None = None) -> Matrix:
    """Load the matrix for some recipes, given by name or alias, or for all of them.

    The recipes of their pinned companions, and of what they require, come along: they tell which index has those for
    which runtime. Raises `UnknownRecipeError` with similar names, and `DataError` for a file that does not decode.
    """
    compiled = load_compiled()
    every = _of_kind(compiled, "recipes")
    asked = every if recipes is None else tuple(_recipe(compiled, name) for name in recipes)
    chosen = _with_companions(compiled, tuple({entry.name: entry for entry in asked}.values()))
    vendors = _of_kind(compiled, "vendors")
    foundations = _single(compiled, "foundations")
    managers = _single(compiled, "package_managers")
    used = (foundations, managers, *chosen, *vendors)
    contents = "\n".join(sorted(f"{entry.kind}/{entry.name} {entry.digest}" for entry in used))
    return Matrix(
        revision=hashlib.sha256(contents.encode()).hexdigest()[:12],
        newest_source=max(entry.newest_source for entry in used),
        foundations=_decode(foundations, Foundations),
        recipes=tuple(_decode(entry, Recipe) for entry in chosen),
        vendors=tuple(_decode(entry, Vendor) for entry in vendors),
        package_managers=_decode(managers, PackageManagers).managers,
    )


def _with_companions(compiled: Compiled, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Add the recipes whose main package, their name or an alias, is pinned as a companion or required by a recipe."""
    known = {name: entry for entry in _of_kind(compiled, "recipes") for name in (*entry.aliases, entry.name)}
    recipes = tuple(_decode(entry, Recipe) for entry in entries)
    pinned = {row.package for recipe in recipes for row in recipe.companions if row.pinned}
    required = {package for recipe in recipes for release in recipe.releases for package in release.requires}
    added = (known[name] for name in sorted((pinned | required) & known.keys()))
    return tuple({entry.name: entry for entry in (*entries, *added)}.values())


def load_recipe(name: str) -> Recipe:
    """Load one recipe by name or alias; raises as `load_matrix` does."""
    return _decode(_recipe(load_compiled(), name), Recipe)


def load_vendor(name: str) -> Vendor:
    """Load one vendor; raises `UsageError` with similar names, and `DataError` for a file that does not decode."""
    entries = {entry.name: entry for entry in _of_kind(load_compiled(), "vendors")}
    if name not in entries:
        message = f"no vendor has this name: `{name}`"
        raise UsageError(message, hints=_similar(name, tuple(entries)))
    return _decode(entries[name], Vendor)


def load_vendors() -> tuple[Vendor, ...]:
    """Load all vendors, sorted by name; raises `DataError` for a file that does not decode."""
    entries = _of_kind(load_compiled(), "vendors")
    return tuple(_decode(entry, Vendor) for entry in entries)


def load_foundations() -> Foundations:
    """Load bases, distributions and the order of Pythons; raises `DataError` for a file that does not decode."""
    return _decode(_single(load_compiled(), "foundations"), Foundations)


def load_systems() -> Systems:
    """Load the families of operating systems; raises `DataError` for a file that does not decode."""
    return _decode(_single(load_compiled(), "systems"), Systems)


def load_mirrors() -> Mirrors:
    """Load what can be had from mirrors; raises `DataError` for a file that does not decode."""
    return _decode(_single(load_compiled(), "mirrors"), Mirrors)


def load_pipelines() -> PipelineTools:
    """Load what generated pipelines run on and with; raises `DataError` for a file that does not decode."""
    return _decode(_single(load_compiled(), "pipelines"), PipelineTools)


def load_thresholds() -> Thresholds:
    """Load the amounts below which something is wrong; raises `DataError` for a file that does not decode."""
    return _decode(_single(load_compiled(), "thresholds"), Thresholds)


def newest_source() -> str:
    """Return the date, in ISO form, of the newest source of any data file: no clock that is right is before it."""
    return max(entry.newest_source for entry in load_compiled().entries)


def load_finding(name: str) -> FindingRow:
    """Load what is known about one finding; raises `UsageError` with similar ids, and `DataError` as above."""
    group = _decode(_group(load_compiled(), "findings", name), FindingGroup)
    return next(row for row in group.findings if row.id == name)


def load_findings() -> tuple[FindingGroup, ...]:
    """Load all findings, in groups sorted by name; raises `DataError` for a file that does not decode."""
    return tuple(_decode(entry, FindingGroup) for entry in _of_kind(load_compiled(), "findings"))


def load_remedy(name: str) -> RemedyRow:
    """Load one remedy; raises `UsageError` with similar ids, and `DataError` for a file that does not decode."""
    group = _decode(_group(load_compiled(), "remedies", name), RemedyGroup)
    return next(row for row in group.remedies if row.id == name)


def load_remedies() -> tuple[RemedyGroup, ...]:
    """Load all remedies, in groups sorted by name; raises `DataError` for a file that does not decode."""
    return tuple(_decode(entry, RemedyGroup) for entry in _of_kind(load_compiled(), "remedies"))


def recipe_names() -> tuple[str, ...]:
    """Return the names of all recipes, sorted, without aliases."""
    return tuple(entry.name for entry in _of_kind(load_compiled(), "recipes"))


def _decode(entry: Entry, kind: type[Kind]) -> Kind:
    with DECODING:
        return msgspec.msgpack.decode(entry.document, type=kind)


def _of_kind(compiled: Compiled, kind: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in compiled.entries if entry.kind == kind)


def _recipe(compiled: Compiled, name: str) -> Entry:
    entries = _of_kind(compiled, "recipes")
    known = {alias: entry for entry in entries for alias in entry.aliases} | {entry.name: entry for entry in entries}
    if name not in known:
        message = f"no recipe has this name: `{name}`"
        raise UnknownRecipeError(message, hints=_similar(name, tuple(known)))
    return known[name]


def _group(compiled: Compiled, kind: str, name: str) -> Entry:
    known = {alias: entry for entry in _of_kind(compiled, kind) for alias in entry.aliases}
    if name not in known:
        message = f"no row of `{kind}` has this id: `{name}`"
        raise UsageError(message, hints=_similar(name, tuple(known)))
    return known[name]


def _single(compiled: Compiled, kind: str) -> Entry:
    entries = _of_kind(compiled, kind)
    if not entries:
        message = f"the data inside the package is incomplete, file missing: envkit/data/{kind}.yaml"
        raise DataError(message, hints=("install envkit again",))
    return entries[0]


def _similar(name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    similar = get_close_matches(name, known, n=3, cutoff=0.5)
    if similar:
        return (f"did you mean {' or '.join(f'`{candidate}`' for candidate in similar)}?",)
    return (f"one of {', '.join(f'`{candidate}`' for candidate in sorted(known))}",)
