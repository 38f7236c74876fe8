"""What a machine answered is answered again, and nothing else."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from envkit.detect.sources import nvidia_nvml
from envkit.system.command import Command
from envkit.system.live import LiveHost
from envkit.system.recording import RecordedHost, RecordingHost, normal_argv

NVML_CHILD = str(Path(nvidia_nvml.__file__).parents[1] / "children" / "nvml.py")


def asked(host: RecordingHost | RecordedHost, folder: Path) -> tuple[object, ...]:
    file, missing = str(folder / "file"), str(folder / "missing")
    completed = host.run(Command(argv=("sh", "-c", "echo out; echo err >&2; exit 3"), timeout_seconds=5))
    return (
        host.read(file),
        host.read(missing),
        host.names(str(folder)),
        host.names(missing),
        host.link(str(folder / "link")),
        host.link(file),
        host.exists(file),
        host.exists(missing),
        host.real_path(str(folder / "link")),
        host.accessible(file),
        host.owner(file),
        host.owner(missing),
        host.variable("HOME"),
        host.variable("ENVKIT_NO_SUCH_VARIABLE"),
        host.which("sh"),
        host.which("no-such-command"),
        (completed.status, completed.stdout, completed.stderr, completed.failure),
        host.run(Command(argv=("no-such-command",), timeout_seconds=5)).failure,
        host.machine(),
        host.free_bytes(str(folder)) is not None,
        host.http_get("unix:///no/such/socket", "/info", 1),
    )


def recorded(folder: Path) -> tuple[RecordingHost, tuple[object, ...]]:
    (folder / "file").write_text("text \N{SNOWMAN}")
    (folder / "link").symlink_to("file")
    host = RecordingHost(LiveHost())
    return host, asked(host, folder)


def test_a_recording_answers_as_the_machine_did(tmp_path: Path) -> None:
    host, answers = recorded(tmp_path)
    replay = RecordedHost(host.recording(envkit="1", data_directory="/x"))
    (tmp_path / "file").unlink()
    assert asked(replay, tmp_path) == answers


def test_what_was_not_asked_is_not_known(tmp_path: Path) -> None:
    host = RecordedHost(RecordingHost(LiveHost()).recording(envkit="1", data_directory="/x"))
    assert host.read("/etc/os-release").failure == "not recorded"
    assert host.exists("/etc/os-release") is None
    assert host.run(Command(argv=("true",), timeout_seconds=1)).failure == "not recorded"
    assert host.http_get("unix:///x", "/", 1).failure == "not recorded"
    assert (host.names("/"), host.free_bytes(str(tmp_path)), host.machine().kernel) == (None, None, None)


def test_of_two_reads_of_a_file_the_longer_one_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("0123456789")
    host = RecordingHost(LiveHost())
    for limit in (2, 8, 4):
        host.read(str(path), limit=limit)
    replay = RecordedHost(host.recording(envkit="1", data_directory="/x"))
    assert [replay.read(str(path), limit=limit).text for limit in (2, 8)] == ["01", "01234567"]


def test_threads_may_ask_at_the_same_time(tmp_path: Path) -> None:
    names = [str(tmp_path / f"file-{number}") for number in range(200)]
    host = RecordingHost(LiveHost())
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(host.read, names))
        list(workers.map(host.exists, names))
    made = host.recording(envkit="1", data_directory="/x")
    assert sorted(names) == list(made.files) == list(made.existing)


def test_a_child_of_envkit_is_the_same_wherever_envkit_and_python_are() -> None:
    assert normal_argv((sys.executable, "-P", NVML_CHILD)) == ("python", "-P", "envkit/detect/children/nvml.py")
    assert normal_argv((sys.executable, "--version")) == (sys.executable, "--version")
    assert normal_argv(("nvidia-smi", "-q", "-x")) == ("nvidia-smi", "-q", "-x")


def test_bytes_that_are_no_text_count_as_they_did_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"\xff" * 64 + "\N{SNOWMAN}".encode() + b"end")
    live, host = LiveHost(), RecordingHost(LiveHost())
    host.read(str(path))
    replay = RecordedHost(host.recording(envkit="1", data_directory="/x"))
    for limit in (4, 64, 67, 70, 1000):
        assert replay.read(str(path), limit=limit) == live.read(str(path), limit=limit)
