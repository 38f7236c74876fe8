"""The compatibility data: found, checked, decoded once, and handed out as values."""

from typing import TypeVar

from envkit.data.loader import (
    load_finding,
    load_findings,
    load_foundations,
    load_matrix,
    load_mirrors,
    load_pipelines,
    load_recipe,
    load_remedies,
    load_remedy,
    load_systems,
    load_thresholds,
    load_vendor,
    load_vendors,
    newest_source,
    recipe_names,
)

__all__ = [
    "decode_document",
    "load_document",
    "load_finding",
    "load_findings",
    "load_foundations",
    "load_matrix",
    "load_mirrors",
    "load_pipelines",
    "load_recipe",
    "load_remedies",
    "load_remedy",
    "load_systems",
    "load_thresholds",
    "load_vendor",
    "load_vendors",
    "newest_source",
    "recipe_names",
]

Decoded = TypeVar("Decoded")


def decode_document(text: str, source: str, expected: type[Decoded]) -> Decoded:
    """Decode YAML or JSON text into a struct; see `envkit.data.documents.decode_document`."""
    # Imported here: most starts read no document, and the parsers take longer to load than the whole matrix.
    from envkit.data import documents

    return documents.decode_document(text, source, expected)


def load_document(text: str, source: str) -> object:
    """Parse YAML or JSON text; see `envkit.data.documents.load_document`."""
    from envkit.data import documents

    return documents.load_document(text, source)
