"""How old the compatibility data is on the day of a request."""

from envkit.model.matrix import Matrix
from envkit.resolve.versions import day_number

REFRESH = "envkit matrix refresh"


def stale_note(matrix: Matrix, as_of: str) -> str | None:
    """Return a sentence with the command that refreshes the data, None where it is young enough.

    `as_of` is the day of the request, an ISO date.
    """
    limit = matrix.foundations.stale_days
    if limit is None or not matrix.newest_source:
        return None
    age = day_number(as_of) - day_number(matrix.newest_source)
    if age <= limit:
        return None
    return (
        f"the compatibility data is {age} days old (newest source {matrix.newest_source}) and knows no later release,"
        f" driver or device; look for news: {REFRESH}"
    )
