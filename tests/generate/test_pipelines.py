"""Commands that generated pipelines run: they are those that envkit has."""

import shlex
from collections.abc import Callable

import pytest
import typer.main

from envkit.cli.application import app
from envkit.generate.pipelines import CHECK, build_command, image_jobs, project_name
from envkit.model.plan import Plan

MakePlan = Callable[..., Plan]


def parsed(command: str) -> dict[str, object]:
    """Return what the command line makes of a command; anything it does not know ends the test."""
    program, name, *words = shlex.split(command)
    assert program == "envkit"
    group = typer.main.get_command(app)
    context = group.make_context("envkit", [], resilient_parsing=True)
    return group.commands[name].make_context(name, words, parent=context).params  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("push", [False, True])
def test_the_build_is_a_command_of_envkit(container_plan: MakePlan, *, push: bool) -> None:
    jobs = image_jobs((container_plan(profile="gpu"),))
    found = parsed(build_command(jobs, "registry.example.com/demo", push=push))
    assert (found["locked"], found["push"]) == (True, push)
    assert list(found["profiles"] or ()) == ["$PROFILE"]  # type: ignore[call-overload]
    assert list(found["tags"] or ()) == ["registry.example.com/demo:$TAG"]  # type: ignore[call-overload]
    cache = "type=registry,ref=registry.example.com/demo:cache-$TAG"
    assert list(found["cache_from"] or ()) == [cache]  # type: ignore[call-overload]
    assert list(found["cache_to"] or ()) == ([f"{cache},mode=max"] if push else [])  # type: ignore[call-overload]


def test_the_check_is_a_command_of_envkit() -> None:
    assert parsed(CHECK)["check"] is True


def test_images_are_named_after_the_project(container_plan: MakePlan) -> None:
    assert project_name((container_plan(name="My_Project"),)) == "my-project"
