"""The program that runs inside images, run here on a tree of its own."""

import os
import subprocess
import sys
from importlib.resources import files
from importlib.util import cache_from_source
from pathlib import Path

import pytest

EPOCH = 315619200


def finish(directory: Path, modules: str, **variables: str) -> subprocess.CompletedProcess[str]:
    program = files("envkit.generate").joinpath("programs", "finish_image.py").read_text(encoding="utf-8")
    (directory / "finish_image.py").write_text(program)
    (directory / "imports.txt").write_text(modules)
    return subprocess.run(
        [sys.executable, directory / "finish_image.py", directory / "tree", directory / "root", "/home/x", "/work"],
        env={
            "PYTHONPATH": str(directory / "root"),
            "SOURCE_DATE_EPOCH": str(EPOCH),
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        },
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A tree with three modules, seen under `root` as it will be in the image."""
    modules = tmp_path / "tree" / "root"
    modules.mkdir(parents=True)
    (modules / "used.py").write_text("import helper\n")
    (modules / "helper.py").write_text("x = {'a', 'b'}\n")
    (modules / "unused.py").write_text("x = 1\n")
    (modules / "dies.py").write_text("import os\nos.abort()\n")
    (tmp_path / "root").symlink_to(modules)
    return tmp_path


def compiled(directory: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in (directory / "tree" / "root").rglob("*.pyc")}


def test_only_what_the_imports_load_is_compiled(image: Path) -> None:
    finish(image, "used\n")
    assert compiled(image) == {"used", "helper"}


def test_bytecode_is_taken_without_looking_at_its_source(image: Path) -> None:
    finish(image, "used\n")
    source = image / "root" / "helper.py"
    flags = Path(cache_from_source(str(source))).read_bytes()[4:8]
    assert flags == b"\x01\x00\x00\x00"  # unchecked hash: https://peps.python.org/pep-0552/


def test_two_runs_give_the_same_bytes(image: Path) -> None:
    cached = Path(cache_from_source(str(image / "root" / "helper.py")))
    finish(image, "used\n")
    first = cached.read_bytes()
    cached.unlink()
    (image / "tree" / "home" / "x").rmdir()
    (image / "tree" / "work").rmdir()
    finish(image, "used\n")
    assert cached.read_bytes() == first


def test_every_time_is_the_given_one(image: Path) -> None:
    finish(image, "used\n")
    tree = image / "tree"
    assert {os.lstat(path).st_mtime for path in (tree, *tree.rglob("*"))} == {EPOCH}


def test_directories_for_every_user_are_made(image: Path) -> None:
    finish(image, "")
    assert {(image / "tree" / path).stat().st_mode & 0o7777 for path in ("home/x", "work")} == {0o1777}


def test_import_that_fails_is_named_and_the_rest_is_compiled(image: Path) -> None:
    completed = finish(image, "missing\nused\n")
    assert "cannot import missing here" in completed.stderr
    assert compiled(image) == {"used", "helper"}


def test_import_that_crashes_costs_only_the_bytecode(image: Path) -> None:
    completed = finish(image, "used\ndies\n")
    assert "importing ended with wait status" in completed.stderr
    assert compiled(image) == set()


def test_standard_modules_that_came_without_bytecode_get_it_in_the_tree(image: Path) -> None:
    # Under another prefix no module has bytecode yet, as in images that leave it out.
    finish(image, "fractions\n", PYTHONPYCACHEPREFIX=str(image / "elsewhere"))
    found = list((image / "tree").rglob("fractions.*.pyc"))
    assert [str(path).startswith(f"{image}/tree{image}/elsewhere/") for path in found] == [True]
