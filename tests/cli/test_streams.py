"""Streams that are closed, full, or cannot show a character; flags that belong to somebody else's command."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from envkit.cli.main import split_global_flags

UP = ("up", "tinyframe", "--native", "--offline", "--wheelhouse", "wheels")


def run_in_shell(
    home, words: tuple[str, ...], redirection: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", "-c", f"{shlex.join(home.argv(words))} {redirection}"],
        check=False,
        capture_output=True,
        text=True,
        cwd=home.project,
        env={**home.environment, **environment},
        timeout=60,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", [("--version",), ("ls",), ("ls", "--json"), ("up", "--help")])
def test_closed_streams_are_no_failure(home, words: tuple[str, ...], closed: str) -> None:
    ended = run_in_shell(home, words, closed)
    assert (ended.returncode, "Traceback" in ended.stderr, "error" in ended.stderr) == (0, False, False), ended.stderr


def test_a_file_that_is_opened_later_does_not_take_the_place_of_a_closed_stream(tiny) -> None:
    ended = run_in_shell(tiny, (*UP, "--json"), ">&- 2>&-")
    assert ended.returncode == 0
    kept = [path for path in (*tiny.data.rglob("*.json"), *tiny.state.rglob("*.log")) if path.is_file()]
    assert kept
    assert not any("envkit-up/1" in path.read_text(encoding="utf-8") for path in kept)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    "words", [("--version",), ("version",), ("ls", "--json"), ("up", "--help"), ("explain", "EK0301")]
)
def test_a_full_output_is_said_once_and_is_no_internal_error(home, words: tuple[str, ...]) -> None:
    ended = run_in_shell(home, words, ">/dev/full")
    assert ended.returncode == 4
    assert ended.stderr.count("no space left on device") == 1
    assert "itself" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_work_goes_on_when_messages_cannot_be_shown(tiny) -> None:
    assert run_in_shell(tiny, UP, "2>/dev/full").returncode == 0
    assert "tinyframe" in tiny.run("ls").stdout
    assert run_in_shell(tiny, ("up", "nothing"), "2>/dev/full").returncode == 2


def test_a_reader_of_the_messages_that_has_gone_ends_the_command_quietly(tiny) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        tiny.argv(UP), check=False, stdout=writer, stderr=writer, cwd=tiny.project, env=tiny.environment, timeout=60
    )
    os.close(writer)
    assert ended.returncode == 141
    assert not tiny.generations("tinyframe")


def test_a_character_that_the_output_cannot_show_is_replaced(tiny) -> None:
    asked = ("resolve", "tinyframe", "--native", "--offline", "--wheelhouse", "wheels")
    ended = tiny.run(*asked, PYTHONIOENCODING="ascii")
    assert ended.status == 0, ended.stderr
    assert "  ? python: " in ended.stdout


def test_flags_behind_the_name_of_exec_belong_to_its_command() -> None:
    assert split_global_flags(["exec", "-v", "demo", "python", "-q", "--debug"]) == (
        ("exec", "demo", "python", "-q", "--debug"),
        frozenset({"verbose"}),
    )
    assert split_global_flags(["up", "demo", "-q", "--", "run", "-v"]) == (
        ("up", "demo", "--", "run", "-v"),
        frozenset({"quiet"}),
    )


def test_a_command_without_dashes_before_it_gets_all_its_arguments(tiny) -> None:
    assert tiny.run(*UP).status == 0
    program = "import sys; print(sys.argv[1:])"
    ended = tiny.run("exec", "tinyframe", "python", "-c", program, "-v", "-q", "--json", "--debug")
    assert ended.stdout == "['-v', '-q', '--json', '--debug']\n"


def test_a_device_is_written_to_and_not_replaced(home) -> None:
    pipe = home.project / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        assert home.run("detect", "--record", "pipe").status == 0
        assert '"envkit-host/1"' in reader.communicate(timeout=10)[0]
    assert pipe.is_fifo()


def test_an_empty_name_of_a_recording_is_a_usage_error(home) -> None:
    assert home.run("detect", "--record", "").status == 2


def test_help_can_be_asked_for_as_a_word(home) -> None:
    assert home.run("help").stdout == home.run("--help").stdout
    assert home.run("help", "up").stdout == home.run("up", "--help").stdout
