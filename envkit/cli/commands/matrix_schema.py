"""`envkit matrix schema`: the formats as JSON Schema."""

from difflib import get_close_matches

from envkit.cli.output import Output
from envkit.cli.schemas import schema_kinds, schema_of
from envkit.errors import ExitStatus, UsageError
from envkit.model.value import to_json


def show_schema(output: Output, kind: str | None) -> int:
    """Print a schema, or the kinds that there are; raises `UsageError` for any other."""
    kinds = tuple(schema_kinds())
    if kind is None:
        output.data("\n".join(kinds))
        return int(ExitStatus.OK)
    name = kind.replace("/", "-")
    if name not in kinds:
        hints = tuple(f"did you mean `{near}`?" for near in get_close_matches(name, kinds, n=3))
        raise UsageError(f"no format has this name: {kind}", hints=hints or ("envkit matrix schema",))
    output.data(to_json(schema_of(name)))
    return int(ExitStatus.OK)
