"""Interpreters, found in real folders and asked for real."""

import sys
from pathlib import Path

import pytest

from envkit.detect.pythons import detect_pythons
from envkit.system.live import LiveHost
from envkit.system.replay import FolderHost

REAL = Path(sys.executable).resolve()


class Machine(LiveHost):
    """The live machine without what lies outside of one folder and the running interpreter."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def names(self, path: str) -> tuple[str, ...] | None:
        return super().names(path) if path.startswith(self.folder) else None


def program(path: Path, text: str) -> None:
    """Write a program that is not a script by its first bytes, as a compiled one is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("PYENV_ROOT", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bin").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "place",
    ["bin/python3", "bin/python3.11", ".pyenv/versions/3.11.7/bin/python3.11", ".local/share/uv/python/a/bin/python3"],
)
def test_an_interpreter_is_found_under_its_real_path(home: Path, place: str) -> None:
    (home / place).parent.mkdir(parents=True, exist_ok=True)
    (home / place).symlink_to(REAL)
    (found,) = detect_pythons(Machine(home)) or ()
    assert found.path == str(REAL)
    assert found.version == sys.version.split()[0]


def test_several_names_of_one_interpreter_are_one(home: Path) -> None:
    for name in ("python3", "python3.11", "python3.12"):
        (home / "bin" / name).symlink_to(REAL)
    assert len(detect_pythons(Machine(home)) or ()) == 1


def test_scripts_and_other_names_are_left_out(home: Path) -> None:
    program(home / "bin" / "python3", "#!/bin/sh\necho Python 3.12.0\n")
    (home / "bin" / "python3-config").symlink_to(REAL)
    (home / "bin" / "python").symlink_to(REAL)
    assert detect_pythons(Machine(home)) == ()


def test_what_does_not_answer_as_cpython_is_left_out(home: Path) -> None:
    (home / "bin" / "python3.12").symlink_to("/bin/true")
    (home / "bin" / "python3.13").symlink_to("/bin/false")
    (home / "bin" / "python3.14").symlink_to(home / "gone")
    assert detect_pythons(Machine(home)) == ()


@pytest.mark.parametrize(
    ("printed", "versions"),
    [
        (
            ["Python 3.9.18", "Python 3.14.0rc1", "Python 3.14.0", "Python 3.10.2"],
            ["3.14.0", "3.14.0rc1", "3.10.2", "3.9.18"],
        ),
        (["Python 3.7.17", "Python 2.7.18"], []),
        (["Python 3.10.14\n[PyPy 7.3.16 with GCC 10.2.1]", "GraalPy 3.11.7"], []),
    ],
)
def test_newest_first_and_only_cpython_from_3_8(tmp_path: Path, printed: list[str], versions: list[str]) -> None:
    recordings = []
    for number, text in enumerate(printed):
        program(tmp_path / f"usr/bin/python3.{number}", "ELF")
        (tmp_path / f"{number}.txt").write_text(text + "\n")
        command = f"/usr/bin/python3.{number} --version"
        recordings.append({"command": command, "file": f"{number}.txt", "exit_code": 0})
    found = detect_pythons(FolderHost(tmp_path, recordings))
    assert [python.version for python in found or ()] == versions


def test_a_recording_without_folders_tells_nothing(tmp_path: Path) -> None:
    assert detect_pythons(FolderHost(tmp_path)) is None
