"""Refusals grouped: for each rule and reason the best candidate, and how many shared its fate."""

from envkit.model.resolution import Rejected
from envkit.resolve.combine import Refused


def group_refusals(refused: tuple[Refused, ...]) -> tuple[Rejected, ...]:
    """Keep the first candidate of each rule and kind of reason, with the number of candidates refused for it."""
    groups: dict[tuple[str, str], list[Refused]] = {}
    for entry in refused:
        groups.setdefault((entry.judgement.rule, entry.judgement.group), []).append(entry)
    return tuple(
        Rejected(
            candidate=entries[0].candidate,
            rule=entries[0].judgement.rule,
            reason=entries[0].judgement.check.reason,
            count=sum(entry.count for entry in entries),
        )
        for entries in groups.values()
    )
