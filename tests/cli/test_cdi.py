"""`envkit cdi generate` as it is run."""

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PROFILE = str(TESTS / "profiles" / "mi300x-8.yaml")


def test_the_specification_is_printed_as_json(home) -> None:
    ended = home.run("cdi", "generate", "--host", PROFILE)
    assert ended.status == 0
    assert ended.json["kind"] == "amd.com/gpu"
    assert [device["name"] for device in ended.json["devices"]] == [*map(str, range(8)), "all"]
    assert ended.json["containerEdits"] == {"deviceNodes": [{"path": "/dev/kfd"}]}


@pytest.mark.parametrize("arguments", [("--format", "yaml"), ("-o", "amd.yaml")])
def test_it_is_written_as_yaml_when_the_option_or_the_files_name_says_so(home, arguments: tuple[str, ...]) -> None:
    ended = home.run("cdi", "generate", "--host", PROFILE, *arguments)
    text = ended.stdout or (home.project / "amd.yaml").read_text()
    assert text.startswith('cdiVersion: "0.5.0"\n')
    assert "- name: all\n" in text


def test_a_file_is_made_with_its_folder(home) -> None:
    ended = home.run("cdi", "generate", "--host", PROFILE, "-o", "cdi/amd.json")
    assert (ended.status, ended.stdout) == (0, "")
    assert '"amd.com/gpu"' in (home.project / "cdi" / "amd.json").read_text()


def test_a_folder_that_cannot_be_written_says_how_root_can(home) -> None:
    # Not even root can make anything below a file.
    (home.project / "file").touch()
    ended = home.run("cdi", "generate", "--host", PROFILE, "-o", "file/amd.json")
    assert ended.status == 4
    assert "hint: sudo mkdir -p file" in ended.stderr
    assert "hint: envkit cdi generate --vendor amd | sudo tee file/amd.json >/dev/null" in ended.stderr


def test_a_folder_without_permission_says_so(home) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    ended = home.run("cdi", "generate", "--host", PROFILE, "-o", "/etc/cdi/amd.json")
    assert ended.status == 4
    assert "permission denied" in ended.stderr
    assert "sudo tee /etc/cdi/amd.json" in ended.stderr


def test_a_machine_without_a_device_is_an_error(home) -> None:
    path = str(TESTS / "profiles" / "laptop-without-gpu.yaml")
    ended = home.run("cdi", "generate", "--host", path)
    assert (ended.status, ended.stdout) == (4, "")
    assert "error[EK0404]: no accelerator was detected" in ended.stderr


def test_another_vendor_than_was_detected_is_an_error_that_says_what_was(home) -> None:
    ended = home.run("cdi", "generate", "--host", PROFILE, "--vendor", "nvidia")
    assert ended.status == 4
    assert "detected: amd 0, AMD Instinct MI300X" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--format", "toml"), "`--format` is `json` or `yaml`: toml"),
        (("-o", "amd.txt"), "ends in `.json` or `.yaml`: amd.txt"),
        (("-o", "amd.json", "--format", "yaml"), "says json, and `--format` yaml"),
        (("--vendor", "nvidya"), "`nvidia`"),
    ],
)
def test_what_makes_no_sense_is_refused(home, arguments: tuple[str, ...], words: str) -> None:
    ended = home.run("cdi", "generate", "--host", PROFILE, *arguments)
    assert ended.status == 2
    assert words in ended.stderr


def test_devices_of_several_vendors_ask_for_one(home) -> None:
    path = home.project / "host.yaml"
    path.write_text("format: envkit-host/1\ndevices: [{vendor: amd, index: 0}, {vendor: nvidia, index: 0}]\n")
    ended = home.run("cdi", "generate", "--host", str(path))
    assert ended.status == 2
    assert "hint: envkit cdi generate --vendor nvidia" in ended.stderr
