"""A finding, made of what an analyzer saw and of what is known about it."""

import re

from envkit.detect.remedies import remedy_steps
from envkit.model.host import Finding, OperatingSystem, Severity

_PLACE = re.compile(r"\{([a-z_]+)\}")


def make_finding(
    name: str,
    fact: str,
    evidence: str,
    *,
    system: OperatingSystem | None,
    severity: Severity | None = None,
    remedies: tuple[str, ...] | None = None,
    **values: str,
) -> Finding:
    """Return a finding of `envkit/data/findings`, with the steps that mend it on this system.

    `evidence` says where it was read and what stood there. `severity` and `remedies` replace the row's, `values` go in
    the place of the `{words}` of its cause and steps. Raises `UsageError` for an id that no row has.
    """
    # Imported here: a healthy host has no finding.
    from envkit.data import load_finding

    row = load_finding(name)
    return Finding(
        id=row.id,
        severity=row.severity if severity is None else severity,
        fact=fact,
        evidence=evidence,
        cause=_PLACE.sub(lambda match: values.get(match[1], match[0]), row.cause),
        remedy=remedy_steps(system, row.remedies if remedies is None else remedies, values),
    )
