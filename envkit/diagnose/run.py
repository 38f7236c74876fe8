"""The run of all checks."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import date
from types import ModuleType

from envkit.diagnose import checks
from envkit.diagnose.examination import Answer, Examination, Examine
from envkit.model.diagnosis import Check, Diagnosis, Verdict
from envkit.model.host import Finding, HostFacts
from envkit.system.host import Host

_RANK = (Verdict.OK, Verdict.UNKNOWN, Verdict.NOTE, Verdict.WARNING, Verdict.ERROR)


def diagnose_host(host: Host, facts: HostFacts, *, today: date | None = None) -> Diagnosis:
    """Check a host of which the facts are known; what `host` cannot tell is unknown.

    `today` is the day by which the age of envkit's data is measured; None: it is not.
    Raises `DataError` for a data file that does not decode.
    """
    examination = Examination(host, facts, today)
    results = [(group, examine, examine(examination)) for group, examine in all_checks()]
    rows = tuple(_check(group, examine, answer) for group, examine, answer in results)
    found = dict.fromkeys(finding for _, _, answer in results for finding in answer.findings)
    return Diagnosis(verdict=worst(row.verdict for row in rows), checks=rows, findings=tuple(found))


def all_checks() -> tuple[tuple[str, Examine], ...]:
    """Return every check with its group, which is the name of its module; a module lists its own in `CHECKS`."""
    return tuple((module.__name__.rpartition(".")[2], examine) for module in _modules() for examine in module.CHECKS)


def worst(verdicts: Iterator[Verdict]) -> Verdict:
    """Return the worst verdict; what is unknown is no worse than what is well."""
    known = [verdict for verdict in verdicts if verdict is not Verdict.UNKNOWN]
    return max(known, key=_RANK.index, default=Verdict.OK)


def _modules() -> Iterator[ModuleType]:
    for name in sorted(module.name for module in pkgutil.iter_modules(checks.__path__)):
        yield importlib.import_module(f"{checks.__name__}.{name}")


def _check(group: str, examine: Examine, answer: Answer) -> Check:
    name = examine.__name__.removeprefix("check_").replace("_", "-")
    return Check(
        id=name,
        group=group,
        verdict=_verdict(answer.findings, known=answer.known),
        seen=answer.seen,
        source=answer.source,
    )


def _verdict(findings: tuple[Finding, ...], *, known: bool) -> Verdict:
    if findings:
        return worst(Verdict(finding.severity.value) for finding in findings)
    return Verdict.OK if known else Verdict.UNKNOWN
