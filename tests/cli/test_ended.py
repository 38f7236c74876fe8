"""Commands that are ended from outside, and environments that something happened to."""

import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

UP = ("up", "tinyframe", "--native", "--offline", "--wheelhouse", "wheels")


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def command_is_running(words: bytes) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if words in entry.read_bytes():
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_proof_leaves_nothing_behind(tiny, ending: signal.Signals) -> None:
    good = tiny.recipe.read_text(encoding="utf-8")
    waiting = f'open("waits", "w").close(); import time; time.sleep(60)  # {tiny.root}'
    tiny.recipe.write_text(
        good.replace("import tinyframe\n\n", f"import tinyframe\n    {waiting}\n\n"), encoding="utf-8"
    )
    process = tiny.start(*UP)
    wait_for(tiny.project / "waits")
    process.send_signal(ending)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 128 + ending
    assert errors.splitlines()[-1] == "terminated"
    assert not (tiny.data / "envkit" / "envs" / "tinyframe").exists()
    assert not command_is_running(f"{tiny.data}".encode())
    tiny.recipe.write_text(good, encoding="utf-8")
    assert tiny.run(*UP).status == 0


def test_a_hangup_that_is_ignored_stays_ignored(tiny) -> None:
    process = subprocess.Popen(
        ["/usr/bin/nohup", *tiny.argv(UP)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tiny.project,
        env=tiny.environment,
    )
    time.sleep(0.3)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_command_in_an_environment_is_ended_with_envkit(tiny) -> None:
    assert tiny.run(*UP).status == 0
    program = "import time; open('runs', 'w').close(); time.sleep(60)"
    process = tiny.start("exec", "tinyframe", "--", "python", "-c", program)
    wait_for(tiny.project / "runs")
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert not command_is_running(f"{tiny.data}".encode())


def test_a_command_that_a_signal_ended_has_the_status_of_a_shell(tiny) -> None:
    assert tiny.run(*UP).status == 0
    assert tiny.run("exec", "tinyframe", "--", "sh", "-c", "kill -9 $$").status == 128 + signal.SIGKILL


def test_another_python_never_answers_for_a_broken_environment(tiny) -> None:
    assert tiny.run(*UP).status == 0
    (tiny.generations("tinyframe")[0] / "venv" / "bin" / "python").unlink()
    verified = tiny.run("verify", "tinyframe")
    assert verified.status == 4
    assert "files are not complete" in verified.stderr
    assert "hint: envkit up tinyframe --name tinyframe" in verified.stderr
    assert tiny.run(*UP).status == 0
    assert tiny.run("verify", "tinyframe").status == 0


def test_an_environment_whose_record_is_lost_is_not_brought_up_by_a_command_without_recipes(tiny) -> None:
    assert tiny.run(*UP).status == 0
    (tiny.data / "envkit" / "envs" / "tinyframe" / "record.json").write_text("{", encoding="utf-8")
    used = tiny.run("exec", "tinyframe", "--", "python")
    assert used.status == 4
    assert [line for line in used.stderr.splitlines() if line.startswith("hint")] == ["hint: envkit rm tinyframe -y"]


def test_an_installation_that_was_moved_is_made_anew(tiny) -> None:
    assert tiny.run(*UP).status == 0
    shutil.move(tiny.data, tiny.root / "moved")
    assert tiny.run(*UP, XDG_DATA_HOME=str(tiny.root / "moved")).status == 0
    activate = next((tiny.root / "moved").rglob("bin/activate")).read_text(encoding="utf-8")
    assert str(tiny.data) not in activate


def test_a_failed_build_leaves_no_empty_directories(tiny) -> None:
    wheel = next((tiny.project / "wheels").glob("tinyframe-*"))
    wheel.write_bytes(b"no wheel")
    assert tiny.run(*UP).status != 0
    assert not (tiny.data / "envkit" / "envs" / "tinyframe").exists()


def test_a_full_disk_for_logs_is_a_storage_error(tiny, full_disk: Path) -> None:
    (full_disk / "envkit" / "locks").mkdir(parents=True)
    with suppress(OSError), (full_disk / "rest").open("wb", buffering=0) as rest:
        while True:
            rest.write(bytes(4096))
    up = tiny.run(*UP, XDG_STATE_HOME=str(full_disk))
    assert up.status == 4, up.stderr
    assert "no space left on device" in up.stderr
    assert "envkit itself failed" not in up.stderr
