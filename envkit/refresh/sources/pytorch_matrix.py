"""The table of PyTorch's RELEASE.md, a row per minor release: which CUDA builds its own index has."""

import re

import msgspec
from packaging.version import Version

from envkit.errors import DataError
from envkit.model.address import display_url
from envkit.model.host import Gap
from envkit.model.recipe import Recipe, ReleaseRow
from envkit.refresh.changes import Change
from envkit.refresh.sources import Observed, SourceRefreshed
from envkit.refresh.upstream import PageReader, UpstreamRow, unexpected
from envkit.refresh.variants import covering

_RELEASES = "pytorch version"
_RUNTIME = "cuda"
_MINOR = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)
_CUDA = re.compile(r"\bCUDA ([0-9]{1,3})\.([0-9]{1,3})\b", re.ASCII)  # not `CUDNN 9.1`
_DIVIDER = re.compile(r":?-+:?")
_Table = dict[str, tuple[str, ...]]  # variants by minor release


def refresh(reader: PageReader, row: UpstreamRow, recipe: Recipe) -> SourceRefreshed[Recipe]:
    """Return the recipe with `indexed` of the releases that had none; raises as `PageReader.text`, and `DataError`."""
    table = parse_table(reader.text(row.url), _naming(recipe), row.url)
    changes: list[Change] = _unknown_releases(recipe, table)
    gaps: list[Gap] = []
    releases: list[ReleaseRow] = []
    for release in recipe.releases:
        listed = table.get(_minor(release.version))
        if listed is None and not release.indexed:
            reason = f"the table has no row for {_minor(release.version)}"
            gaps.append(Gap(fact=f"{release.version} indexed", source=display_url(row.url), reason=reason))
        if listed is None or release.indexed:
            changes += [] if listed is None else _compared(recipe, release, listed)
            releases.append(release)
            continue
        added, news = _filled(recipe, release, listed)
        releases.append(added)
        changes += news
    observed = tuple(Observed(name=minor, values=variants) for minor, variants in table.items())
    document = msgspec.structs.replace(recipe, releases=tuple(releases))
    return SourceRefreshed(document, observed, tuple(changes), tuple(gaps))


def parse_table(text: str, naming: str, url: str) -> _Table:
    """Return the CUDA variants of each minor release, named by a pattern such as `cu{major}{minor}`.

    Raises `DataError` where the table is missing, cut off or of another form; nothing of it is then taken.
    """
    lines = iter(text.splitlines())
    header = next((cells for line in lines if (cells := _cells(line)) and cells[0].lower() == _RELEASES), None)
    columns = [index for index, name in enumerate(header or ()) if "cuda" in name.lower()]
    if header is None or not columns:
        raise DataError(f"the page has no table of releases and their CUDA: {display_url(url)}")
    table: _Table = {}
    for line in lines:
        cells = _cells(line)
        if not cells:
            break
        if len(cells) != len(header):
            raise unexpected(f"a row with {len(cells)} cells under a header with {len(header)},", line, url)
        if all(_DIVIDER.fullmatch(cell) for cell in cells):
            continue
        if not _MINOR.fullmatch(cells[0]) or cells[0] in table:
            raise unexpected("a row for", cells[0], url)
        versions = [version for column in columns for version in _versions(cells[column], url)]
        table[cells[0]] = tuple(naming.replace("{major}", one).replace("{minor}", two) for one, two in versions)
    if not table:
        raise DataError(f"the table of releases is empty: {display_url(url)}")
    return table


def _cells(line: str) -> list[str]:
    """Return the cells of a table's line; a line that is cut off in its last cell has one too few."""
    return [cell.strip() for cell in line.strip().split("|")[1:-1]] if line.lstrip().startswith("|") else []


def _versions(cell: str, url: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = _CUDA.findall(cell)
    if not found and any(character.isdigit() for character in cell):
        raise unexpected("a cell without `CUDA X.Y`:", cell, url)
    return found


def _naming(recipe: Recipe) -> str:
    naming = [row.variant for row in recipe.derive.runtimes if row.runtime == _RUNTIME] if recipe.derive else []
    if not naming:
        raise DataError(f"the recipe does not say how its builds for CUDA are called, `derive.runtimes`: {recipe.name}")
    return naming[0]


def _minor(release: str) -> str:
    version = Version(release)
    return f"{version.major}.{version.minor}"


def _unknown_releases(recipe: Recipe, table: _Table) -> list[Change]:
    """Return the minor releases of the table that are newer than all of the recipe's."""
    newest = max((Version(row.version) for row in recipe.releases), default=Version("0"))
    return [
        Change(kind="curate", release=minor, text=f"in the table and not in the recipe, CUDA builds {_list(variants)}")
        for minor, variants in table.items()
        if Version(minor) > newest
    ]


def _of_cuda(recipe: Recipe, release: ReleaseRow) -> tuple[str, ...]:
    """Return the variants on the own index that the table would list: those of the recipe's pattern for CUDA."""
    literal = re.escape(_naming(recipe))
    pattern = re.compile(literal.replace(r"\{major\}", "[0-9]+").replace(r"\{minor\}", "[0-9]+"))
    return tuple(variant for variant in release.indexed if pattern.fullmatch(variant))


def _compared(recipe: Recipe, release: ReleaseRow, listed: tuple[str, ...]) -> list[Change]:
    ours = _of_cuda(recipe, release)
    if set(ours) == set(listed):
        return []
    text = f"`indexed` disagrees: the row has {_list(ours)}, the table {_list(listed)}; the row is kept"
    return [Change(kind="conflict", release=release.version, text=text, loud=True)]


def _filled(recipe: Recipe, release: ReleaseRow, listed: tuple[str, ...]) -> tuple[ReleaseRow, list[Change]]:
    """Return a release with the listed variants that rows describe, and what that leaves to a person."""
    known = tuple(name for name in listed if _is_described(recipe, release, name))
    news = [
        Change(kind="curate", release=release.version, text=f"no row of `variants` covers {name} of the table")
        for name in listed
        if name not in known
    ]
    if not known:
        return release, news
    news += [
        Change(kind="changed-release", release=release.version, text=f"indexed none → {_list(known)}"),
        Change(kind="curate", release=release.version, text="the table tells CUDA only: add the others to `indexed`"),
    ]
    return msgspec.structs.replace(release, indexed=known), news


def _is_described(recipe: Recipe, release: ReleaseRow, variant: str) -> bool:
    return any(covering(recipe.variants, variant, place, release.version) is not None for place in release.default)


def _list(names: tuple[str, ...]) -> str:
    return " ".join(sorted(names)) or "none"
