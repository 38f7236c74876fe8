"""`pyproject.toml`: the dependencies of its project.

Format: https://packaging.python.org/en/latest/specifications/pyproject-toml/
"""

from packaging.requirements import InvalidRequirement, Requirement

from envkit.errors import DataError
from envkit.model.address import display_url
from envkit.project.drafts import Draft, LeftOut, Line, Read, make_lines
from envkit.project.imports import Role
from envkit.project.toml import parse_toml, places_of

NAMES = ("pyproject.toml",)
RANK = 30
ROLE: Role = "requirements"


def import_file(text: str, path: str, read: Read) -> Draft:  # noqa: ARG001 - of all importers; nothing is included here
    """Make a draft of `[project]`; raises `DataError`."""
    table = parse_toml(text, path)
    project = _table(table, "project", path)
    dependencies = project.get("dependencies", [])
    if not isinstance(dependencies, list) or not all(isinstance(item, str) for item in dependencies):
        place = places_of(text, ("dependencies",), path)[0]
        raise DataError(f"a list of texts is expected in `project.dependencies`: {place}")
    items = tuple(map(str, dependencies))
    _, *places = places_of(text, ("dependencies", *items), path)
    lines = list(zip(items, places, strict=True))
    for item, place in lines:
        _check(item, place)
    name, python = project.get("name"), project.get("requires-python")
    return Draft(
        source=path,
        name=name if isinstance(name, str) else None,
        python=python if isinstance(python, str) else None,
        lines=make_lines(lines),
        extra_indexes=_indexes(table, text, path),
        left_out=tuple(_left_out(table, project, text, path)),
    )


def _table(parent: dict[str, object], name: str, path: str) -> dict[str, object]:
    found = parent.get(name, {})
    if not isinstance(found, dict):
        raise DataError(f"a table is expected in `{name}`: {path}")
    return found


def _check(item: str, place: str) -> None:
    try:
        Requirement(item)
    except InvalidRequirement as error:
        raise DataError(f"not a requirement: `{item}`: {place}", facts=(str(error).partition("\n")[0],)) from error


def _left_out(table: dict[str, object], project: dict[str, object], text: str, path: str) -> list[LeftOut]:
    """Say what a project has beside its dependencies that decides what is installed."""
    found: list[LeftOut] = []
    dynamic = project.get("dynamic")
    if isinstance(dynamic, list) and "dependencies" in dynamic:
        reason = "its build system makes the dependencies: name the file that they come from"
        place = places_of(text, ("dynamic",), path)[0]
        found.append(LeftOut(what="dynamic dependencies", place=place, reason=reason))
    groups = _table(table, "dependency-groups", path)
    optional = _table(project, "optional-dependencies", path)
    for what, table_name, names in (
        ("optional dependencies", "optional-dependencies", optional),
        ("dependency group", "dependency-groups", groups),
    ):
        for name, place in zip(names, places_of(text, (table_name, *names), path)[1:], strict=True):
            found.append(
                LeftOut(what=f"{what} `{name}`", place=place, reason="only who asks for it gets it", lost=False)
            )
    tools = _table(table, "tool", path)
    poetry = _table(tools, "poetry", path)
    if "dependencies" in poetry and "dependencies" not in project:
        reason = "Poetry's own form is not read: move it to `[project]`, or export a requirements.txt"
        what = "[tool.poetry.dependencies]"
        found.append(LeftOut(what=what, place=places_of(text, (what,), path)[0], reason=reason))
    sources = _table(_table(tools, "uv", path), "sources", path)
    for name, place in zip(sources, places_of(text, ("tool.uv.sources", *sources), path)[1:], strict=True):
        reason = "recipes name their own indexes, and `sources` the others"
        found.append(LeftOut(what=f"uv's source of `{name}`", place=place, reason=reason, lost=False))
    return found


def _indexes(table: dict[str, object], text: str, path: str) -> tuple[Line, ...]:
    """Return the addresses of uv's own table of indexes, without credentials."""
    rows = _table(_table(table, "tool", path), "uv", path).get("index", [])
    tables = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    urls = [url for row in tables if isinstance(url := row.get("url"), str)]
    places = places_of(text, ("tool.uv.index", *urls), path)[1:]
    return tuple(Line(text=display_url(url), place=place) for url, place in zip(urls, places, strict=True))
