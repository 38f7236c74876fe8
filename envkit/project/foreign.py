"""Names that other tools have for things: the rows of `foreign.yaml`."""

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from envkit.data import decode_document
from envkit.model.provenance import Source
from envkit.model.value import Value

_FILE = Path(__file__).with_name("foreign.yaml")


class DroppedRow(Value):
    """Packages that are not carried over."""

    names: tuple[str, ...]  # patterns
    reason: str
    source: str


class FeatureRow(Value):
    """A feature of development containers."""

    names: tuple[str, ...]  # patterns of its reference without the version
    source: str
    system_packages: tuple[str, ...] = ()
    option: str | None = None  # that lists further ones
    python: str | None = None  # option that holds a version of Python
    reason: str | None = None  # why it is left out


class Foreign(Value):
    """The whole file; its comment says what is what."""

    sources: dict[str, Source]
    suggested: str
    hardware: tuple[DroppedRow, ...]
    renamed: dict[str, str]
    conda_renamed: dict[str, str]
    conda_system: dict[str, str]
    conda_dropped: tuple[DroppedRow, ...]
    features: tuple[FeatureRow, ...]


@cache
def load_foreign() -> Foreign:
    """Load the file; raises `DataError` when it does not decode."""
    return decode_document(_FILE.read_text(encoding="utf-8"), str(_FILE), Foreign)


def why_dropped(name: str, rows: tuple[DroppedRow, ...]) -> str | None:
    """Return why a package is not carried over, None where nothing speaks against it."""
    return next((row.reason for row in rows if any(fnmatchcase(name, pattern) for pattern in row.names)), None)


def feature_of(reference: str) -> FeatureRow | None:
    """Return what is known about a feature by its reference: `ghcr.io/devcontainers/features/git:1`."""
    name = reference.partition("@")[0]
    head, _, last = name.rpartition("/")
    plain = f"{head}/{last.partition(':')[0]}"
    return next((row for row in load_foreign().features if any(fnmatchcase(plain, text) for text in row.names)), None)
