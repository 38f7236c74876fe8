"""A machine that is recorded and replayed gives the same facts, byte for byte, and names nobody."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.detect.recorded import RecordedFacts, decode_recorded, facts_of_recording, record_host
from envkit.detect.redact import redact
from envkit.model.value import to_json
from envkit.system.live import LiveHost
from envkit.system.replay import FolderHost

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "hosts"
FOLDERS = sorted(path.parent for place in (HOSTS, SHARED) for path in place.glob("*/host.yaml"))


class NamedHost(FolderHost):
    """A recorded machine of a user and with a name."""

    def variable(self, name: str) -> str | None:
        told = {"HOME": "/home/alice", "USER": "alice"}
        return told.get(name) or super().variable(name)

    def read(self, path: str, *, limit: int = 65536) -> object:
        from envkit.system.host import Read

        return Read("gpu7\n") if path == "/proc/sys/kernel/hostname" else super().read(path, limit=limit)


def again(content: str) -> RecordedFacts:
    decoded = decode_recorded(content.encode())
    assert decoded is not None
    return decoded


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_recording_of_a_machine_gives_its_facts(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    made = record_host(host.replay(), data_directory="/var/lib/envkit")
    assert to_json(made.facts) == to_json(redact(host.facts()))
    read = again(to_json(made.document()))
    assert to_json(facts_of_recording(read.recording)) == to_json(made.facts)
    assert not made.left


def test_a_second_recording_is_the_same_file(recorded: Callable) -> None:
    host = recorded(HOSTS / "ubuntu-amd-mi300x")
    files = {to_json(record_host(host.replay(), data_directory="/x").document()) for _ in range(2)}
    assert len(files) == 1


def test_this_machine_can_be_recorded_and_replayed(tmp_path: Path) -> None:
    made = record_host(LiveHost(), data_directory=str(tmp_path))
    assert made.facts.os is not None
    assert made.facts.cpu is not None
    assert made.facts.disk_free_mib
    content = to_json(made.document())
    assert to_json(facts_of_recording(again(content).recording)) == to_json(made.facts)
    home = os.environ.get("HOME", "/root")
    assert home == "/root" or home not in content


def test_a_recording_names_neither_the_user_nor_the_machine(recorded: Callable) -> None:
    host = recorded(HOSTS / "ubuntu-amd-mi300x")
    named = NamedHost(host.folder, host.document.get("recordings", []))
    made = record_host(named, data_directory="/home/alice/.local/share/envkit")
    content = to_json(made.document())
    assert "alice" not in content
    assert "gpu7" not in content
    assert not made.left


def test_a_name_that_the_facts_are_made_of_stays_and_is_told(recorded: Callable) -> None:
    class Board(NamedHost):
        def variable(self, name: str) -> str | None:
            return "amdgpu" if name == "USER" else super().variable(name)

    host = recorded(HOSTS / "ubuntu-amd-mi300x")
    made = record_host(Board(host.folder, host.document.get("recordings", [])), data_directory="/x")
    assert "amdgpu" in made.left
    assert {device.kernel_driver for device in made.facts.devices or ()} == {"amdgpu"}


def test_other_files_hold_no_recording() -> None:
    assert decode_recorded(b"format: envkit-host/1\n") is None
    assert decode_recorded(b'{"format": "envkit-host/1"}') is None
    assert decode_recorded(b"\xff\xfe") is None


@pytest.mark.parametrize(
    "content",
    [
        b'{"format": "envkit-host/1", "recording": 1}',
        b'{"format": "envkit-host/1", "recording": {}}',
        b'{"format": "envkit-host/1", "recording": {"envkit": "1", "data_directory": "/x", "files": {"/a": 1}}}',
        b'{"format": "envkit-host/2", "recording": {"envkit": "1", "data_directory": "/x"}}',
    ],
)
def test_a_recording_of_another_form_is_refused_with_the_path(content: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$|format|tag"):
        decode_recorded(content)
