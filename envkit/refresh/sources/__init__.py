"""One module per page beside the package index, found by the name of its file."""

import importlib
import pkgutil
from typing import Generic, NamedTuple, TypeVar

import msgspec

from envkit.errors import DataError
from envkit.model.host import Gap
from envkit.model.provenance import Source
from envkit.model.recipe import Recipe
from envkit.model.value import Value
from envkit.model.vendor import Vendor
from envkit.refresh.changes import Change
from envkit.refresh.upstream import PageReader, UpstreamRow

Document = TypeVar("Document", Recipe, Vendor)


class Observed(Value):
    """One row of the page, as far as it is of use."""

    name: str  # 2.14, R580
    values: tuple[str, ...]


class SourceRefreshed(NamedTuple, Generic[Document]):
    """What a page says, and the document with what it adds."""

    document: Document
    observed: tuple[Observed, ...]
    changes: tuple[Change, ...]
    gaps: tuple[Gap, ...]


def refresh_from(row: UpstreamRow, reader: PageReader, document: Document, today: str) -> SourceRefreshed[Document]:
    """Return the document as the page wants it, with the differences; rows that people wrote stay as they are.

    `today` is an ISO date. Raises `NetworkError` and `DataError` for a page that cannot be read or understood.
    """
    module = row.name.replace("-", "_")
    if module not in {found.name for found in pkgutil.iter_modules(__path__)}:
        raise DataError(f"no module of envkit reads this source: {row.name}")
    refresh = importlib.import_module(f"{__name__}.{module}").refresh
    refreshed: SourceRefreshed[Document] = refresh(reader, row, document)
    if refreshed.document == document:
        return refreshed
    return refreshed._replace(document=_dated(refreshed.document, row, today))


def _dated(document: Document, row: UpstreamRow, today: str) -> Document:
    """Say that the source was read today."""
    known = document.sources.get(row.dates)
    text = row.title if known is None else known.text
    source = Source(text=text, retrieved=today if known is None else max(known.retrieved, today))
    return msgspec.structs.replace(document, sources=document.sources | {row.dates: source})
