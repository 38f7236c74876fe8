"""What is checked before anything is looked at, and the hints that go with it."""

import shlex
import subprocess

import pytest

UP = ("up", "tinyframe", "--native", "--offline", "--wheelhouse", "wheels")


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("recipes: [tinyfrane]", "recipes", "did you mean `tinyframe`"),
        ('recipes: ["tinyframe>>1"]', "recipes", "tinyframe>>1"),
        ('recipes: [tinyframe]\npython: "abc"', "python", "abc"),
        ('recipes: [tinyframe]\npackages: ["foo bar"]', "packages", "foo bar"),
        ('recipes: [tinyframe]\nname: "../up"', "name", "../up"),
    ],
)
def test_a_bad_value_of_the_project_file_is_named_with_the_file(tiny, text: str, key: str, words: str) -> None:
    file = tiny.project / "envkit.yaml"
    file.write_text(text + "\n", encoding="utf-8")
    ended = tiny.run("up", "--native")
    assert ended.status == 8
    assert words in ended.stderr
    assert f"`$.{key}" in ended.stderr
    assert f"{file}:" in ended.stderr
    assert "Detected" not in ended.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--python", "nonsense"), "--python"),
        (("--with", "foo bar"), "--with"),
        (("--name", ""), "a name has"),
        (("--devices", "9"), "no device of this machine has the index: 9"),
    ],
)
def test_a_bad_option_is_named(tiny, options: tuple[str, str], words: str) -> None:
    ended = tiny.run(*UP, *options)
    assert (ended.status, words in ended.stderr) == (2, True), ended.stderr


def test_a_device_that_a_named_machine_lacks_is_refused_with_those_it_has(home) -> None:
    asked = ("resolve", "pytorch", "--target", "a100*2,driver=580.65.06", "--devices")
    assert home.run(*asked, "1").status == 0
    refused = home.run(*asked, "0,2")
    assert refused.status == 2
    assert "index: 2" in refused.stderr
    assert "nvidia 1: " in refused.stderr


def test_a_removed_current_directory_is_said(tiny) -> None:
    gone = tiny.project / "gone"
    gone.mkdir()
    program = f"cd gone; rmdir {gone}; exec {shlex.join(tiny.argv(('up', 'tinyframe')))}"
    ended = subprocess.run(
        ["/bin/sh", "-c", program], check=False, capture_output=True, text=True, cwd=tiny.project, env=tiny.environment
    )
    assert (ended.returncode, "current directory has been removed" in ended.stderr) == (2, True), ended.stderr


def test_the_hint_of_an_engine_that_is_missing_works_when_it_is_pasted(tiny) -> None:
    refused = tiny.run("up", "tinyframe", "--engine", "docker", "--with", "tinydep>=2")
    assert refused.status == 4
    assert "hint: envkit up tinyframe --native --with 'tinydep>=2'" in refused.stderr
    assert "…" not in refused.stderr


def test_an_engine_that_is_misspelt_is_said_before_the_name_is(tiny) -> None:
    assert tiny.run(*UP).status == 0
    refused = tiny.run("up", "tinyframe", "--engine", "dokcer")
    assert "no such engine was found on this machine: dokcer" in refused.stderr


def test_a_remedy_stands_on_a_line_of_its_own_and_works_when_it_is_pasted(tiny) -> None:
    refused = tiny.run("up", "tinyframe==9", *UP[2:])
    assert refused.status == 3
    lines = refused.stderr.splitlines()
    command = next(line.strip() for line in lines if line.startswith("      envkit up "))
    assert refused.stderr.count("nothing that this machine can run") == 1
    assert tiny.run(*shlex.split(command)[1:]).status == 0
