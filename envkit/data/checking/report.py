"""Faults of data files as values: what `envkit matrix check` tells."""

from typing import NamedTuple

from envkit.data.faults import Path
from envkit.model.value import Value


class DataFault(Value):
    """One thing that is wrong with a data file."""

    file: str
    line: int
    column: int
    path: str  # `$.releases[3].pythons`
    rule: str  # source, version, overlap …
    problem: str

    def __str__(self) -> str:
        """Return the fault in one line that begins with its place."""
        return f"{self.file}:{self.line}:{self.column}: {self.problem} `{self.path}` ({self.rule})"


class CheckReport(Value, tag_field="format", tag="envkit-matrix-check/1"):
    """What was checked, and everything that is wrong with it."""

    files: tuple[str, ...]
    faults: tuple[DataFault, ...]


class Problem(NamedTuple):
    """What a rule says about a document: the path of the part, the rule, and the sentence before the path."""

    path: Path
    rule: str
    text: str
