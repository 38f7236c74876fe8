"""The proof that goes with outputs: run as a program, it says what came of each test and ends with a status."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from envkit.generate.smoke import smoke_file
from envkit.model.plan import Plan, SmokeTest

MakePlan = Callable[..., Plan]
GOOD = """def smoke(device, index):
    return {'device_name': 'it\\'s "x" \\\\', 'expected': '1', 'observed': index + 1}
"""
BAD = "def smoke(device, index):\n    return {'device_name': 'x', 'expected': '1', 'observed': '2'}\n"
RAISES = "def smoke(device, index):\n    raise SystemExit('no device')\n"


def prove(plan: Plan, directory: Path) -> tuple[int, str]:
    file = smoke_file(plan)
    (directory / file.path).write_text(file.text, encoding="ascii")
    completed = subprocess.run(
        [sys.executable, str(directory / file.path)], check=False, capture_output=True, text=True
    )
    assert completed.stderr == ""
    return completed.returncode, completed.stdout


def make(container_plan: MakePlan, program: str, **locked: str) -> Plan:
    smoke = (SmokeTest(recipe="tiny", program=program, device="cuda"),)
    return container_plan(vendor="nvidia", smoke=smoke, locked={"pytest": version("pytest"), **locked})


def test_everything_right_ends_well(container_plan: MakePlan, tmp_path: Path) -> None:
    status, said = prove(make(container_plan, GOOD), tmp_path)
    assert (status, said) == (
        0,
        'ok  tiny on cuda:0 (it\'s "x" \\): expected 1, got 1\n1 of 1 packages equal the lock\n',
    )


@pytest.mark.parametrize(("program", "words"), [(BAD, "expected 1, got 2"), (RAISES, "SystemExit: no device")])
def test_a_wrong_result_and_an_exception_are_said(
    container_plan: MakePlan, tmp_path: Path, program: str, words: str
) -> None:
    status, said = prove(make(container_plan, program), tmp_path)
    assert (status, said.startswith("FAILED  tiny on cuda:0"), words in said) == (1, True, True)


def test_other_and_missing_packages_are_said(container_plan: MakePlan, tmp_path: Path) -> None:
    status, said = prove(make(container_plan, GOOD, hypothesis="0.1", absent="1.0"), tmp_path)
    assert status == 1
    assert f"FAILED  hypothesis: locked 0.1, installed {version('hypothesis')}\n" in said
    assert "FAILED  absent: locked 1.0, installed not at all\n" in said
    assert said.endswith("1 of 3 packages equal the lock\n")


def test_the_processor_has_no_number(container_plan: MakePlan, tmp_path: Path) -> None:
    plan = container_plan(smoke=(SmokeTest(recipe="tiny", program=GOOD, device="cpu"),), locked={})
    assert "ok  tiny on cpu (" in prove(plan, tmp_path)[1]
