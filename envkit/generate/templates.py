"""The one place that renders templates."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from envkit.generate.quoting import exec_form, quoted

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, values: Mapping[str, object]) -> str:
    """Render `formats/TEMPLATE`; a value that the template needs and does not get is an internal error."""
    return _environment().get_template(template).render(values)


def _environment() -> "Environment":
    # Imported here: only generating needs it, and it is slow to import.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("envkit.generate", "formats"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - not HTML: values pass the filters below, and the result is parsed back
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["exec_form"] = exec_form
    environment.filters["quoted"] = quoted
    return environment
