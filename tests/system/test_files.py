import subprocess
import sys
from pathlib import Path

import pytest

from envkit.errors import EnvironmentBusyError, StorageError
from envkit.system.directories import data_directory, ensure_directory, state_directory
from envkit.system.files import lock_directory, write_atomically


def test_variables_name_the_directories_and_relative_ones_are_ignored() -> None:
    assert data_directory({"XDG_DATA_HOME": "/data"}) == Path("/data/envkit")
    assert state_directory({"XDG_STATE_HOME": "relative", "HOME": "/home/me"}) == Path("/home/me/.local/state/envkit")


def test_file_is_written_whole_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text("old")
    write_atomically(file, "new\n")
    assert file.read_text() == "new\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_failed_write_names_path_and_reason_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "directory"
    (target / "inside").mkdir(parents=True)
    with pytest.raises(StorageError, match=rf"cannot write \(.*\): {target}"):
        write_atomically(target, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["directory"]


def test_directory_that_cannot_be_made_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"cannot make a directory \(not a directory\): .*/file/below"):
        ensure_directory(tmp_path / "file" / "below")


def test_full_disk_leaves_the_old_file(full_disk: Path) -> None:
    file = full_disk / "record.json"
    file.write_text("old")
    with pytest.raises(StorageError, match=r"no space left on device"):
        write_atomically(file, "x" * 4_000_000)
    assert file.read_text() == "old"
    assert [path.name for path in full_disk.iterdir()] == ["record.json"]


def test_lock_is_refused_while_another_process_holds_it_and_ends_with_it(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\nfrom envkit.system.files import lock_directory\n"
        "with lock_directory(pathlib.Path(sys.argv[1])):\n print('held', flush=True)\n sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "env")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(EnvironmentBusyError, match="env"),
            lock_directory(tmp_path / "env", timeout_seconds=0.1),
        ):
            pass
        holder.kill()
        holder.wait()
        with lock_directory(tmp_path / "env", timeout_seconds=1):
            pass
