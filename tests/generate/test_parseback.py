import pytest

from envkit.errors import UnsafeTextError
from envkit.generate.parseback import Instruction, check_instructions, parse_dockerfile

SLOT = "slot:tag"


def test_instructions_are_read_with_comments_and_continued_lines() -> None:
    text = '# a comment\n\nfrom python:3 as build\nRUN --mount=type=cache,target=/x \\\n# between\n\n    ["true"]\n'
    assert parse_dockerfile(text) == (
        Instruction(keyword="FROM", arguments="python:3 as build"),
        Instruction(keyword="RUN", arguments='--mount=type=cache,target=/x ["true"]'),
    )


@pytest.mark.parametrize(
    "text",
    [
        "# escape=`\nFROM a:1\n",
        "#syntax = evil/frontend\nFROM a:1\n",
        "FROM a:1\nRUN <<EOF\nid\nEOF\n",
        "FROM a:1\nCOPY <<a <<b /\n",
        "FROM a:1\nRUN true \\\n",
    ],
    ids=["escape", "syntax", "run-heredoc", "copy-heredoc", "open-end"],
)
def test_what_envkit_never_writes_is_refused(text: str) -> None:
    with pytest.raises(UnsafeTextError):
        parse_dockerfile(text)


def test_value_in_its_place_passes() -> None:
    check_instructions('FROM python:3\nRUN ["true"]\n', f'FROM {SLOT}\nRUN ["true"]\n', {SLOT: "python:3"})


@pytest.mark.parametrize(
    "value",
    ["python:3\nFROM evil", "python:3\nRUN id", "python:3 \\", "python:3\r\nLABEL a=b", "python:3\n\n\nUSER root"],
    ids=ascii,
)
def test_value_that_changes_the_instructions_is_refused(value: str) -> None:
    skeleton = 'FROM {}\nENV A="1"\nRUN ["true"]\n'
    with pytest.raises(UnsafeTextError):
        check_instructions(skeleton.format(value), skeleton.format(SLOT), {SLOT: value})
