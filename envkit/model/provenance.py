"""Where data rows come from."""

from envkit.model.value import Value


class Source(Value):
    """Where rows come from, and when that was read."""

    text: str  # URL, or document and section
    retrieved: str  # ISO date
