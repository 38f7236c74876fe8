"""Derived rows held against what the index last answered: a rule of `envkit matrix check`."""

from collections.abc import Iterator
from pathlib import Path as FilePath

import msgspec
from packaging.specifiers import SpecifierSet

from envkit.data.checking.report import DataFault, Problem
from envkit.data.checking.subject import Subject, read_subject
from envkit.data.faults import Path
from envkit.data.overlay import read_text
from envkit.data.places import overlay_directory
from envkit.errors import DataError
from envkit.model.deriving import DeriveRow
from envkit.model.recipe import Recipe, ReleaseRow, VariantRow
from envkit.model.recorded import RecordedRelease
from envkit.model.value import to_line
from envkit.refresh.merge import merge_releases
from envkit.refresh.observation import Observation
from envkit.refresh.recorded import (
    FOLDER,
    by_version,
    observation_of,
    read_record,
    record_path,
    record_text,
)
from envkit.refresh.variants import merge_variants

_RULE = "recorded"
_SHOWN = 120  # characters of a value in a message


def recorded_faults(subject: Subject) -> Iterator[DataFault]:
    """Say which derived rows of a recipe are not what the recorded answers give, and which have none.

    A recipe of the overlay, or of a folder that has no records, may be without: then nothing is said of it.
    """
    if not isinstance(subject.document, Recipe):
        return
    own = FilePath(subject.file.overlay or subject.file.path)
    paths = [record_path(subject.file.path), record_path(str(own))]
    if subject.merged is not None and not paths[1].is_file():
        # Rows of a site that nobody recorded: what came with envkit is still held against its own answers.
        yield from recorded_faults(read_subject(msgspec.structs.replace(subject.file, overlay=None)))
        return
    if subject.merged is None:
        paths = paths[1:]
    faults = [fault for path in dict.fromkeys(paths) for fault in _record_faults(path)]
    yield from faults
    if faults:
        return
    releases: dict[str, RecordedRelease] = {}
    for path in paths:
        releases |= by_version(read_record(path))
    if releases or _is_due(own):
        for problem in recorded_problems(subject.document, tuple(releases.values())):
            yield subject.fault(problem)


def recorded_problems(recipe: Recipe, releases: tuple[RecordedRelease, ...]) -> Iterator[Problem]:
    """Say in which derived rows a recipe differs from what its recorded answers give; rows of both must be sound."""
    recorded = {release.version for release in releases}
    for place, row in enumerate(recipe.releases):
        if row.derived and row.version not in recorded:
            text = f"no upstream answer is recorded of the derived row of {row.version}; see"
            yield Problem(("releases", place), _RULE, text)
    derive = recipe.derive
    if derive is None:
        return
    # A range that was narrowed leaves its old rows to people: `derived` has to go from them.
    wanted = SpecifierSet(derive.releases)
    seen = tuple(release for release in releases if release.version in wanted)
    for place, row in enumerate(recipe.releases):
        if row.derived and row.version in recorded and row.version not in wanted:
            text = f"the derived row of {row.version} is out of the range of `derive.releases`, {derive.releases}; see"
            yield Problem(("releases", place, "derived"), _RULE, text)
    yield from _differences(recipe, derive, observation_of(seen))


def _is_due(path: FilePath) -> bool:
    """Tell whether recipes beside this one have records, so that it must have its own."""
    return (path.parent / FOLDER).is_dir() and not path.resolve().is_relative_to(overlay_directory().resolve())


def _record_faults(path: FilePath) -> list[DataFault]:
    """Return what is wrong with the file of a record itself."""
    try:
        record = read_record(path)
        if record is None:
            return []
        if record_text(record) == read_text(str(path)):
            return []
        seen = "not in the form that `envkit matrix refresh` writes"
    except DataError as error:
        seen = "; ".join((error.message, *error.facts))
    return [DataFault(file=str(path), line=1, column=1, path="$", rule=_RULE, problem=f"{seen}; in")]


def _differences(recipe: Recipe, derive: DeriveRow, observation: Observation) -> Iterator[Problem]:
    merged = merge_releases(recipe, derive, observation)
    variants = merge_variants(recipe, derive, merged.releases, observation).variants
    rows = {row.version: (place, row) for place, row in enumerate(recipe.releases)}
    for release in merged.releases:
        if release.version not in rows:
            text = f"{release.version} is recorded of the index and has no row in"
            yield Problem(("releases",), _RULE, text)
            continue
        place, row = rows[release.version]
        if row.derived:
            yield from _fields(row, release, ("releases", place))
    yield from _variants(recipe, variants)


def _variants(recipe: Recipe, made: tuple[VariantRow, ...]) -> Iterator[Problem]:
    wanted = {_key(row): row for row in made if row.derived}
    for place, row in enumerate(recipe.variants):
        if not row.derived:
            continue
        other = wanted.pop(_key(row), None)
        if other is None:
            text = f"no recorded answer gives the derived row of {row.variant} for {row.releases}; see"
            yield Problem(("variants", place), _RULE, text)
        else:
            yield from _fields(row, other, ("variants", place))
    for row in wanted.values():
        text = f"the recorded answers give a row of {row.variant} for {row.releases} that is not in"
        yield Problem(("variants",), _RULE, text)


def _key(row: VariantRow) -> tuple[str, str, tuple[str, ...], str | None]:
    return row.variant, row.releases, row.cpu_architectures, row.package


def _fields(row: ReleaseRow | VariantRow, recorded: ReleaseRow | VariantRow, path: Path) -> Iterator[Problem]:
    for field in row.__struct_fields__:
        ours, theirs = getattr(row, field), getattr(recorded, field)
        if ours != theirs:
            text = f"differs from the recorded upstream answer, which gives {_shown(theirs)}, found {_shown(ours)} in"
            yield Problem((*path, field), _RULE, text)


def _shown(value: object) -> str:
    text = to_line(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
