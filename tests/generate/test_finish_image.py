"""The program that runs inside images, run here on a tree of its own."""

import os
import subprocess
import sys
from importlib.resources import files
from importlib.util import cache_from_source
from pathlib import Path

import pytest

EPOCH = 315619200


WRITABLE = ("/home/x", "/work")


def finish(
    directory: Path, modules: str, directories: tuple[str, ...] = WRITABLE, step: str = "whole", **variables: str
) -> subprocess.CompletedProcess[str]:
    for name in ("finish_image.py", "envkit_threads.py"):
        program = files("envkit.generate").joinpath("programs", name).read_text(encoding="utf-8")
        (directory / name).write_text(program)
    (directory / "imports.txt").write_text(modules)
    (directory / "requirements.lock").write_text("used==1\n")
    python = directory / "root" / "venv" / "bin" / "python"
    return subprocess.run(
        [python, directory / "finish_image.py", step, directory / "tree", directory / "root", *directories],
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
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", modules / "venv"], check=True, timeout=60)
    return tmp_path


def compiled(directory: Path) -> set[str]:
    return {path.name.partition(".")[0] for path in (directory / "tree" / "root" / "__pycache__").glob("*.pyc")}


def purelib(directory: Path) -> Path:
    return next((directory / "tree" / "root" / "venv" / "lib").glob("python3*/site-packages"))


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


def test_lock_and_thread_counter_are_put_in_place(image: Path) -> None:
    finish(image, "used\n")
    assert (image / "root" / "requirements.lock").read_text() == "used==1\n"
    assert (purelib(image) / "envkit_threads.pth").read_text() == "import envkit_threads\n"
    assert list((purelib(image) / "__pycache__").glob("envkit_threads.*.pyc"))


SOURCES = {
    "big/__init__.py": "from . import near\nfrom .deep.inner import thing\nfrom big import named\n",
    "big/near.py": "try:\n    import missing_in_this_layer\nexcept ImportError:\n    import big.fallback\n",
    "big/fallback.py": "class A:\n    from big.in_class import x\n",
    "big/in_class.py": "x = 1\n",
    "big/named.py": "def later():\n    from big import lazy\n",
    "big/lazy.py": "",
    "big/deep/__init__.py": (
        "import typing\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from big import checked\nelse:\n    from big import otherwise\n"
        "if not typing.TYPE_CHECKING:\n    from big import really\n"
    ),
    "big/otherwise.py": "",
    "big/really.py": "",
    "big/deep/inner.py": "from ..upper import thing\n",
    "big/upper.py": "thing = 1\n",
    "big/checked.py": "",
    "other.py": "",
}


def test_layer_below_gets_the_bytecode_of_what_its_files_import_although_packages_are_missing(image: Path) -> None:
    write_sources(image)
    finish(image, "big\nnot_here\n", (), "part")
    tree = image / "tree"
    assert {os.lstat(path).st_mtime for path in (tree, *tree.rglob("*"))} == {EPOCH}
    made = {path.relative_to(purelib(image)).as_posix() for path in purelib(image).rglob("*.pyc")}
    expected = ["", "near", "fallback", "in_class", "named", "upper", "otherwise", "really"]
    assert made == {f"big/__pycache__/{name or '__init__'}.{sys.implementation.cache_tag}.pyc" for name in expected} | {
        f"big/deep/__pycache__/{name}.{sys.implementation.cache_tag}.pyc" for name in ("__init__", "inner")
    }
    assert not (purelib(image) / "envkit_threads.py").exists()


def test_file_of_a_lower_layer_that_has_its_time_is_not_written_again(image: Path) -> None:
    finish(image, "", (), "part")
    before = {path: os.lstat(path).st_ctime_ns for path in (image / "tree" / "root").glob("*.py")}
    finish(image, "used\n")
    assert {path: os.lstat(path).st_ctime_ns for path in before} == before


def test_image_itself_is_finished_where_there_is_no_tree(image: Path) -> None:
    program = image / "finish_image.py"
    finish(image, "", (), "part")
    work, root = image / "work", image / "root"
    python = image / "root" / "venv" / "bin" / "python"
    subprocess.run(
        [python, program, "whole", "", root, str(work)], env={"SOURCE_DATE_EPOCH": str(EPOCH)}, check=True, timeout=60
    )
    assert os.lstat(work).st_mtime == EPOCH
    assert os.lstat(image).st_mtime == EPOCH, "a directory that got something new"
    assert (root / "requirements.lock").exists()


def bytecode(directory: Path) -> set[str]:
    return {path.parents[1].name + "/" + path.name.partition(".")[0] for path in directory.rglob("*.pyc")}


def write_sources(image: Path) -> None:
    for name, text in SOURCES.items():
        path = purelib(image) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_ground_gets_directories_threads_and_bytecode_of_standard_modules_but_no_lock(image: Path) -> None:
    (purelib(image) / "light.py").write_text("import fractions\n")
    finish(image, "light\n", step="ground", PYTHONPYCACHEPREFIX=str(image / "elsewhere"))
    assert {"fractions", "envkit_threads"} <= {name.partition("/")[2] for name in bytecode(image)}
    assert (image / "tree" / "work").stat().st_mode & 0o7777 == 0o1777
    assert not (image / "root" / "requirements.lock").exists(), "every change of the lock would repeat this step"


def test_group_gets_the_bytecode_of_its_own_packages_without_knowing_what_is_used(image: Path) -> None:
    write_sources(image)
    finish(image, "nothing_of_it\n", (), "group")
    assert {"big/__init__", "big/near", "site-packages/other", "deep/inner"} <= bytecode(purelib(image))
    assert "big/lazy" not in bytecode(purelib(image))


def test_lock_can_be_placed_alone(image: Path) -> None:
    finish(image, "used\n", (), "lock")
    lock = image / "tree" / str(image / "root").lstrip("/") / "requirements.lock"
    assert lock.read_text() == "used==1\n"
    assert os.lstat(lock).st_mtime == EPOCH
    assert bytecode(image / "tree" / "root") == set()
