"""Recorded machines: what they answer, and that silence is not absence."""

import sys
from pathlib import Path

import pytest

from envkit.errors import DataError
from envkit.system.command import Command
from envkit.system.host import Owner
from envkit.system.replay import FolderHost


def ask(host: FolderHost, *argv: str) -> tuple[int | None, str, str | None]:
    completed = host.run(Command(argv=argv, timeout_seconds=1))
    return completed.status, completed.stdout, completed.failure


def test_what_is_not_recorded_is_unknown(tmp_path: Path) -> None:
    host = FolderHost(tmp_path)
    assert host.read("/etc/os-release").failure == "not recorded"
    assert (host.names("/sys"), host.link("/sys/x"), host.exists("/dev/kfd"), host.accessible("/dev/kfd")) == (
        None,
    ) * 4
    assert (host.real_path("/sys"), host.variable("HOME"), host.which("nvidia-smi"), host.free_bytes("/")) == (
        None,
    ) * 4
    assert ask(host, "nvidia-smi") == (None, "", "not recorded")
    assert host.http_get("unix:///run/docker.sock", "/info", 1).failure == "not recorded"
    assert host.machine().kernel is None


def test_files_and_folders_lie_as_under_the_root(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "version").write_bytes(b"Linux \xff 6.8")
    (tmp_path / "proc" / "stat").touch()
    host = FolderHost(tmp_path)
    assert host.read("/proc/version").text == "Linux \N{REPLACEMENT CHARACTER} 6.8"
    assert host.read("/proc/version", limit=5).text == "Linux"
    assert host.names("/proc") == ("stat", "version")
    assert host.exists("/proc/version") is True
    assert host.read("/proc").failure == "not recorded"


def test_links_are_read_as_written_and_followed_inside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "drivers").mkdir()
    (tmp_path / "driver").symlink_to("drivers")
    host = FolderHost(tmp_path)
    assert host.link("/driver") == "drivers"
    assert host.link("/drivers") is None
    assert host.real_path("/driver") == "/drivers"


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "absolute").symlink_to("/etc")
    (folder / "loop").symlink_to("loop")
    recordings = [{"command": "tool", "file": "../secret", "exit_code": 0}]
    host = FolderHost(folder, recordings)
    assert host.read("/../secret").text is None
    assert host.read("/absolute/passwd").text is None
    assert host.names("/absolute") is None
    assert host.read("/loop").text is None
    assert ask(host, "tool") == (0, "", None)


def test_paths_can_be_declared(tmp_path: Path) -> None:
    (tmp_path / "board.txt").write_text("Orin\0")
    recordings = [
        {"path": "/dev/kfd", "exists": True, "accessible": False},
        {"path": "/dev/nvidiactl", "exists": False},
        {"path": "/proc/device-tree/model", "file": "board.txt"},
        {"variable": "CUDA_VISIBLE_DEVICES", "value": "0"},
    ]
    host = FolderHost(tmp_path, recordings)
    assert (host.exists("/dev/kfd"), host.accessible("/dev/kfd")) == (True, False)
    assert (host.exists("/dev/nvidiactl"), host.accessible("/dev/nvidiactl")) == (False, None)
    assert host.read("/dev/nvidiactl").failure == "no such file"
    assert host.read("/proc/device-tree/model").text == "Orin\0"
    assert host.variable("CUDA_VISIBLE_DEVICES") == "0"


@pytest.fixture
def tools(tmp_path: Path) -> FolderHost:
    recordings = []
    for name, command in {
        "all": "rocm-smi -i --showmeminfo all --showbus --json",
        "query": "nvidia-smi -q",
        "xml": "nvidia-smi -q -x",
        "columns": "hl-smi -Q name,uuid,power.draw,memory.total -f csv",
        "bare": "nvidia-smi --query-gpu=index,name,uuid --format=csv,noheader",
        "quoted": "tool 'one word'  --flag",
        "child": "python -P envkit/detect/children/nvml.py",
        "broken": "tool 'unclosed",
    }.items():
        (tmp_path / name).write_text(name)
        recordings.append({"command": command, "file": name, "exit_code": 0})
    recordings.append({"command": "hung", "failure": "timed out after 10 s"})
    recordings.append({"command": "failed", "exit_code": 18})
    return FolderHost(tmp_path, recordings)


def test_a_command_is_found_by_its_words(tools: FolderHost) -> None:
    assert ask(tools, "nvidia-smi", "-q") == (0, "query", None)
    assert ask(tools, "nvidia-smi", "-q", "-x") == (0, "xml", None)
    assert ask(tools, "tool", "one word", "--flag") == (0, "quoted", None)
    assert ask(tools, "hung") == (None, "", "timed out after 10 s")
    assert ask(tools, "failed") == (18, "", None)
    assert tools.which("rocm-smi") == "rocm-smi"


def test_a_recording_of_more_in_the_same_form_answers_too(tools: FolderHost) -> None:
    assert ask(tools, "rocm-smi", "--showmeminfo", "vram", "--json")[1] == "all"
    assert ask(tools, "rocm-smi", "--showmeminfo", "vram", "--csv")[2] == "not recorded"
    assert ask(tools, "rocm-smi", "--showpower", "--json")[2] == "not recorded"
    assert ask(tools, "nvidia-smi")[2] == "not recorded"


def test_a_table_with_more_columns_answers_where_a_header_names_them(tools: FolderHost) -> None:
    assert ask(tools, "hl-smi", "-Q", "memory.total,name", "-f", "csv")[1] == "columns"
    assert ask(tools, "hl-smi", "-Q", "name,index", "-f", "csv")[2] == "not recorded"
    assert ask(tools, "nvidia-smi", "--query-gpu=index,name", "--format=csv,noheader")[2] == "not recorded"


def test_a_child_of_envkit_is_found_wherever_envkit_is_installed(tools: FolderHost) -> None:
    script = Path(__file__).resolve().parents[2] / "envkit" / "detect" / "children" / "nvml.py"
    assert ask(tools, sys.executable, "-P", str(script)) == (0, "child", None)


@pytest.mark.parametrize("recordings", [5, ["text"], [{"command": 1}]])
def test_recordings_of_another_form_are_a_coded_error(tmp_path: Path, recordings: object) -> None:
    with pytest.raises(DataError, match="does not decode"):
        FolderHost(tmp_path, recordings)


def test_the_owner_of_a_node_is_known_where_it_was_recorded(tmp_path: Path) -> None:
    rows = [
        {"path": "/dev/kfd", "exists": True, "group": 109, "mode": "660"},
        {"path": "/dev/dri/card0", "group": 44, "mode": "rw-rw----"},
        {"path": "/dev/null", "exists": True},
    ]
    host = FolderHost(tmp_path, rows)
    assert host.owner("/dev/kfd") == Owner(gid=109, mode=0o660)
    assert host.owner("/dev/dri/card0") == Owner(gid=44)
    assert (host.owner("/dev/null"), host.owner("/dev/other")) == (None, None)
