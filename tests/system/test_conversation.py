"""A conversation is held with a real process: answers, time limits, ends."""

import os
import sys
import time

import pytest

from envkit.system.command import Command, Conversation

ECHO = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)\n"


def talk(program: str, *, timeout_seconds: float = 20.0) -> Conversation:
    return Conversation(Command(argv=(sys.executable, "-c", program), timeout_seconds=timeout_seconds))


def test_each_line_is_answered_and_the_end_of_input_ends_the_command() -> None:
    conversation = talk(ECHO)
    assert [conversation.ask(line).line for line in (b"abc", b"xyz")] == [b"cba", b"zyx"]
    assert conversation.close(grace_seconds=10)


def test_lines_longer_than_any_pipe_holds_go_both_ways() -> None:
    conversation = talk(ECHO)
    line = b"a" * 1_000_000 + b"z"
    assert conversation.ask(line).line == line[::-1]
    conversation.close(grace_seconds=10)


def test_what_is_said_on_standard_error_does_not_disturb_or_block() -> None:
    conversation = talk("import sys\nsys.stderr.write('noise ' * 100_000)\n" + ECHO)
    assert conversation.ask(b"abc").line == b"cba"
    conversation.close(grace_seconds=10)


def test_an_early_end_gives_the_first_line_of_the_complaint() -> None:
    conversation = talk("import sys\nsys.exit('no such image\\n\\nrun --help')")
    assert conversation.ask(b"abc").failure == "no such image"
    assert conversation.ask(b"abc").failure == "no such image"
    assert conversation.close(grace_seconds=10)


def test_a_silent_command_costs_its_time_limit_and_is_killed_at_the_end() -> None:
    conversation = talk("import time\ntime.sleep(60)", timeout_seconds=0.3)
    started = time.monotonic()
    assert conversation.ask(b"abc").failure == "timed out after 0.3 s"
    assert not conversation.close(grace_seconds=0.1)
    assert time.monotonic() - started < 5


def test_an_endless_line_is_no_answer() -> None:
    conversation = talk("import sys\nwhile True: sys.stdout.write('a' * 1_000_000)")
    assert conversation.ask(b"abc").failure == "an endless line"
    conversation.close(grace_seconds=0.1)


def test_a_command_that_does_not_exist_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        Conversation(Command(argv=("/nonexistent/tool",), timeout_seconds=1))


def test_nothing_stays_open_after_the_end() -> None:
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are wanted
    conversation = talk(ECHO)
    conversation.ask(b"abc")
    conversation.close(grace_seconds=10)
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above
