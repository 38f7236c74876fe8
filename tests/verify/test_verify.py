"""Verification runs the harness in a real Python process and compares what is really installed."""

import sys
from importlib.metadata import version

import pytest
from msgspec.structs import replace

from envkit.errors import VerifyError
from envkit.model.environment import Environment, State, VersionDifference
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Plan, SmokeTest
from envkit.model.request import Mode
from envkit.model.resolution import Base
from envkit.system.command import Command, Completed, run_command
from envkit.verify import verify_environment

ADDITION = """
def smoke(device, index):
    print("frameworks print what they like")
    return {"device_name": f"{device} {index}", "expected": "4", "observed": str(2 + 2)}
"""
WRONG = ADDITION.replace("2 + 2", "2 + 3")
RAISING = "def smoke(device, index):\n    raise RuntimeError('no kernel image is available')\n"

ENVIRONMENT = Environment(
    name="proof",
    engine="native",
    state=State.READY,
    reference=sys.prefix,
    fingerprint="f",
    python="3.11",
    vendor="cpu",
    variant="cpu",
    recipes=("pytorch",),
    packages={},
    created="2026-01-01T00:00:00Z",
)


class ThisPython:
    """Runs commands in the Python that runs the tests."""

    def execute(
        self, environment: Environment, argv: tuple[str, ...], *, stdin: str | None, timeout_seconds: float
    ) -> Completed:
        assert environment is ENVIRONMENT
        return run_command(Command(argv=(sys.executable, *argv[1:]), stdin=stdin, timeout_seconds=timeout_seconds))


def plan_with(program: str, *, locked: str, indices: tuple[int, ...] = (0,)) -> Plan:
    package = LockedPackage(name="msgspec", version=locked, file=LockedFile(filename="m.whl", sha256="0" * 64))
    return Plan(
        name="proof",
        mode=Mode.NATIVE,
        vendor="cpu",
        variant="cpu",
        python="3.11",
        packages={},
        lock=Lock(python="3.11", platform="x86_64", packages=(package,), pylock="", sha256="0" * 64),
        smoke=(SmokeTest(recipe="pytorch", program=program, device="cpu", indices=indices),),
        fingerprint="f",
    )


def test_a_right_result_and_equal_versions_pass() -> None:
    report = verify_environment(ThisPython(), ENVIRONMENT, plan_with(ADDITION, locked=version("msgspec")))
    assert report.passed
    assert [(result.device_name, result.expected, result.observed) for result in report.results] == [
        ("cpu 0", "4", "4")
    ]
    assert report.packages_checked == 1
    assert report.python == ".".join(str(part) for part in sys.version_info[:3])


def test_every_device_is_computed_on() -> None:
    report = verify_environment(
        ThisPython(), ENVIRONMENT, plan_with(ADDITION, locked=version("msgspec"), indices=(0, 3))
    )
    assert [result.device_name for result in report.results] == ["cpu 0", "cpu 3"]


def test_a_wrong_result_fails_although_the_program_ends_well() -> None:
    report = verify_environment(ThisPython(), ENVIRONMENT, plan_with(WRONG, locked=version("msgspec")))
    assert not report.passed
    assert (report.results[0].expected, report.results[0].observed) == ("4", "5")


def test_an_exception_is_the_result_of_the_test() -> None:
    report = verify_environment(ThisPython(), ENVIRONMENT, plan_with(RAISING, locked=version("msgspec")))
    assert not report.passed
    assert "no kernel image is available" in (report.results[0].error or "")


def test_a_version_that_is_not_the_locked_one_fails() -> None:
    report = verify_environment(ThisPython(), ENVIRONMENT, plan_with(ADDITION, locked="0.0.1"))
    assert not report.passed
    assert report.differences == (VersionDifference(package="msgspec", locked="0.0.1", installed=version("msgspec")),)


def test_a_process_that_dies_is_a_coded_error_with_its_last_words() -> None:
    program = "import os, sys\nsys.stderr.write('illegal instruction soon\\n')\nsys.stderr.flush()\nos._exit(3)\n"
    with pytest.raises(VerifyError) as caught:
        verify_environment(ThisPython(), ENVIRONMENT, plan_with(program, locked="1"))
    assert "exit status 3" in caught.value.message
    assert "illegal instruction soon" in caught.value.facts


def test_control_characters_of_a_framework_do_not_reach_the_terminal() -> None:
    program = ADDITION.replace('"4"', '"\\x1b]0;owned\\x07"')
    report = verify_environment(ThisPython(), ENVIRONMENT, plan_with(program, locked=version("msgspec")))
    assert "\x1b" not in (report.results[0].expected or "")


@pytest.mark.parametrize(
    ("brought", "equal"), [("", True), (".1", False), ("1", False)], ids=["its release", "a later fix", "ten times it"]
)
def test_of_what_a_base_image_brings_the_release_counts(brought: str, *, equal: bool) -> None:
    installed = version("msgspec")
    plan = plan_with(ADDITION, locked=installed)
    release = installed + brought
    base = Base(image="vendor:1", packages={"msgspec": release})
    report = verify_environment(ThisPython(), ENVIRONMENT, replace(plan, base=base))
    assert report.passed is equal
    assert report.packages_checked == 2
    expected = () if equal else (VersionDifference(package="msgspec", locked=release, installed=installed),)
    assert report.differences == expected
