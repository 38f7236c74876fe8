"""Tables for people: columns of plain text."""

from collections.abc import Iterable

_GAP = "  "


def text_table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows below a heading in columns that are as wide as their widest cell."""
    table = [heading, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(heading))]
    lines = (_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table)
    return "\n".join(lines)
