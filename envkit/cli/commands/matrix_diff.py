"""`envkit matrix diff`: what differs between two states of the compatibility data, in sentences."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from envkit.cli.output import Output
from envkit.data.checking.soundness import require_sound
from envkit.data.difference import row_changes
from envkit.data.states import State, state_at, state_in_use
from envkit.errors import ExitStatus
from envkit.model.matrix import Foundations
from envkit.model.recipe import Recipe
from envkit.model.text import check_text, strip_controls
from envkit.model.value import Value, to_json
from envkit.model.vendor import Vendor
from envkit.refresh.changes import compare_recipes

# What sentences about releases tell already; the release itself is named where it goes away.
_TOLD = ("version", "released", "pythons", "pythons_by_architecture", "libc", "default", "packages", "packages_pythons")
_KINDS = {
    "foundations": "",
    "package_managers": "",
    "pipelines": "",
    "recipes": "",
    "systems": "",
    "thresholds": "",
    "vendors": "vendor",
}  # words before the name


class Difference(Value):
    """One thing that differs; `loud` ones must not be overlooked."""

    kind: str  # recipes | vendors …
    name: str
    subject: str  # the release or row; empty: the document
    text: str
    loud: bool = False


class MatrixDifference(Value, tag_field="format", tag="envkit-matrix-diff/1"):
    """What differs between two states of the data."""

    old: str
    new: str
    differences: tuple[Difference, ...]


def diff_matrix(output: Output, old: str, new: str | None, *, as_json: bool) -> int:
    """Print what differs between two states; raises `UsageError` and `DataError` for states that are none."""
    for text in filter(None, (old, new)):
        check_text(text, "a revision or path")
    before, after = state_at(old), state_in_use() if new is None else state_at(new)
    if new is None:
        after = _as_wide(before, after)
    for place, state in ((old, before), (new or "in use", after)):
        for (kind, name), document in state.items():
            if before.get((kind, name)) != after.get((kind, name)):
                require_sound(document, f"{kind}/{name} of {place}")
    report = MatrixDifference(
        old=old, new="in use" if new is None else new, differences=tuple(_differences(before, after))
    )
    if as_json:
        output.data(to_json(report))
        return int(ExitStatus.OK)
    for change in report.differences:
        words = (_KINDS.get(change.kind, change.kind), change.name, change.subject)
        mark = "!" if change.loud else " "
        output.data(strip_controls(f"{mark} {' '.join(filter(None, words))}: {change.text}"))
    if not report.differences:
        output.data("no difference")
    return int(ExitStatus.OK)


def _as_wide(before: State, after: State) -> State:
    """Leave out kinds of data that the other state has nothing of: a folder of recipes says nothing of vendors."""
    kinds = {kind for kind, _ in before}
    return {key: document for key, document in after.items() if key[0] in kinds}


def _differences(before: State, after: State) -> Iterator[Difference]:
    for key in sorted(before | after):
        kind, name = key
        if key not in before:
            yield Difference(kind=kind, name=name, subject="", text="added")
        elif key not in after:
            yield Difference(kind=kind, name=name, subject="", text="removed", loud=True)
        elif before[key] != after[key]:
            yield from _document_differences(key, before, after)


def _document_differences(key: tuple[str, str], before: State, after: State) -> Iterator[Difference]:
    kind, name = key
    old, new = before[key], after[key]
    if isinstance(old, Recipe) and isinstance(new, Recipe):
        yield from _recipe_differences(old, new, after)
        old, new = _untold(old, new), msgspec.structs.replace(new)
    for change in row_changes(old, new):
        subject = f"{change.table} {change.row}".strip()
        yield Difference(kind=kind, name=name, subject=subject, text=change.text, loud=change.text == "removed")


def _recipe_differences(old: Recipe, new: Recipe, after: State) -> Iterator[Difference]:
    vendors = tuple(document for document in after.values() if isinstance(document, Vendor))
    settle_days = next((document.settle_days for document in after.values() if isinstance(document, Foundations)), 0)
    today = datetime.now(UTC).date().isoformat()
    for change in compare_recipes(old, new, vendors, today=today, settle_days=settle_days):
        yield Difference(kind="recipes", name=new.name, subject=change.release, text=change.text, loud=change.loud)


def _untold(old: Recipe, new: Recipe) -> Recipe:
    """Return the old recipe with all that the sentences about releases tell taken from the new one."""
    rows = {row.version: row for row in new.releases}
    told = tuple(
        msgspec.structs.replace(row, **{name: getattr(rows[row.version], name) for name in _TOLD})
        if row.version in rows
        else row
        for row in old.releases
    )
    added = tuple(row for row in new.releases if row.version not in {known.version for known in old.releases})
    return msgspec.structs.replace(old, releases=(*told, *added))
