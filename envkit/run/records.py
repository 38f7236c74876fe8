"""What is kept beside an environment: its plan and the report that proved it."""

from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from envkit.model.environment import Report
from envkit.model.plan import Plan
from envkit.model.value import to_json
from envkit.system.directories import data_directory, ensure_directory
from envkit.system.files import write_atomically

Kept = TypeVar("Kept", Plan, Report)


def keep_records(plan: Plan, report: Report) -> None:
    """Write the plan and the report of an environment; raises `StorageError`."""
    ensure_directory(_path(plan.name, "plan.json").parent)
    write_atomically(_path(plan.name, "plan.json"), to_json(plan))
    keep_report(report)


def keep_report(report: Report) -> None:
    """Write the newest report of an environment; raises `StorageError`."""
    ensure_directory(_path(report.name, "report.json").parent)
    write_atomically(_path(report.name, "report.json"), to_json(report))


def read_report(name: str) -> Report | None:
    """Return the newest report of an environment, or None when there is none that can be read."""
    return _read(_path(name, "report.json"), Report)


def read_plan(name: str) -> Plan | None:
    """Return the plan of an environment, or None when there is none that can be read."""
    return _read(_path(name, "plan.json"), Plan)


def forget_records(name: str) -> None:
    """Remove what is kept beside an environment; what is not there is no error."""
    for file in ("plan.json", "report.json"):
        _path(name, file).unlink(missing_ok=True)
    with suppress(OSError):  # the directory is not there, or a native environment's files still are
        _path(name, "").rmdir()


def _path(name: str, file: str) -> Path:
    return data_directory() / "envs" / name / file


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        # A record of another version or a torn disk: the environment is proven again, nothing is lost.
        return None
