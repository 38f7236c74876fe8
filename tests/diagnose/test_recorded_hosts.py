"""Each folder below `tests/hosts` with a `doctor` in its `host.yaml` says there what must be found wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.data import load_findings
from envkit.diagnose.present import describe_diagnosis
from envkit.model.diagnosis import Verdict

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "hosts"
FOLDERS = sorted(path.parent for path in HOSTS.glob("*/host.yaml"))
DOCTOR = [folder for folder in FOLDERS if folder.name.startswith("doctor-")]
PUBLIC = sorted(path.parent for path in SHARED.glob("*/host.yaml"))
STATUS = {Verdict.ERROR: 4, Verdict.WARNING: 10}
# Made of facts in `test_facts.py`: a recorded folder does not tell a process's own C library, nor every architecture.
OF_FACTS = {"glibc-too-old", "architecture-without-wheels", "python-missing"}


def by_name(folder: Path) -> str:
    return folder.name


@pytest.mark.parametrize("folder", DOCTOR, ids=by_name)
def test_a_recorded_host_is_diagnosed_as_expected(folder: Path, diagnosed: Callable) -> None:
    found = diagnosed(folder)
    seen = {
        "status": STATUS.get(found.diagnosis.verdict, 0),
        "findings": sorted(finding.id for finding in found.diagnosis.findings),
    }
    expected = found.document["doctor"]
    assert seen == {"status": expected["status"], "findings": sorted(expected["findings"])}


@pytest.mark.parametrize("folder", DOCTOR, ids=by_name)
def test_every_finding_has_evidence_and_steps_without_open_places(folder: Path, diagnosed: Callable) -> None:
    found = diagnosed(folder)
    for finding in found.diagnosis.findings:
        assert finding.evidence
        assert finding.remedy
        assert "{" not in finding.cause
    text = describe_diagnosis(found.diagnosis, found.facts, verbose=True)
    assert max(len(line) for line in text.splitlines() if not line.startswith("  try: ")) <= 100
    assert "secret" not in text


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder not in DOCTOR], ids=by_name)
def test_a_host_recorded_for_detection_has_no_error_beyond_detections(folder: Path, diagnosed: Callable) -> None:
    found = diagnosed(folder)
    errors = {finding.id for finding in found.diagnosis.findings if finding.severity == "error"}
    assert errors <= {finding.id for finding in found.facts.findings}


@pytest.mark.skipif(not PUBLIC, reason=f"the public recordings are not here: {SHARED}")
@pytest.mark.parametrize("folder", PUBLIC, ids=by_name)
def test_a_public_recording_has_no_error_that_its_diagnosis_does_not_tell(folder: Path, diagnosed: Callable) -> None:
    found = diagnosed(folder)
    errors = [finding.id for finding in found.diagnosis.findings if finding.severity == "error"]
    assert not errors or "diagnosis" in found.document, errors


def test_every_finding_of_the_doctor_has_a_recorded_host() -> None:
    own = {row.id for group in load_findings() if group.name in ("engine", "machine") for row in group.findings}
    text = "\n".join(
        line for folder in DOCTOR for line in (folder / "host.yaml").read_text().splitlines() if "doctor:" in line
    )
    assert {name for name in own if name not in text} == OF_FACTS
