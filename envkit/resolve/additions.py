"""What a choice needs beside its packages: versions that others are held at, and what envkit does not install."""

from envkit.model.resolution import Addition
from envkit.resolve.checks.caps import find_caps
from envkit.resolve.checks.forward import is_provided
from envkit.resolve.combine import Combination
from envkit.resolve.situation import Situation


def find_constraints(combination: Combination, situation: Situation) -> tuple[str, ...]:
    """Return what is held back for the chosen devices; nothing where no build uses them."""
    uses = any(part.option.build.vendor == situation.vendor_name for part in combination.parts)
    return tuple(f"{cap.package}{cap.allowed}" for cap in find_caps(situation)) if uses else ()


def find_additions(combination: Combination, situation: Situation) -> tuple[Addition, ...]:
    """Return the driver libraries that forward compatibility needs for the chosen builds, each once."""
    found: dict[str, Addition] = {}
    for judgement in (judgement for part in combination.parts for judgement in part.judgements):
        row = judgement.forward
        if row is not None:
            found[row.package] = Addition(
                package=row.package,
                reason=judgement.check.reason,
                source=situation.source(row.source),
                provided=is_provided(row, situation),
            )
    return tuple(found[package] for package in sorted(found))
