"""`envkit doctor` tells of old data: by the day that the caller names, since a recorded host has no clock of today."""

import os
from datetime import date, timedelta
from pathlib import Path

from envkit.data import load_foundations, newest_source
from envkit.diagnose import diagnose_host
from envkit.model.diagnosis import Check, Diagnosis, Verdict
from envkit.model.host import HostFacts
from envkit.system.replay import FolderHost

NEWEST = date.fromisoformat(newest_source())
LIMIT = load_foundations().stale_days or 0


def diagnose(today: date | None) -> Diagnosis:
    return diagnose_host(FolderHost(Path(os.devnull)), HostFacts(), today=today)


def check_of(diagnosis: Diagnosis) -> Check:
    return next(check for check in diagnosis.checks if (check.group, check.id) == ("matrix", "age"))


def test_data_of_a_quarter_is_young_enough() -> None:
    diagnosis = diagnose(NEWEST + timedelta(days=LIMIT))
    assert LIMIT == 90
    assert check_of(diagnosis).verdict is Verdict.OK
    assert "data-old" not in {finding.id for finding in diagnosis.findings}


def test_older_data_is_a_warning_with_the_command_that_refreshes_it() -> None:
    diagnosis = diagnose(NEWEST + timedelta(days=LIMIT + 1))
    (finding,) = (finding for finding in diagnosis.findings if finding.id == "data-old")
    assert check_of(diagnosis).verdict is Verdict.WARNING
    assert diagnosis.verdict is Verdict.WARNING
    assert "91 days old" in finding.cause
    assert finding.remedy == ("envkit matrix refresh",)


def test_without_a_day_the_age_is_not_known() -> None:
    assert check_of(diagnose(None)).verdict is Verdict.UNKNOWN
