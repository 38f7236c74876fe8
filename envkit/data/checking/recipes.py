"""What holds for one recipe: every release has its builds, and every build is made in exactly one way."""

from collections.abc import Iterator

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.data.checking.forms import date_fault, release_fault
from envkit.data.checking.report import Problem
from envkit.data.checking.vendors import known_architectures
from envkit.data.faults import Path
from envkit.model.recipe import BrokenRow, Recipe, ReleaseRow, VariantRow
from envkit.model.reserved import DEFAULT_INDEX
from envkit.model.vendor import Vendor


def recipe_problems(recipe: Recipe, vendors: tuple[Vendor, ...]) -> Iterator[Problem]:
    """Say what is wrong with a recipe beyond its single rows."""
    yield from _release_problems(recipe)
    yield from _cover_problems(recipe)
    yield from _overlap_problems(recipe)
    yield from _vendor_problems(recipe, vendors)
    yield from _image_problems(recipe, vendors)


def _release_problems(recipe: Recipe) -> Iterator[Problem]:
    newest = max((source.retrieved for source in recipe.sources.values()), default=None)
    before: Version | None = None
    for place, row in enumerate(recipe.releases):
        path: Path = ("releases", place)
        if newest is not None and date_fault(row.released) is None and row.released > newest:
            text = f"released after the newest source was read, {newest}, found {row.released!r} in"
            yield Problem((*path, "released"), "date", text)
        if not row.pythons:
            yield Problem((*path, "pythons"), "uncovered", "a release without any Python in")
        if release_fault(row.version) is not None:
            continue
        version = Version(row.version)
        if version.is_prerelease or version.local:
            text = f"candidates, development builds and local versions are no releases, found {row.version!r} in"
            yield Problem((*path, "version"), "version", text)
        if before is not None and version > before:
            yield Problem(
                (*path, "version"), "unsorted", "releases stand newest first, this one is newer than the one before in"
            )
        before = version


def _cover_problems(recipe: Recipe) -> Iterator[Problem]:
    """Say which builds of a release no row describes, and which rows describe no release.

    A release that no index serves is covered by any row: wheels of it may lie in a wheelhouse.
    """
    used: set[int] = set()
    for place, release in enumerate(recipe.releases):
        if release_fault(release.version) is not None:
            continue
        covering = [number for number, row in enumerate(recipe.variants) if _within(release.version, row.releases)]
        used.update(covering)
        if not covering:
            text = f"no row of `variants` covers {release.version}; see"
            yield Problem(("releases", place, "version"), "uncovered", text)
            continue
        rows = [recipe.variants[number] for number in covering]
        for path, variant, architecture in _served(release):
            if not any(row.variant == variant and _is_for(row, architecture) for row in rows):
                where = "" if architecture is None else f" on {architecture}"
                text = f"no row of `variants` covers `{variant}` of {release.version}{where}; see"
                yield Problem(("releases", place, *path), "uncovered", text)
    for number in range(len(recipe.variants)):
        if number not in used:
            yield Problem(("variants", number), "unused", "a row that covers no release:")


def _is_for(row: VariantRow, architecture: str | None) -> bool:
    return architecture in row.cpu_architectures if architecture is not None else bool(row.cpu_architectures)


def _served(release: ReleaseRow) -> Iterator[tuple[Path, str, str | None]]:
    """Return each variant of a release with the path at which it is named, and its processor architecture."""
    for architecture, variant in release.default.items():
        yield ("default", architecture), variant, architecture
    for architecture, variants in release.also.items():
        for place, variant in enumerate(variants):
            yield ("also", architecture, place), variant, architecture
    for place, variant in enumerate(release.indexed):
        yield ("indexed", place), variant, None


def _within(version: str, text: str) -> bool:
    try:
        return SpecifierSet(text).contains(Version(version), prereleases=True)
    except ValueError:  # of packaging, and of numbers of thousands of digits
        return False


def _overlap_problems(recipe: Recipe) -> Iterator[Problem]:
    """Say where two rows describe the same build: of a release, or of any version that a range names."""
    alike: dict[tuple[str | None, ...], list[int]] = {}
    for number, row in enumerate(recipe.variants):
        key = (row.variant, row.system, row.index, row.image, row.package)
        alike.setdefault(key, []).append(number)
    releases = [row.version for row in recipe.releases if release_fault(row.version) is None]
    for numbers in alike.values():
        rows = [recipe.variants[number] for number in numbers]
        versions = [*releases, *_named_versions(rows)]
        covered = [{version for version in versions if _within(version, row.releases)} for row in rows]
        for later in range(len(rows)):
            for earlier in range(later):
                both = covered[earlier] & covered[later]
                places = set(rows[earlier].cpu_architectures) & set(rows[later].cpu_architectures)
                if both and places:
                    text = (
                        f"covers {min(both, key=Version)} on {', '.join(sorted(places))} as row {numbers[earlier]}"
                        f" (`{rows[earlier].releases}`) does, in"
                    )
                    yield Problem(("variants", numbers[later], "releases"), "overlap", text)


