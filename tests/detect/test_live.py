"""Detection of the machine that runs the tests."""

import json
import subprocess
import sys
from pathlib import Path

from envkit.detect import detect_host
from envkit.detect.sources.nvidia_nvml import ask_nvml
from envkit.model.value import to_json
from envkit.system.live import LiveHost

HEAVY = ("docker", "requests", "jinja2", "yaml", "typer", "rich")
PROGRAM = f"""
import sys
from envkit.detect import detect_host
from envkit.system.live import LiveHost
detect_host(LiveHost(), data_directory="/")
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def test_this_machine_is_described_in_full(tmp_path: Path) -> None:
    facts = detect_host(LiveHost(), data_directory=str(tmp_path / "not" / "made" / "yet"))
    assert facts.os is not None
    assert facts.cpu is not None
    assert facts.memory_mib
    assert facts.disk_free_mib is not None
    assert facts.devices is not None
    assert facts.engines is not None
    assert any(Path(python.path).samefile(sys.executable) for python in facts.pythons or ())
    assert json.loads(to_json(facts))["format"] == "envkit-host/1"


def test_detection_imports_nothing_that_is_slow_to_import() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_the_nvml_child_answers_with_a_reading_or_a_reason() -> None:
    answer = ask_nvml(LiveHost())
    assert (answer.reading.failure is None) == bool(answer.reading.driver)
    assert answer.library_missing == ("Not Found" in (answer.reading.failure or ""))
