"""`envkit matrix refresh --source`: what pages beside the package index say, and an edit of the rows that they tell."""

import os
from datetime import UTC, datetime
from pathlib import Path

from envkit.cli.commands.matrix import Wanted, traffic_text
from envkit.cli.output import Output
from envkit.cli.reporter import CommandReporter
from envkit.data.checking.soundness import require_sound
from envkit.data.settings import load_settings
from envkit.engines.protocol import Progress
from envkit.errors import DataError, ExitStatus, NetworkError, UsageError
from envkit.model.address import display_url
from envkit.model.host import Gap
from envkit.model.recipe import Recipe
from envkit.model.text import strip_controls
from envkit.model.value import Value, to_json
from envkit.model.vendor import Vendor
from envkit.refresh import recipe_files, write_recipe
from envkit.refresh.cache import Cache
from envkit.refresh.changes import Change
from envkit.refresh.places import RecipeFile, VendorFile, vendor_file, write_vendor
from envkit.refresh.sources import Observed, SourceRefreshed, refresh_from
from envkit.refresh.upstream import PageReader, UpstreamRow, find_upstreams
from envkit.system.http import Client
from envkit.system.registry import Registry
from envkit.system.sources import read_sources


class SourceNews(Value):
    """What one page says about one recipe or vendor."""

    source: str
    url: str
    document: str
    changed: bool = False  # the file differs, or did before it was written
    observed: tuple[Observed, ...] = ()
    changes: tuple[Change, ...] = ()
    gaps: tuple[Gap, ...] = ()  # a page that could not be read or understood is one as well
    written: str | None = None  # path of the file, None: nothing was written


class SourcesReport(Value, tag_field="format", tag="envkit-refresh-sources/1"):
    """What a refresh from pages found, for `--json`."""

    sources: tuple[SourceNews, ...]
    requests: int
    bytes: int  # received


def refresh_sources(output: Output, names: tuple[str, ...], wanted: Wanted) -> int:
    """Read pages, show what is new, and write it where that was asked for.

    A page that cannot be read is a gap; raises the `NetworkError` or `DataError` of the first where none can be.
    """
    if wanted.frameworks or wanted.index is not None:
        raise UsageError("`--source` goes with neither a framework nor `--index`: it is read in the place of the index")
    rows = find_upstreams(names)
    settings = read_sources(os.environ, home=str(Path.home()), settings=load_settings(), offline=wanted.offline)
    client = Client(settings)
    registry = Registry(settings)
    reader = PageReader(client, Cache(), registry=registry, offline=settings.offline)
    news: list[SourceNews] = []
    failures: list[NetworkError | DataError] = []
    with CommandReporter(output, "matrix-refresh") as reporter:
        for row in rows:
            reporter.progress(Progress(text=f"read {display_url(row.url)}"))
            try:
                news.append(_refreshed(row, reader, write=wanted.write))
            except (NetworkError, DataError) as error:
                failures.append(error)
                news.append(_failed(row, error))
        if len(failures) == len(rows):
            raise failures[0]
        for one in news:
            _show(output, reporter, one, as_json=wanted.as_json)
        requests, received = client.requests + registry.requests, client.bytes + registry.bytes
        reporter.stage("asked", f"{', '.join(names)}: {traffic_text(requests, received)}")
    if wanted.as_json:
        output.data(to_json(SourcesReport(sources=tuple(news), requests=requests, bytes=received)))
    changed = any(one.changed for one in news)
    return int(ExitStatus.CHANGES) if wanted.check and changed else int(ExitStatus.OK)


def _refreshed(row: UpstreamRow, reader: PageReader, *, write: bool) -> SourceNews:
    today = datetime.now(UTC).date().isoformat()
    file = _document(row)
    require_sound(file.recipe if isinstance(file, RecipeFile) else file.vendor, file.target)
    if isinstance(file, RecipeFile):
        recipe = refresh_from(row, reader, file.recipe, today)
        changed = recipe.document != file.recipe
        if changed and write:
            write_recipe(file, recipe.document)
        return _news(row, recipe, changed=changed, written=file.target if changed and write else None)
    vendor = refresh_from(row, reader, file.vendor, today)
    changed = vendor.document != file.vendor
    if changed and write:
        write_vendor(file, vendor.document)
    return _news(row, vendor, changed=changed, written=file.target if changed and write else None)


def _document(row: UpstreamRow) -> RecipeFile | VendorFile:
    found = next((file for file in recipe_files() if file.recipe.name == row.document), None)
    document = found or vendor_file(row.document)
    if document is None:
        raise DataError(f"no recipe and no vendor has the name that the source `{row.name}` tells of: {row.document}")
    return document


def _news(
    row: UpstreamRow,
    found: SourceRefreshed[Recipe] | SourceRefreshed[Vendor],
    *,
    changed: bool,
    written: str | None,
) -> SourceNews:
    return SourceNews(
        source=row.name,
        url=display_url(row.url),
        document=row.document,
        changed=changed,
        observed=found.observed,
        changes=found.changes,
        gaps=found.gaps,
        written=written,
    )


def _failed(row: UpstreamRow, error: NetworkError | DataError) -> SourceNews:
    url = display_url(row.url)
    gap = Gap(fact=row.title, source=url, reason=f"{error.code}: {error.message}")
    return SourceNews(source=row.name, url=url, document=row.document, gaps=(gap,))


def _show(output: Output, reporter: CommandReporter, news: SourceNews, *, as_json: bool) -> None:
    count = len(news.changes)
    reporter.stage("compared", f"{news.document} with {news.source}: {count or 'no'} difference{'s' * (count != 1)}")
    for gap in news.gaps:
        reporter.note(strip_controls(f"not known: {gap.fact} ({gap.source}): {gap.reason}"))
    if not as_json:
        for change in news.changes:
            mark = "!" if change.loud else " "
            output.data(strip_controls(f"{mark} {news.document} {change.release}: {change.text}"))
    if news.written is not None:
        reporter.stage("wrote", news.written)
