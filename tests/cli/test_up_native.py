"""`envkit up` and what belongs to it, on real native environments made of tiny wheels."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

UP = ("up", "tinyframe", "--native", "--offline", "--wheelhouse", "wheels")


def test_up_ends_with_a_proven_environment_that_can_be_used(tiny) -> None:
    up = tiny.run(*UP)
    assert up.status == 0, up.stderr
    assert "expected 42, got 42" in up.stderr
    assert up.stdout == ""
    used = tiny.run("exec", "tinyframe", "--", "python", "-c", "import tinyframe, tinydep; print(tinyframe.answer())")
    assert (used.status, used.stdout) == (0, "42\n")


def test_up_says_which_engine_and_build_were_taken_and_why(tiny) -> None:
    up = tiny.run("up", "tinyframe", "--offline", "--wheelhouse", "wheels")
    assert up.status == 0, up.stderr
    assert "native, because docker cannot be used" in up.stderr or "no container engine was found" in up.stderr
    assert "tinyframe 1.0: cpu build" in up.stderr
    assert "from wheelhouse" in up.stderr


def test_up_prints_its_outcome_as_json(tiny) -> None:
    outcome = tiny.run(*UP, "--json").json
    assert outcome["format"] == "envkit-up/1"
    assert outcome["report"]["passed"] is True
    assert outcome["report"]["packages_checked"] == 2
    assert outcome["environment"]["packages"] == {"tinyframe": "1.0"}
    kept = json.loads((tiny.data / "envkit" / "envs" / "tinyframe" / "report.json").read_text(encoding="utf-8"))
    assert kept == outcome["report"]


@pytest.mark.alone
def test_the_same_up_again_changes_nothing_and_is_quick(tiny) -> None:
    tiny.run(*UP)
    before = {path: path.stat().st_mtime_ns for path in tiny.data.rglob("*")}
    started = time.monotonic()
    again = tiny.run(*UP)
    assert time.monotonic() - started < 2
    assert again.status == 0
    assert "Unchanged" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in tiny.data.rglob("*")} == before


def test_another_request_of_the_same_name_replaces_the_environment(tiny, make_wheel: Callable[..., Path]) -> None:
    make_wheel(tiny.project / "wheels", "extra", "1.0")
    tiny.run(*UP)
    changed = tiny.run(*UP, "--with", "extra")
    assert changed.status == 0, changed.stderr
    assert tiny.run("exec", "tinyframe", "--", "python", "-c", "import extra").status == 0
    assert len(tiny.generations("tinyframe")) == 1


def test_a_wrong_result_is_not_put_in_place_of_a_good_environment(tiny) -> None:
    tiny.run(*UP)
    recipe = tiny.recipe
    recipe.write_text(recipe.read_text(encoding="utf-8").replace('"42"', '"43"'), encoding="utf-8")
    failed = tiny.run(*UP)
    assert failed.status == 7
    assert "error[EK0701]" in failed.stderr
    assert "expected 43, got 42" in failed.stderr
    used = tiny.run("exec", "tinyframe", "--", "python", "-c", "import tinyframe; print(tinyframe.answer())")
    assert used.stdout == "42\n"
    assert len(tiny.generations("tinyframe")) == 1


def test_ls_down_and_rm(tiny) -> None:
    tiny.run(*UP)
    assert "tinyframe" in tiny.run("ls").stdout
    listed = tiny.run("ls", "--json").json["environments"]
    assert [(environment["name"], environment["engine"], environment["state"]) for environment in listed] == [
        ("tinyframe", "native", "ready")
    ]
    assert tiny.run("down", "tinyframe").status == 0
    refused = tiny.run("rm", "tinyframe")
    assert (refused.status, "envkit rm tinyframe -y" in refused.stderr) == (2, True)
    assert tiny.run("rm", "tinyframe", "-y").status == 0
    assert tiny.run("ls", "--json").json == {"format": "envkit-list/1", "environments": []}
    assert not (tiny.data / "envkit" / "envs" / "tinyframe").exists()


def test_down_and_rm_print_what_they_did_as_json(tiny) -> None:
    tiny.run(*UP)
    down = tiny.run("down", "tinyframe", "--json").json
    assert (down["format"], down["name"], down["state"]) == ("envkit-environment/1", "tinyframe", "ready")
    removed = tiny.run("rm", "tinyframe", "-y", "--json").json
    assert removed == {"format": "envkit-removed/1", "name": "tinyframe", "engine": "native"}


def test_the_exit_status_of_a_command_is_passed_on(tiny) -> None:
    tiny.run(*UP)
    assert tiny.run("exec", "tinyframe", "--", "python", "-c", "raise SystemExit(17)").status == 17


def test_up_runs_a_command_in_the_environment(tiny) -> None:
    up = tiny.run(*UP, "--", "python", "-c", "import sys; print(sys.argv[1:])", "--json", "-q")
    assert (up.status, up.stdout) == (0, "['--json', '-q']\n")


def test_a_shell_has_the_environment(tiny) -> None:
    tiny.run(*UP)
    typed = "python -c 'import tinyframe; print(tinyframe.answer())'\n"
    shell = tiny.run("shell", "tinyframe", stdin=typed, SHELL="/bin/sh")
    assert shell.stdout.strip().endswith("42")


def test_verify_proves_again_and_sees_a_package_that_was_changed(tiny) -> None:
    tiny.run(*UP)
    assert tiny.run("verify", "tinyframe").status == 0
    metadata = next(tiny.data.rglob("tinydep-2.0.dist-info/METADATA"))
    metadata.unlink()
    metadata.write_text("Metadata-Version: 2.1\nName: tinydep\nVersion: 9.9\n", encoding="utf-8")
    verified = tiny.run("verify", "tinyframe")
    assert verified.status == 7
    assert "tinydep: locked 2.0, installed 9.9" in verified.stderr


def test_the_project_file_says_what_is_wanted_and_where_it_comes_from(tiny) -> None:
    (tiny.project / "envkit.yaml").write_text(
        "format: envkit/1\nname: mine\nrecipes: [tinyframe]\nsources: {wheelhouse: wheels}\n", encoding="utf-8"
    )
    up = tiny.run("up", "--offline", "--native")
    assert up.status == 0, up.stderr
    assert [environment["name"] for environment in tiny.run("ls", "--json").json["environments"]] == ["mine"]


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def slow_proof(tiny) -> Path:
    """Make the smoke test hang, and return the file that it makes when it has begun."""
    marker = tiny.root / "proving"
    hang = f"    open({str(marker)!r}, 'w').close()\n    import time; time.sleep(60)\n\n"
    text = tiny.recipe.read_text(encoding="utf-8")
    tiny.recipe.write_text(text.replace("    def smoke", f"{hang}    def smoke"), encoding="utf-8")
    return marker


def test_a_library_that_this_machine_lacks_is_named_with_the_command_that_installs_it(tiny) -> None:
    words = "libgomp.so.1: cannot open shared object file: No such file or directory"
    text = tiny.recipe.read_text(encoding="utf-8").replace("import tinyframe\n", f"raise OSError({words!r})\n", 1)
    tiny.recipe.write_text(text, encoding="utf-8")
    programs = tiny.root / "programs"
    programs.mkdir()
    (programs / "dnf").write_text("#!/bin/sh\n", encoding="utf-8")
    (programs / "dnf").chmod(0o755)
    failed = tiny.run(*UP, PATH=f"{programs}{os.pathsep}{tiny.environment['PATH']}")
    assert failed.status == 7
    assert "hint: dnf install libgomp\n" in failed.stderr


def test_an_interrupt_during_the_proof_leaves_nothing_and_the_next_run_succeeds(tiny) -> None:
    recipe = tiny.recipe
    good = recipe.read_text(encoding="utf-8")
    marker = slow_proof(tiny)
    process = tiny.start(*UP)
    wait_for(marker.exists)
    process.send_signal(signal.SIGINT)
    stderr = process.communicate(timeout=30)[1]
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert tiny.generations("tinyframe") == []
    assert tiny.run("ls", "--json").json["environments"] == []
    recipe.write_text(good, encoding="utf-8")
    assert tiny.run(*UP).status == 0


@pytest.mark.parametrize("delay", [0.1, 0.3, 0.5, 0.7, 0.9, 1.2])
def test_an_interrupt_at_any_time_is_clean(tiny, delay: float) -> None:
    process = tiny.start(*UP)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    stderr = process.communicate(timeout=30)[1]
    assert process.returncode in (0, 130), stderr
    assert "Traceback" not in stderr
    assert len(tiny.generations("tinyframe")) == (1 if process.returncode == 0 else 0)
    assert tiny.run(*UP).status == 0


def test_a_killed_run_is_repaired_by_the_next(tiny) -> None:
    process = tiny.start(*UP)
    wait_for(lambda: bool(tiny.generations("tinyframe")))
    process.kill()
    process.communicate()
    again = tiny.run(*UP)
    assert again.status == 0, again.stderr
    assert len(tiny.generations("tinyframe")) == 1


def test_a_full_disk_is_a_coded_error_and_leaves_nothing(
    tiny, full_disk: Path, make_wheel: Callable[..., Path]
) -> None:
    body = f"PAD = {os.urandom(2_000_000).hex()!r}\n\n\ndef answer():\n    return 42\n"
    make_wheel(tiny.project / "wheels", "tinyframe", "1.0", requires=("tinydep>=2",), body=body)
    failed = tiny.run(*UP, XDG_DATA_HOME=str(full_disk))
    assert failed.status == 4, failed.stderr
    assert "error[EK0402]" in failed.stderr
    assert list((full_disk / "envkit" / "envs" / "tinyframe" / "generations").glob("*")) == []
    assert tiny.run(*UP).status == 0


def test_a_data_directory_that_cannot_be_written_is_a_coded_error(tiny) -> None:
    obstacle = tiny.root / "file"
    obstacle.write_text("", encoding="utf-8")
    failed = tiny.run(*UP, XDG_DATA_HOME=str(obstacle))
    assert failed.status == 4
    assert "error[EK0402]" in failed.stderr
    assert str(obstacle) in failed.stderr


def test_two_runs_of_the_same_name_do_not_meet(tiny) -> None:
    marker = slow_proof(tiny)
    first = tiny.start(*UP)
    wait_for(marker.exists)
    second = tiny.run(*UP)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)
    assert second.status == 4
    assert "error[EK0403]" in second.stderr


def test_this_python_is_not_touched(tiny) -> None:
    tiny.run(*UP)
    used = tiny.run("exec", "tinyframe", "--", "python", "-c", "import sys; print(sys.prefix)")
    assert used.stdout.strip() != sys.prefix
