"""`envkit explain`: the page of an error code."""

import inspect
from difflib import get_close_matches

from envkit import errors
from envkit.cli.output import Output
from envkit.errors import EnvkitError, UsageError
from envkit.model.value import Value, to_json


class Page(Value, tag_field="format", tag="envkit-page/1"):
    """What `envkit explain --json` prints."""

    code: str
    status: int
    text: str


def error_pages() -> dict[str, type[EnvkitError]]:
    """Return every error class by its code."""
    classes = (value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, EnvkitError))
    return {value.code: value for value in sorted(classes, key=lambda value: value.code)}


def page(kind: type[EnvkitError]) -> str:
    """Return the page of one error: its code, what happened, why, what to do."""
    return f"{kind.code} (exit status {int(kind.status)})\n\n{inspect.cleandoc(kind.__doc__ or '')}\n"


def explain_error(output: Output, code: str, *, as_json: bool) -> int:
    """Print the page of an error code."""
    pages = error_pages()
    kind = pages.get(code.upper())
    if kind is None:
        close = get_close_matches(code.upper(), pages, n=3) or list(pages)[:3]
        hints = tuple(f"envkit explain {similar}" for similar in close)
        raise UsageError(f"no error has this code: {code}", hints=hints)
    text = page(kind)
    output.data(to_json(Page(code=kind.code, status=int(kind.status), text=text)) if as_json else text)
    return 0
