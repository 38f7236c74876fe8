"""`envkit init`: a project file for a directory that has none."""

import shlex
from pathlib import Path

import msgspec

from envkit.cli.checks import check_recipe
from envkit.cli.hostfile import live_facts
from envkit.cli.output import Output
from envkit.data import decode_document
from envkit.errors import ProjectExistsError
from envkit.model.project import Project
from envkit.model.request import Spec
from envkit.model.value import Value, to_json
from envkit.project.drafts import Draft, LeftOut
from envkit.project.files import read_foreign
from envkit.project.imports import Importer, find_importable, importer_of
from envkit.project.reading import PROJECT_FILE, current_directory, load_project
from envkit.project.starting import Start, start_project
from envkit.project.writing import project_text
from envkit.resolve.spec import parse_spec
from envkit.system.files import write_atomically

_MODE = 0o644  # it is part of a repository


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed."""

    specs: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    force: bool = False
    dry_run: bool = False
    as_json: bool = False


class Initialised(Value, tag_field="format", tag="envkit-init/1"):
    """A new project file."""

    path: str
    written: bool
    sources: tuple[str, ...]  # files that it was made from
    project: Project
    left_out: tuple[LeftOut, ...]
    text: str


def write_project(output: Output, wanted: Wanted) -> int:
    """Write a project file into the current directory, or with `dry_run` print it.

    Raises `ProjectExistsError` where one is that must not be replaced, `DataError` for a file that cannot be read.
    """
    directory = current_directory()
    path = directory / PROJECT_FILE
    if not (wanted.force or wanted.dry_run) and (path.exists() or path.is_symlink()):
        raise ProjectExistsError(f"there is a project file already: {path}", hints=_replacing(wanted))
    specs = tuple(_spec(text) for text in wanted.specs)
    drafts, others = _drafts(directory, wanted)
    start = start_project(directory, specs, drafts, live_facts())
    text = project_text(start)
    decode_document(text, PROJECT_FILE, Project)
    if not wanted.dry_run:
        write_atomically(path, text, mode=_MODE)
        load_project(path)
    _report(output, start, path, others, written=not wanted.dry_run)
    if wanted.as_json:
        output.data(to_json(_result(start, path, text, written=not wanted.dry_run)))
    elif wanted.dry_run:
        output.data(text)
    return 0


def _replacing(wanted: Wanted) -> tuple[str, ...]:
    sources = (word for source in wanted.sources for word in ("--from", source))
    command = shlex.join(("envkit", "init", *wanted.specs, *sources))
    return (f"{command} --dry-run", f"{command} --force")


def _spec(text: str) -> Spec:
    spec = parse_spec(text)
    check_recipe(spec.recipe)
    return spec


def _drafts(directory: Path, wanted: Wanted) -> tuple[tuple[Draft, ...], tuple[Path, ...]]:
    """Return what the named files ask for, else what those of the directory do, and which of these were not taken."""
    if wanted.sources:
        named = ((importer_of(source), source) for source in wanted.sources)
        return tuple(_import(importer, source) for importer, source in named), ()
    if wanted.specs:
        return (), ()
    taken: dict[bool, Draft] = {}
    others: list[Path] = []
    for importer, found in find_importable(directory):
        path, around = str(found.relative_to(directory)), importer.ROLE == "container"
        if around in taken:
            others.append(found.relative_to(directory))
            continue
        draft = _import(importer, path)
        if _says_something(draft):
            taken[around] = draft
    return tuple(taken[around] for around in sorted(taken)), tuple(others)


def _import(importer: Importer, path: str) -> Draft:
    return importer.import_file(read_foreign(path), path, read_foreign)


def _says_something(draft: Draft) -> bool:
    """Tell whether a file asks for anything: a pyproject.toml may hold the settings of a linter alone."""
    return bool(draft.lines or draft.system_packages or draft.image or draft.left_out)


def _result(start: Start, path: Path, text: str, *, written: bool) -> Initialised:
    return Initialised(
        path=str(path),
        written=written,
        sources=start.sources,
        project=start.project,
        left_out=start.left_out,
        text=text,
    )


def _report(output: Output, start: Start, path: Path, others: tuple[Path, ...], *, written: bool) -> None:
    """Say what was taken, what was left out and why, and what to do next."""
    if start.sources:
        output.stage("Read", ", ".join(start.sources))
    for other in others:
        output.note(f"not read: {other}; `--from` names it")
    for left in start.left_out:
        output.note(f"left out {left.what}: {left.reason} ({left.place})")
    recipes = ", ".join(start.project.recipes)
    profiles = ", ".join(start.project.profiles) or "none"
    output.stage("Wrote" if written else "Would be", f"{path}: {recipes}; profiles: {profiles}")
    if start.suggested:
        output.note(f"nothing told what is needed here: `{recipes}` stands for it, change it to what you use")
    output.note("next: envkit resolve    or    envkit up")
