"""The runner runs real commands: time limits, process groups, interrupts."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from envkit.system.command import Command, run_command, stream_command


def python(program: str, *, timeout_seconds: float = 20.0, stdin: str | None = None) -> Command:
    return Command(argv=(sys.executable, "-c", program), timeout_seconds=timeout_seconds, stdin=stdin)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie that nobody has reaped yet is dead for our purpose.
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def wait_until_dead(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def test_output_status_and_input_are_captured() -> None:
    completed = run_command(python("import sys; print(sys.stdin.read()); sys.exit(3)", stdin="hello"))
    assert (completed.status, completed.stdout, completed.ok) == (3, "hello\n", False)


def test_a_missing_command_is_a_failure_not_an_exception() -> None:
    completed = run_command(Command(argv=("/nonexistent/tool",), timeout_seconds=1))
    assert completed.failure == "not found"


def test_a_time_limit_ends_the_whole_process_group(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    completed = run_command(python(program, timeout_seconds=1.5))
    assert completed.failure == "timed out after 1.5 s"
    assert wait_until_dead(int(pid_file.read_text(encoding="utf-8")))


def test_undecodable_and_endless_output_is_cut_not_fatal() -> None:
    completed = run_command(python("import os; os.write(1, b'\\xff' * 100000)"), limit_bytes=10)
    assert completed.stdout == "\ufffd" * 10


def test_lines_of_both_streams_arrive_while_the_command_runs() -> None:
    seen: list[str] = []
    program = "import sys\nprint('one', flush=True)\nprint('two', file=sys.stderr, flush=True)\n"
    assert stream_command(python(program), seen.append).ok
    assert sorted(seen) == ["one", "two"]


def test_a_silent_command_does_not_outlive_its_time_limit() -> None:
    started = time.monotonic()
    completed = stream_command(python("import time; time.sleep(60)", timeout_seconds=0.5), lambda _: None)
    assert completed.failure == "timed out after 0.5 s"
    assert time.monotonic() - started < 10


def test_an_interrupt_reaches_the_command_and_is_raised_again(tmp_path: Path) -> None:
    marker = tmp_path / "cleaned"
    program = (
        "import time\n"
        "print('ready', flush=True)\n"
        "try:\n    time.sleep(60)\n"
        f"except KeyboardInterrupt:\n    open({str(marker)!r}, 'w').close()\n"
    )

    def interrupt(_: str) -> None:
        threading.Timer(0.2, signal.raise_signal, (signal.SIGINT,)).start()
        time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        stream_command(python(program), interrupt)
    assert marker.exists()
