"""A diagnosis for people: a line per group of checks, then what is wrong and what mends it."""

import textwrap
from collections import Counter
from itertools import groupby

from envkit.detect.present import describe_findings
from envkit.diagnose.run import worst
from envkit.model.diagnosis import Check, Diagnosis, Verdict
from envkit.model.host import HostFacts, Severity

_WIDTH = 100
_LABEL = 13  # width of the column of groups
_MARKS = {
    Verdict.OK: "[ ok ]",
    Verdict.UNKNOWN: "[  ? ]",
    Verdict.NOTE: "[note]",
    Verdict.WARNING: "[warn]",
    Verdict.ERROR: "[FAIL]",
}


def describe_diagnosis(diagnosis: Diagnosis, facts: HostFacts, *, verbose: bool = False) -> str:
    """Return the diagnosis as plain lines of at most 100 columns, commands to paste excepted.

    `verbose` shows every check, with where it looked.
    """
    groups = [(name, tuple(rows)) for name, rows in groupby(diagnosis.checks, key=lambda check: check.group)]
    lines = [line for name, rows in groups for line in _group(name, rows, verbose=verbose)]
    lines += [*describe_findings(diagnosis.findings, facts), "", _summary(diagnosis)]
    return "\n".join(lines) + "\n"


def _group(name: str, rows: tuple[Check, ...], *, verbose: bool) -> list[str]:
    verdict = _verdict(rows)
    alike = [row for row in rows if row.verdict is verdict]
    looked = [row for row in alike if row.source is not None] or alike[:1]
    lines = _line(_MARKS[verdict], name, "; ".join(dict.fromkeys(row.seen for row in looked)))
    if not verbose:
        return lines
    return lines + [line for row in rows for line in _check(row)]


def _verdict(rows: tuple[Check, ...]) -> Verdict:
    """Return the worst verdict of a group; unknown only where every check of it is."""
    if all(row.verdict is Verdict.UNKNOWN for row in rows):
        return Verdict.UNKNOWN
    return worst(row.verdict for row in rows)


def _line(mark: str, name: str, text: str) -> list[str]:
    start = f"{mark} {name:<{_LABEL}} "
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False)


def _check(row: Check) -> list[str]:
    text = f"{row.id}: {row.seen}" + (f" ({row.source})" if row.source else "")
    start = f"       {_MARKS[row.verdict]} "
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=" " * 14, break_on_hyphens=False)


def _summary(diagnosis: Diagnosis) -> str:
    counts = Counter(finding.severity for finding in diagnosis.findings)
    parts = [_counted(counts[severity], severity) for severity in Severity if counts[severity]]
    if not parts:
        return "healthy"
    ending = "" if diagnosis.verdict in (Verdict.WARNING, Verdict.ERROR) else "healthy, with "
    return f"{ending}{', '.join(parts)}; more with: envkit explain {diagnosis.findings[0].id}"


def _counted(count: int, severity: Severity) -> str:
    return f"{count} {severity.value}" if count == 1 else f"{count} {severity.value}s"
