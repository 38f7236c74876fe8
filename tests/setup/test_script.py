"""The scripts, as files to be read: one for each family with an NVIDIA card, one for each vendor on Ubuntu."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.data import load_remedies
from envkit.model.host import HostFacts, OperatingSystem
from envkit.model.setup import SetupPart, SetupPlan
from envkit.setup import plan_setup, render_script

MakeHost = Callable[..., HostFacts]
GOLDEN = Path(__file__).parents[1] / "golden" / "setup"
# To take what is rendered now as golden, and then read the difference: ENVKIT_UPDATE_GOLDEN=1 pytest tests/setup
UPDATE = bool(os.environ.get("ENVKIT_UPDATE_GOLDEN"))
PASCAL = ("ubuntu-24.04", "debian-12", "rhel-9.4", "rhel-10.0", "sles-15.6", "arch")


def compare(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.sh"
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_script_of_each_family_is_the_golden_one(make_host: MakeHost, system: str) -> None:
    compare(f"{system}-nvidia-blackwell", render_script(plan_setup(make_host(system, "nvidia-blackwell"))))


@pytest.mark.parametrize("system", PASCAL)
def test_an_old_card_gets_the_branch_that_supports_it(make_host: MakeHost, system: str) -> None:
    plan = plan_setup(make_host(system, "nvidia-pascal"))
    script = render_script(plan)
    steps = " ".join(step for part in plan.parts for step in part.steps)
    assert ("580" in steps, "595" in steps) == (True, False)
    compare(f"{system}-nvidia-pascal", script)


def test_the_script_of_each_vendor_is_the_golden_one(make_host: MakeHost, cards: tuple[str, ...]) -> None:
    for card in cards:
        compare(f"ubuntu-24.04-{card}", render_script(plan_setup(make_host("ubuntu-24.04", card))))


def shellcheck(*paths: Path) -> tuple[int, str]:
    command = [Path(sys.executable).with_name("shellcheck"), "--shell=sh", *paths]
    completed = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    return completed.returncode, completed.stdout


def test_shellcheck_finds_nothing_in_the_golden_scripts() -> None:
    scripts = sorted(GOLDEN.glob("*.sh"))
    assert len(scripts) > 30
    assert shellcheck(*scripts) == (0, "")


def test_shellcheck_finds_nothing_in_the_steps_for_any_system(tmp_path: Path) -> None:
    groups = [group for group in load_remedies() if group.name in ("drivers", "containers")]
    steps = {steps for group in groups for row in group.remedies for steps in row.steps.values()}
    assert len(steps) > 80
    parts = tuple(
        SetupPart(remedy="x", title="x", reason="x", source="x", retrieved="x", steps=tuple(map(with_values, each)))
        for each in sorted(steps)
    )
    path = tmp_path / "all.sh"
    path.write_text(render_script(SetupPlan(system="every system", parts=parts)))
    assert shellcheck(path) == (0, "")


def with_values(step: str) -> str:
    return step.replace("{branch}", "595").replace("{major}", "9").replace("{nodes}", "/dev/kfd /dev/dri/renderD128")


def test_nothing_missing_is_no_script() -> None:
    assert render_script(SetupPlan(system="Debian")) == ""


def test_text_of_a_host_cannot_leave_its_comment(make_host: MakeHost) -> None:
    facts = make_host("ubuntu-24.04", "amd")
    hostile = msgspec.structs.replace(facts.findings[0], evidence="x\nrm -rf / #\u2028id")
    name = OperatingSystem(system="linux", id="ubuntu", version="24.04", name="Ubuntu\nreboot")
    script = render_script(plan_setup(msgspec.structs.replace(facts, os=name, findings=(hostile,))))
    assert not [line for line in script.splitlines() if line.startswith(("rm", "id", "reboot"))]


def test_a_value_that_is_no_plain_word_reaches_no_command(make_host: MakeHost) -> None:
    facts = make_host("rhel-9.4", "nvidia-blackwell")
    system = OperatingSystem(system="linux", id="rhel", version="9.4;reboot", kernel="$(reboot)")
    script = render_script(plan_setup(msgspec.structs.replace(facts, os=system)))
    assert "reboot" not in [word for line in script.splitlines() if not line.startswith("#") for word in line.split()]
    assert "$(reboot)" not in script


def test_the_script_runs_and_says_what_follows(tmp_path: Path) -> None:
    steps = ("# look", "echo did")
    part = SetupPart(remedy="x", title="A", reason="because", source="here", retrieved="2026-01-01", steps=steps)
    plan = SetupPlan(system="Debian", parts=(part,), restart="reboot", afterwards=("envkit host setup",))
    path = tmp_path / "setup.sh"
    path.write_text(render_script(plan))
    completed = subprocess.run(["sh", path], check=True, capture_output=True, text=True, timeout=20)  # noqa: S607 - any sh
    assert completed.stdout == "did\n"
    assert completed.stderr == "Now restart the machine, then type: envkit host setup\n"


def test_a_failing_step_ends_the_script(tmp_path: Path) -> None:
    part = SetupPart(
        remedy="x", title="A", reason="b", source="c", retrieved="2026-01-01", steps=("false", "echo not reached")
    )
    path = tmp_path / "setup.sh"
    path.write_text(render_script(SetupPlan(system="Debian", parts=(part,))))
    completed = subprocess.run(["sh", path], check=False, capture_output=True, text=True, timeout=20)  # noqa: S607 - any sh
    assert (completed.returncode, completed.stdout) == (1, "")
