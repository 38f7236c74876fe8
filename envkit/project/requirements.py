"""The field `requirements` of a project file: what the named file adds to a request."""

from pathlib import Path

from envkit.data import load_matrix
from envkit.errors import DataError
from envkit.model.request import Spec
from envkit.model.sources import Setting
from envkit.model.value import Value
from envkit.project.drafts import LeftOut
from envkit.project.files import read_file, read_foreign
from envkit.project.imports import Role, importer_of
from envkit.project.recognise import recognise

_ROLES: frozenset[Role] = frozenset({"requirements"})


class Required(Value):
    """What a file of requirements asks for."""

    specs: tuple[Spec, ...] = ()  # recipes that its packages mean
    packages: tuple[str, ...] = ()
    python: str | None = None
    constraints: tuple[Setting, ...] = ()
    index: Setting | None = None
    notes: tuple[str, ...] = ()  # what is decided otherwise, a sentence each


def read_required(path: Path) -> Required:
    """Read a requirements.txt, pyproject.toml or pylock.toml.

    Raises `UsageError` for another file, and `DataError` with file and line for what cannot be read or not be met:
    nothing that decides what is installed is passed over.
    """
    importer = importer_of(str(path), roles=_ROLES)
    draft = importer.import_file(read_foreign(str(path)), str(path), read_foreign)
    found = recognise(draft, load_matrix().recipes)
    lost = tuple(describe_left_out(left) for left in found.left_out if left.lost)
    if lost:
        raise DataError(
            f"requirements that cannot be met: {path}",
            facts=lost,
            hints=(f"envkit init --from {path} --dry-run",),
        )
    for constraint in draft.constraints:
        read_file(constraint.text)
    return Required(
        specs=found.specs,
        packages=found.packages,
        python=draft.python,
        constraints=tuple(Setting(value=line.text, origin=line.place) for line in draft.constraints),
        index=None if found.index is None else Setting(value=found.index, origin=str(path)),
        notes=tuple(describe_left_out(left) for left in found.left_out),
    )


def describe_left_out(left: LeftOut) -> str:
    """Say in a sentence what was left out, where and why."""
    return f"left out {left.what}: {left.reason} ({left.place})"
