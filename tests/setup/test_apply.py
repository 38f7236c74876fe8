"""Plans carried out for real, with steps that harm nobody."""

from pathlib import Path

import pytest

from envkit.errors import SetupError
from envkit.model.setup import SetupPart, SetupPlan
from envkit.setup.apply import apply_plan


def part(*steps: str, title: str = "A thing") -> SetupPart:
    return SetupPart(remedy="x", title=title, reason="because", source="here", retrieved="2026-01-01", steps=steps)


def plan(*parts: SetupPart) -> SetupPlan:
    return SetupPlan(system="Debian", parts=parts)


def test_every_command_is_shown_agreed_to_and_run_in_order(tmp_path: Path) -> None:
    path = tmp_path / "done"
    said: list[str] = []
    asked: list[str] = []
    first, second = f"echo 1 >>{path}", f"echo 2 | cat >>{path}"

    def agree(question: str) -> bool:
        asked.append(question)
        return True

    apply_plan(plan(part("# read this", first), part(second, title="Another")), confirm=agree, say=said.append)
    assert path.read_text() == "1\n2\n"
    assert said == [
        "A thing, because: because",
        "# read this",
        f"$ {first}",
        "Another, because: because",
        f"$ {second}",
    ]
    assert len(asked) == 2


def test_the_first_step_that_fails_ends_it_and_what_remains_is_told(tmp_path: Path) -> None:
    path = tmp_path / "done"
    steps = plan(part("# download it first", "exit 7", f"touch {path}"), part("echo later"))
    with pytest.raises(SetupError, match="failed with exit status 7: exit 7") as failure:
        apply_plan(steps, confirm=lambda _: True, say=lambda _: None)
    assert failure.value.facts == ("download it first", f"remains: touch {path}", "remains: echo later")
    assert not path.exists()


def test_a_step_that_is_declined_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "done"
    with pytest.raises(SetupError, match="declined") as failure:
        apply_plan(plan(part(f"touch {path}", "echo later")), confirm=lambda _: False, say=lambda _: None)
    assert (path.exists(), failure.value.facts) == (False, ("remains: echo later",))


def test_what_only_a_person_can_do_ends_it() -> None:
    steps = plan(part("# install the driver of your seller", title="Install it"), part("echo later"))
    with pytest.raises(SetupError, match="only you can do the next step: Install it") as failure:
        apply_plan(steps, confirm=lambda _: True, say=lambda _: None)
    assert failure.value.facts == ("install the driver of your seller", "remains: echo later")


def test_what_a_step_prints_leaves_standard_output_alone(capfd: pytest.CaptureFixture[str]) -> None:
    apply_plan(plan(part("echo words")), confirm=lambda _: True, say=lambda _: None)
    assert capfd.readouterr() == ("", "words\n")
