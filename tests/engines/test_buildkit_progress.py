from pathlib import Path

import msgspec
import pytest

from envkit.engines.buildkit_progress import SHOWN_LINES, BuildStream, Update

# Written by buildx 0.13, which spreads an object over many lines.
RECORDED = Path(__file__).parent / "buildx"
STEP = """[3/3] RUN ["python3", "-c", "for n in range(40): print('line', n)\\nraise SystemExit(3)"]"""


def read(lines: list[str]) -> tuple[BuildStream, list[Update]]:
    stream = BuildStream()
    return stream, [stream.feed(line) for line in lines]


def recorded(name: str) -> list[str]:
    return (RECORDED / name).read_text().splitlines()


def on_one_line_each(lines: list[str]) -> list[str]:
    """Return the recording as later versions of buildx write it."""
    return "\n".join(lines).replace("\n}\n{", "\n}\0{").translate({10: None}).replace("\0", "\n").splitlines()


def test_failing_step_is_named_with_its_last_lines() -> None:
    stream, _ = read(recorded("failing-step.txt"))
    failure = stream.failure()
    assert failure.step == STEP
    assert len(failure.lines) == SHOWN_LINES
    assert failure.lines[-2] == "line 39"
    assert "exit code: 3" in failure.lines[-1]


def test_objects_on_one_line_are_read_like_those_on_many() -> None:
    lines = recorded("failing-step.txt")
    objects = lines[: lines.index("Dockerfile:3")]
    _, spread = read(objects)
    _, single = read(on_one_line_each(objects))
    assert [update for update in spread if update != Update()] == [update for update in single if update != Update()]


def test_log_holds_every_line_with_the_number_of_its_step() -> None:
    _, updates = read(recorded("failing-step.txt"))
    lines = [line for update in updates for line in update.lines]
    number = next(line.split()[0] for line in lines if line.endswith(STEP))
    assert [line for line in lines if line.startswith(f"{number} line")] == [f"{number} line {n}" for n in range(40)]
    assert lines[-1].startswith("ERROR: failed to solve")


def test_output_is_made_safe_for_a_terminal_and_overdrawn_lines_count_once() -> None:
    _, updates = read(recorded("failing-step.txt"))
    text = "\n".join(line for update in updates for line in update.lines)
    assert "\x1b" not in text
    assert "\\u001b[31mred" in text
    assert " 20%" in text
    assert "10%\r" not in text


def test_each_step_is_reported_once_when_it_starts_and_once_when_it_ends() -> None:
    _, updates = read(recorded("failing-step.txt"))
    steps = [progress for update in updates for progress in update.progress if progress.total is None]
    assert len(steps) == len(set(steps))
    assert {step.text for step in steps if step.finished} == {step.text for step in steps}


def test_transfer_is_reported_in_bytes() -> None:
    status = {"id": "transferring wheelhouse:", "vertex": "a", "current": 5, "total": 10}
    lines = [{"vertexes": [{"digest": "a", "name": "[context wheelhouse] load"}]}, {"statuses": [status]}]
    _, updates = read([msgspec.json.encode(line).decode() for line in lines])
    (progress,) = updates[-1].progress
    assert (progress.done, progress.total, progress.finished) == (5, 10, False)


def test_failure_outside_of_any_step_has_the_builder_s_words() -> None:
    stream, _ = read(recorded("failing-outside.txt"))
    assert stream.failure().step is None
    assert stream.failure().lines == (
        "ERROR: failed to get build context x: stat /nonexistent: no such file or directory",
    )


def test_step_that_was_stopped_is_not_the_one_that_failed() -> None:
    vertexes = [
        {"digest": "a", "name": "first", "started": "t", "completed": "t", "error": "context canceled"},
        {"digest": "b", "name": "second", "started": "t", "completed": "t", "error": "no space left on device"},
    ]
    stream, _ = read([msgspec.json.encode({"vertexes": vertexes}).decode()])
    assert stream.failure().step == "second"


@pytest.mark.parametrize("line", ['{"vertexes": 1}', "{broken}", "}", "", "plain words"])
def test_anything_else_is_kept_as_a_line(line: str) -> None:
    stream, (update,) = read([line])
    assert update.lines == ((line,) if line else ())
    assert stream.failure().lines == update.lines
