"""`envkit host setup` as it is run: the script, the plan as JSON, and `--apply` on harmless steps."""

import os
import pty
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Home

TESTS = Path(__file__).resolve().parents[1]
NO_DRIVER = str(TESTS / "hosts" / "ubuntu-nvidia-no-driver")
HEALTHY = str(TESTS / "profiles" / "mi300x-8.yaml")
OVERLAY = """
name: site
title: Site
sources:
  site: {text: "made by the test", retrieved: "2026-01-01"}
remedies:
  - id: site-mark
    title: Leave a mark
    source: site
    steps: {any: ["# nothing is lost", "echo one >>DONE", "echo two >>DONE"]}
  - {id: site-fail, title: Fail, source: site, steps: {any: ["echo three >>DONE", "exit 3", "echo four >>DONE"]}}
  - {id: site-again, title: Start again, source: site, steps: {any: ["true", "sudo reboot"]}}
"""


@pytest.fixture
def site(home) -> "Home":
    """A home whose overlay has remedies of its own, and where they leave their marks."""
    done = home.root / "done"
    folder = home.root / "config" / "envkit" / "overlay" / "remedies"
    folder.mkdir(parents=True)
    (folder / "site.yaml").write_text(OVERLAY.replace("DONE", str(done)).lstrip(), encoding="utf-8")
    return home


def done(home) -> list[str]:
    path = home.root / "done"
    return path.read_text().split() if path.exists() else []


def test_a_healthy_host_needs_nothing(home) -> None:
    ended = home.run("host", "setup", "--host", HEALTHY)
    assert (ended.status, ended.stdout, ended.stderr) == (0, "", "nothing is missing\n")


def test_the_script_is_the_output_and_the_summary_is_not(home) -> None:
    ended = home.run("host", "setup", "--host", NO_DRIVER)
    assert ended.status == 0
    assert ended.stdout.startswith("#!/bin/sh\n")
    assert "nvidia-driver-595-server-open" in ended.stdout
    assert "Install NVIDIA's driver with the open kernel modules" in ended.stderr
    checked = subprocess.run(["sh", "-n"], input=ended.stdout, text=True, check=False)  # noqa: S607 - any sh
    assert checked.returncode == 0


def test_the_how_to_shows_what_is_printed(home) -> None:
    page = (TESTS.parent / "docs" / "how-to" / "host-setup.md").read_text()
    ended = home.run("host", "setup", "--host", NO_DRIVER)
    assert f"$ cat setup.sh\n{ended.stdout}" in page
    assert ended.stderr in page


def test_the_plan_is_printed_as_json(home) -> None:
    plan = home.run("host", "setup", "--host", NO_DRIVER, "--json").json
    assert plan["format"] == "envkit-setup/1"
    assert [part["remedy"] for part in plan["parts"]] == ["build-headers", "nvidia-driver"]
    assert (plan["family"], plan["restart"]) == ("ubuntu", "reboot")
    assert home.run("host", "setup", "--host", HEALTHY, "--json").json["format"] == "envkit-setup/1"


def test_the_script_is_written_to_a_file_that_can_be_run(home) -> None:
    ended = home.run("host", "setup", "--host", NO_DRIVER, "-o", "setup.sh")
    assert (ended.status, ended.stdout) == (0, "")
    path = home.project / "setup.sh"
    assert path.read_text().startswith("#!/bin/sh\n")
    assert os.access(path, os.X_OK)


def test_a_distribution_without_steps_is_named(home) -> None:
    path = home.project / "host.yaml"
    path.write_text(
        "format: envkit-host/1\nos: {system: linux, id: gentoo, version: '2.17'}\n"
        "devices: [{vendor: intel, index: 0, usable: false}]\n"
    )
    ended = home.run("host", "setup", "--host", str(path))
    assert "no steps are known for this distribution, gentoo 2.17" in ended.stderr
    assert "sudo modprobe xe" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--apply", "--host", NO_DRIVER), "`--apply` sets up this machine"),
        (("--yes",), "does nothing without it"),
        (("--apply",), "there is no terminal to ask on"),
        (("--with", "engine-instal"), "engine-install"),
        (("--host", HEALTHY, "-o", ""), "the name of a file"),
    ],
)
def test_what_makes_no_sense_is_refused(home, arguments: tuple[str, ...], words: str) -> None:
    ended = home.run("host", "setup", *arguments)
    assert (ended.status, ended.stdout) == (2, "")
    assert words in ended.stderr


def test_a_vendor_that_is_not_there_is_an_error_with_what_is(home) -> None:
    ended = home.run("host", "setup", "--host", HEALTHY, "--vendor", "nvidia", "--json")
    assert (ended.status, ended.json["code"]) == (4, "EK0404")
    assert ended.json["facts"] == ["detected: amd"]


def test_apply_runs_every_step_in_order(site) -> None:
    ended = site.run("host", "setup", "--with", "site-mark", "--apply", "--yes")
    assert (ended.status, ended.stdout, done(site)) == (0, "", ["one", "two"])
    assert "# nothing is lost" in ended.stderr
    assert f"$ echo one >>{site.root / 'done'}" in ended.stderr


def test_apply_stops_at_the_first_step_that_fails_and_says_what_remains(site) -> None:
    ended = site.run("host", "setup", "--with", "site-fail", "--with", "site-mark", "--apply", "--yes", "--json")
    assert (ended.status, done(site)) == (4, ["three"])
    assert ended.json["code"] == "EK0405"
    assert ended.json["message"] == "the step failed with exit status 3: exit 3"
    remains = [fact.partition(">>")[0] for fact in ended.json["facts"]]
    assert remains == ["remains: echo four ", "remains: echo one ", "remains: echo two "]


def test_apply_never_restarts_the_machine_and_says_that_you_must(site) -> None:
    ended = site.run("host", "setup", "--with", "site-again", "--apply", "--yes")
    assert ended.status == 0
    assert ended.stderr.endswith("now restart the machine, then type: envkit detect\n")


def test_apply_asks_before_each_step_on_a_terminal(site) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        site.argv(("host", "setup", "--with", "site-mark", "--apply")),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=site.project,
        env=site.environment,
    )
    os.close(theirs)
    os.write(ours, b"y\nn\n")
    text = b""
    while True:
        try:
            read = os.read(ours, 4096)
        except OSError:
            break
        if not read:
            break
        text += read
    os.close(ours)
    assert (process.wait(timeout=60), done(site)) == (4, ["one"])
    assert b"run this? [y/N]" in text
    assert b"the step was declined" in text
