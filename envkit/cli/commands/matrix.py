"""`envkit matrix refresh`: what is new upstream, as sentences and as an edit of the recipes."""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from envkit.cli.output import Output
from envkit.cli.reporter import CommandReporter
from envkit.data import load_foundations, load_vendors
from envkit.data.checking.soundness import require_sound
from envkit.data.loader import load_recipe
from envkit.data.settings import load_settings
from envkit.engines.protocol import Progress
from envkit.errors import DataError, ExitStatus, UsageError
from envkit.model.address import display_url, is_web_address
from envkit.model.availability import PUBLIC_INDEX
from envkit.model.host import Gap
from envkit.model.sources import PackageSources, Setting
from envkit.model.text import check_text, strip_controls
from envkit.model.value import Value, to_json
from envkit.refresh import Facts, RecipeFile, Refreshed, Session, recipe_files, refresh_recipe, write_recipe
from envkit.refresh.changes import Change
from envkit.refresh.recorded import write_record
from envkit.system.sources import read_sources


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which recipes are to be refreshed from where, and what becomes of it."""

    frameworks: tuple[str, ...] = ()
    index: str | None = None
    write: bool = True
    check: bool = False
    offline: bool = False
    as_json: bool = False


class RecipeNews(Value):
    """What is new for one recipe."""

    recipe: str
    changed: bool  # the file differs, or did before it was written
    changes: tuple[Change, ...]
    gaps: tuple[Gap, ...]
    written: str | None = None  # path of the file, None: nothing was written
    recorded: str | None = None  # path of the answers that `matrix check` compares with, None: nothing was written


class RefreshReport(Value, tag_field="format", tag="envkit-refresh/1"):
    """What a refresh found, for `--json`."""

    index: str
    recipes: tuple[RecipeNews, ...]
    requests: int
    bytes: int  # received


def refresh_matrix(output: Output, wanted: Wanted) -> int:
    """Refresh recipes, show what is new, and write it where that was asked for.

    A recipe of which the index or its own file is at fault does not lose the others: it is told when they are done.
    Raises its `DataError` where there are no others.
    """
    files = _chosen(wanted.frameworks)
    sources, index = _index(wanted)
    facts = Facts(foundations=load_foundations(), vendors=load_vendors(), today=datetime.now(UTC).date().isoformat())
    for document in (facts.foundations, *facts.vendors):
        require_sound(document, getattr(document, "name", "foundations"))
    news: list[RecipeNews] = []
    failures: list[DataError] = []
    with CommandReporter(output, "matrix-refresh") as reporter:
        session = Session(index, sources, lambda name: reporter.progress(Progress(text=f"read {name}")))
        for file in files:
            try:
                refreshed = _refreshed(file, facts, session)
                news.append(_record(file, refreshed, today=facts.today, write=wanted.write))
            except DataError as error:
                failures.append(error)
                news.append(_failed(file, error))
            _show(output, reporter, news[-1], as_json=wanted.as_json)
        if files and len(failures) == len(files):
            raise failures[0]
        reporter.stage("asked", f"{display_url(index)}: {traffic_text(session.requests, session.bytes)}")
    if wanted.as_json:
        report = RefreshReport(
            index=display_url(index), recipes=tuple(news), requests=session.requests, bytes=session.bytes
        )
        output.data(to_json(report))
    if failures:
        output.failure(failures[0])
        return int(failures[0].status)
    changed = any(one.changed for one in news)
    return int(ExitStatus.CHANGES) if wanted.check and changed else int(ExitStatus.OK)


def _refreshed(file: RecipeFile, facts: Facts, session: Session) -> Refreshed:
    """Return a refreshed recipe of sound rows; raises as `refresh_recipe`, and `DataError` for others."""
    require_sound(file.recipe, file.target)
    refreshed = refresh_recipe(file.recipe, facts, session.reader)
    require_sound(refreshed.recipe, f"{file.recipe.name}, as the index would have it")
    return refreshed


def _failed(file: RecipeFile, error: DataError) -> RecipeNews:
    gap = Gap(fact=file.recipe.title, source=file.target, reason=f"{error.code}: {error.message}")
    return RecipeNews(recipe=file.recipe.name, changed=False, changes=(), gaps=(gap,))


def _chosen(names: tuple[str, ...]) -> tuple[RecipeFile, ...]:
    """Return the recipes by name or alias, or all that can be derived. Raises `UnknownRecipeError`, `DataError`."""
    wanted = tuple(dict.fromkeys(load_recipe(name).name for name in names))
    files = {file.recipe.name: file for file in recipe_files()}
    if wanted:
        return tuple(files[name] for name in wanted)
    return tuple(file for file in files.values() if file.recipe.derive is not None or file.recipe.indexes)


def _index(wanted: Wanted) -> tuple[PackageSources, str]:
    sources = read_sources(os.environ, home=str(Path.home()), settings=load_settings(), offline=wanted.offline)
    if wanted.index is not None:
        check_text(wanted.index, "`--index`")
        sources = msgspec.structs.replace(sources, index=Setting(value=wanted.index, origin="--index"))
    elif sources.no_index:
        raise UsageError(
            "the settings of pip or uv forbid indexes", hints=("envkit matrix refresh --index https://…/simple",)
        )
    index = PUBLIC_INDEX if sources.index is None else sources.index.value
    if not is_web_address(index):
        raise UsageError(f"a refresh reads an index by http or https, not: {display_url(index)}")
    return sources, index


def _record(file: RecipeFile, refreshed: Refreshed, *, today: str, write: bool) -> RecipeNews:
    changed = refreshed.recipe != file.recipe
    recorded = None
    if write:
        recorded = write_record(file, refreshed.recipe, refreshed.observation, today)
    if changed and write:
        write_recipe(file, refreshed.recipe)
    return RecipeNews(
        recipe=file.recipe.name,
        changed=changed,
        changes=refreshed.changes,
        gaps=refreshed.gaps,
        written=file.target if changed and write else None,
        recorded=recorded,
    )


def _show(output: Output, reporter: CommandReporter, news: RecipeNews, *, as_json: bool) -> None:
    reporter.stage(
        "refreshed", f"{news.recipe}: {_count(len(news.changes), 'change') if news.changes else 'nothing new'}"
    )
    for gap in news.gaps:
        reporter.note(f"not known: {gap.fact} ({gap.source}): {gap.reason}")
    if not as_json:
        for change in news.changes:
            # Loud ones are in capitals already; the mark makes them easy to find in a long list.
            output.data(strip_controls(f"{'!' if change.loud else ' '} {news.recipe} {change.release}: {change.text}"))
    for path in (news.written, news.recorded):
        if path is not None:
            reporter.stage("wrote", path)


def traffic_text(requests: int, received: int) -> str:
    """Say how many requests were made, and how many bytes were received."""
    return f"{_count(requests, 'request')}, {received / 2**20:.1f} MiB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
