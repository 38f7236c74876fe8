"""Whether versions, ranges and dates of data can be computed with: asked before commands do, of what they show."""

import msgspec

from envkit.data.checking.forms import form_problems
from envkit.data.checking.rows import walk_rows
from envkit.data.faults import path_text
from envkit.errors import FaultyDataError

_SHOWN = 20


def require_sound(document: msgspec.Struct, place: str) -> None:
    """Raise `FaultyDataError` for a document with values that have not the form that they must have."""
    problems = [problem for path, row in walk_rows(document) for problem in form_problems(row, path)]
    if problems:
        facts = [f"{problem.text} `{path_text(problem.path)}` ({problem.rule})" for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            facts.append(f"and {len(problems) - _SHOWN} more")
        raise FaultyDataError(
            f"the data cannot be computed with: {place}", facts=tuple(facts), hints=("envkit matrix check",)
        )
