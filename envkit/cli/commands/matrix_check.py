"""`envkit matrix check`: every fault of every data file."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from envkit.cli.output import Output
from envkit.data.checking import CheckReport, check_files, files_at, files_in_use
from envkit.data.checking.spelling import spell_canonically
from envkit.errors import ExitStatus, FaultyDataError
from envkit.model.value import to_json
from envkit.refresh.derived import recorded_faults

_CANONICAL = "canonical"  # the rule that a machine can satisfy


def check_matrix(output: Output, paths: tuple[str, ...], *, fix: bool, as_json: bool) -> int:
    """Check data files, those in use where no paths are given, and return the exit status, 8 for faults."""
    files = files_at(paths) if paths else files_in_use()
    if fix:
        for path, text in spell_canonically(files):
            Path(path).write_text(text, encoding="utf-8")
            output.stage("rewrote", path)
    report = check_files(files, today=datetime.now(UTC).date().isoformat(), rules=(recorded_faults,))
    if as_json:
        output.data(to_json(report))
    if report.faults:
        output.failure(_failure(report))
        return int(ExitStatus.BAD_DATA)
    if not as_json:
        output.data(f"{_count(len(report.files), 'file')} without fault")
    return int(ExitStatus.OK)


def _failure(report: CheckReport) -> FaultyDataError:
    faulty = Counter(fault.file for fault in report.faults)
    spelled = [name for name in faulty if {fault.rule for fault in report.faults if fault.file == name} == {_CANONICAL}]
    hints = (f"envkit matrix check --fix {' '.join(spelled)}",) if spelled else ()
    return FaultyDataError(
        f"{_count(len(report.faults), 'fault')} in {len(faulty)} of {_count(len(report.files), 'file')}",
        facts=tuple(str(fault) for fault in report.faults),
        hints=hints,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
