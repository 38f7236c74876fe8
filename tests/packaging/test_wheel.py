"""The wheel holds what envkit needs at run time, and an installed copy works without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)],
        check=True,
        capture_output=True,
        cwd=ROOT,
    )
    return next(directory.glob("*.whl"))


def test_the_wheel_ships_every_data_file_program_and_template(wheel: Path) -> None:
    shipped = set(zipfile.ZipFile(wheel).namelist())
    bundled = {
        f"envkit/_bundled/{path.relative_to(ROOT)}"
        for folder in ("recipes", "images")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    inside = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "envkit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert (bundled | inside) - shipped == set()


def test_an_installed_copy_finds_its_recipes_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    program = (
        "import envkit, envkit.data\n"
        "print(envkit.__file__)\n"
        "print(*envkit.data.recipe_names())\n"
        "print(len(envkit.data.load_matrix().vendors))\n"
    )
    completed = subprocess.run(
        [sys.executable, "-P", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed"), "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )
    file, recipes, vendors = completed.stdout.splitlines()
    assert file.startswith(str(tmp_path))
    assert recipes.split() == sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))
    assert int(vendors) == len(list((ROOT / "envkit" / "data" / "vendors").glob("*.yaml")))