def _named_versions(rows: list[VariantRow]) -> Iterator[str]:
    for row in rows:
        try:
            named = [part.version.removesuffix(".*") for part in SpecifierSet(row.releases)]
        except ValueError:
            continue
        for text in named:
            try:
                Version(text)
            except ValueError:
                continue
            yield text


def _image_problems(recipe: Recipe, vendors: tuple[Vendor, ...]) -> Iterator[Problem]:
    """Say which builds are in an image alone that no base of the vendor describes as the row does."""
    bases = {(vendor.name, base.image): base for vendor in vendors for base in vendor.bases}
    for number, row in enumerate(recipe.variants):
        path: Path = ("variants", number, "image")
        if row.image is None:
            continue
        base = bases.get((row.vendor, row.image))
        if base is None:
            yield Problem(path, "image", f"no row of `bases` of {row.vendor} has it, found {row.image!r} in")
            continue
        package = row.package or recipe.package
        brought = base.packages.get(package)
        if brought is None or not _within(brought, row.releases):
            text = f"the base of {row.vendor} brings {package} {brought or 'not at all'}, found {row.releases!r} in"
            yield Problem((*path[:2], "releases"), "image", text)
        if row.pythons is None or not set(row.pythons) <= set(base.pythons):
            text = f"the base of {row.vendor} has Python {' '.join(base.pythons)}, found {row.pythons!r} in"
            yield Problem((*path[:2], "pythons"), "image", text)


def _vendor_problems(recipe: Recipe, vendors: tuple[Vendor, ...]) -> Iterator[Problem]:
    known = {vendor.name: vendor for vendor in vendors}
    for path, name in _named_vendors(recipe):
        if name not in known:
            yield Problem(path, "vendor", f"no vendor has this name, found {name!r} in")
    for number, row in enumerate(recipe.variants):
        if row.vendor in known:
            yield from _variant_problems(row, known[row.vendor], ("variants", number))
        if not _has_index(recipe, row):
            text = f"no index of the recipe has this name, found {row.index!r} in"
            yield Problem(("variants", number, "index"), "index", text)
    for place, release in enumerate(recipe.releases):
        for inner, broken in enumerate(release.broken):
            yield from _broken_problems(broken, vendors, ("releases", place, "broken", inner))


def _named_vendors(recipe: Recipe) -> Iterator[tuple[Path, str]]:
    for number, row in enumerate(recipe.variants):
        yield ("variants", number, "vendor"), row.vendor
    for number, absent in enumerate(recipe.absent):
        yield ("absent", number, "vendor"), absent.vendor
    for name in recipe.smoke.devices:
        yield ("smoke", "devices", name), name


def _has_index(recipe: Recipe, row: VariantRow) -> bool:
    name = row.index
    return name in {None, DEFAULT_INDEX} or any(index.variant_of(name or "") is not None for index in recipe.indexes)


def _variant_problems(row: VariantRow, vendor: Vendor, path: Path) -> Iterator[Problem]:
    for field in ("architectures", "ptx", "ptx_indexed"):
        yield from _architecture_problems(getattr(row, field), vendor, (*path, field))
    if row.runtime is not None and vendor.runtime is not None and row.runtime.name != vendor.runtime:
        text = f"the runtime of {vendor.name} is `{vendor.runtime}`, found {row.runtime.name!r} in"
        yield Problem((*path, "runtime", "name"), "vendor", text)
    for place, broken in enumerate(row.broken):
        yield from _broken_problems(broken, (vendor,), (*path, "broken", place))


def _broken_problems(row: BrokenRow, vendors: tuple[Vendor, ...], path: Path) -> Iterator[Problem]:
    every = frozenset[str]().union(*(known_architectures(vendor) or () for vendor in vendors))
    if any(known_architectures(vendor) for vendor in vendors):
        for place, name in enumerate(row.architectures or ()):
            if name not in every:
                yield Problem((*path, "architectures", place), "architecture", f"no device has it, found {name!r} in")


def _architecture_problems(names: tuple[str, ...] | None, vendor: Vendor, path: Path) -> Iterator[Problem]:
    known = known_architectures(vendor)
    for place, name in enumerate(names or ()):
        if known and name not in known:
            yield Problem((*path, place), "architecture", f"no device of {vendor.name} has it, found {name!r} in")
