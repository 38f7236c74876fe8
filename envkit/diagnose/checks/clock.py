"""The clock, without asking anybody: it cannot be before envkit's own data."""

import re
from datetime import UTC, date, datetime

from envkit.data import newest_source
from envkit.diagnose.examination import Answer, Examination, unknown
from envkit.model.host import Severity

# Eleven digits of seconds reach to the year 5138, and no clock beyond.
_STARTED = re.compile(r"^btime (?P<seconds>\d{1,11})$", re.MULTILINE)
_RUNNING = re.compile(r"(?P<seconds>\d{1,10})\.")
_SOURCE = "/proc/stat, /proc/uptime"


def check_date(examination: Examination) -> Answer:
    """Compare the clock with the newest source of envkit's data.

    /proc/stat has `btime`, when the machine started by its present clock; /proc/uptime the seconds since then.
    """
    today = _today(examination)
    if today is None:
        return unknown("not known", _SOURCE)
    newest = date.fromisoformat(newest_source())
    behind = (newest - today).days
    threshold = examination.threshold("clock")
    if behind <= (threshold.warning or 0):
        return Answer(today.isoformat(), _SOURCE)
    evidence = f"{_SOURCE} make it {today.isoformat()}, and envkit's newest data is of {newest.isoformat()}"
    severity = Severity.ERROR if threshold.error is not None and behind > threshold.error else Severity.WARNING
    return Answer(today.isoformat(), _SOURCE, examination.finding("clock-behind", "os", evidence, severity=severity))


def _today(examination: Examination) -> date | None:
    started = _STARTED.search(examination.host.read("/proc/stat", limit=1024 * 1024).text or "")
    running = _RUNNING.match(examination.host.read("/proc/uptime").text or "")
    if started is None or running is None or int(started["seconds"]) == 0:
        return None
    return datetime.fromtimestamp(int(started["seconds"]) + int(running["seconds"]), tz=UTC).date()


CHECKS = (check_date,)
