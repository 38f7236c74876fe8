"""One command is parsed without making the parsers of all, and as the whole command line parses it."""

import pytest
import typer.main

from envkit.cli.application import app
from envkit.cli.narrowed import narrowed

WHOLE = typer.main.get_command(app)


@pytest.mark.parametrize("name", ["up", "resolve", "detect", "matrix", "mirror", "build", "init"])
def test_the_command_is_the_same_and_most_others_are_not_made(name: str) -> None:
    assert isinstance(WHOLE, typer.core.TyperGroup)
    narrow = typer.main.get_command(narrowed(app, name))
    assert isinstance(narrow, typer.core.TyperGroup)
    ours, theirs = narrow.commands[name], WHOLE.commands[name]
    assert [(one.name, one.opts) for one in ours.params] == [(one.name, one.opts) for one in theirs.params]
    assert ours.help == theirs.help
    assert len(narrow.commands) < len(WHOLE.commands) / 2


@pytest.mark.parametrize("name", ["--help", "resolv", ""])
def test_what_is_no_command_is_left_to_the_whole_command_line(name: str) -> None:
    assert narrowed(app, name) is app
