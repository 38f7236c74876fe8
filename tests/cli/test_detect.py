"""`envkit detect`: recording, replaying, and refusing what is neither."""

import json
import os
import re
from pathlib import Path

import pytest

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "hosts"


def test_a_replay_gives_the_recorded_facts_byte_for_byte(home) -> None:
    made = home.run("detect", "--record", "host.json", "--json")
    again = home.run("detect", "--replay", "host.json", "--json")
    assert (made.status, again.status) == (0, 0), again.stderr
    assert again.stdout == made.stdout
    assert home.run("detect", "--host", "host.json", "--json").stdout == made.stdout
    assert home.run("detect", "--replay", "-", "--json", stdin=(home.project / "host.json").read_text()).stdout == (
        made.stdout
    )


def test_the_facts_of_this_machine_are_those_of_its_recording(home) -> None:
    live = home.run("detect", "--json").json
    recorded = home.run("detect", "--record", "host.json", "--json").json
    for changing in ("disk_free_mib",):  # other processes write meanwhile
        live.pop(changing)
        recorded.pop(changing)
    assert live == recorded


def test_a_recording_is_a_file_of_facts_for_every_command(home) -> None:
    home.run("detect", "--record", "host.json")
    resolved = home.run("resolve", "pytorch", "--host", "host.json", "--no-check-indexes", "--json")
    assert resolved.json["status"] == "ok"


def test_a_recording_holds_neither_a_home_nor_the_name_of_the_machine(home) -> None:
    assert home.run("detect", "--record", "host.json", USER="alice-b").status == 0
    recorded = (home.project / "host.json").read_text(encoding="utf-8")
    assert str(home.root) not in recorded
    assert "alice-b" not in recorded
    name = os.uname().nodename
    assert len(name) < 3 or not re.search(rf"\b{re.escape(name)}\b", recorded)
    assert json.loads(recorded)["format"] == "envkit-host/1"


@pytest.mark.parametrize("name", ["ubuntu-amd-mi300x", "nvidia-h100-mig", "ascend-310p3-duo"])
def test_a_folder_of_recordings_is_detected(home, name: str) -> None:
    shown = home.run("detect", "--replay", str(HOSTS / name), "--json")
    assert shown.status == 0, shown.stderr
    assert shown.json["devices"]
    assert home.run("detect", "--host", str(HOSTS / name), "--json").stdout == shown.stdout


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the public recordings are not beside the checkout: {SHARED}")
def test_a_public_recording_is_detected_by_the_command(home) -> None:
    shown = home.run("detect", "--replay", str(SHARED / "nvidia-8x-h100-535"), "--json").json
    assert [device["name"] for device in shown["devices"]] == ["NVIDIA H100 80GB HBM3"] * 8
    assert shown["stacks"][0]["driver"] == "535.161.08"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("facts.json", '{"format": "envkit-host/1"}', "neither a recording"),
        ("broken.json", '{"format": "envkit-host/1", "recording": {"envkit": 1}}', "$.recording.envkit"),
        ("text.json", "\x00\x01", "neither a recording"),
        ("empty.json", "", "neither a recording"),
    ],
)
def test_what_is_no_recording_is_refused(home, name: str, content: str, words: str) -> None:
    (home.project / name).write_text(content, encoding="utf-8")
    ended = home.run("detect", "--replay", name)
    assert (ended.status, ended.stdout) == (8, "")
    assert "error[EK08" in ended.stderr
    assert words in ended.stderr
    assert name in ended.stderr


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "has no `host.yaml`"),
        ("- a list\n", "host.yaml"),
        ("recordings: 1\n", "recordings"),
        ("recordings: [{command: [1]}]\n", "$[0].command"),
        ("recordings: [{exit_code: x}]\n", "$[0].exit_code"),
        ("a: b: c\n", "host.yaml"),
    ],
)
def test_a_folder_that_is_no_recorded_host_is_refused(home, document: str | None, words: str) -> None:
    folder = home.project / "folder"
    folder.mkdir()
    if document is not None:
        (folder / "host.yaml").write_text(document, encoding="utf-8")
    ended = home.run("detect", "--replay", "folder")
    assert (ended.status, ended.stdout) == (8, "")
    assert words in ended.stderr
    assert "folder" in ended.stderr


def test_a_pipe_within_a_recorded_folder_does_not_block(home) -> None:
    folder = home.project / "folder" / "proc"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "version")
    (folder.parent / "host.yaml").write_text("recordings: []\n", encoding="utf-8")
    assert home.run("detect", "--replay", "folder", "--json").status == 0


@pytest.mark.parametrize(
    "arguments",
    [("--record", "a", "--replay", "b"), ("--replay", "a", "--host", "b"), ("--fresh", "--replay", "a"), ("--replay",)],
)
def test_options_that_contradict_each_other_are_a_usage_error(home, arguments: tuple[str, ...]) -> None:
    ended = home.run("detect", *arguments)
    assert (ended.status, ended.stdout) == (2, "")


def test_fresh_answers_are_asked_for(home) -> None:
    assert home.run("detect", "--fresh", "--json").json["format"] == "envkit-host/1"
