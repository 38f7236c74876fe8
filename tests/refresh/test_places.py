import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

import envkit
from envkit.data.canonical import canonical_document
from envkit.model.host import Runtime
from envkit.model.recipe import Recipe, ReleaseRow, VariantRow

World = Any  # see conftest.py


class Installed:
    """An envkit that came with the recipe of `frame`, as a copy of this one."""

    def __init__(self, root: Path, recipe: Recipe, url: str) -> None:
        site = root / "site"
        shutil.copytree(Path(envkit.__file__).parent, site / "envkit", ignore=shutil.ignore_patterns("__pycache__"))
        self.bundled = site / "envkit" / "_bundled" / "recipes" / "frame.yaml"
        self.bundled.parent.mkdir(parents=True)
        self.bundled.write_text(canonical_document(recipe))
        self.overlay = root / "config" / "envkit" / "overlay" / "recipes" / "frame.yaml"
        self.overlay.parent.mkdir(parents=True)
        self._root = root
        self._environment = {
            "PATH": os.defpath,
            "HOME": str(root),
            "PYTHONPATH": str(site),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": url,
            "XDG_CONFIG_HOME": str(root / "config"),
            "XDG_CACHE_HOME": str(root / "cache"),
        }

    def refresh(self, *arguments: str) -> str:
        before = self.bundled.read_bytes()
        ended = self._run("refresh", *arguments)
        assert (ended.returncode, self.bundled.read_bytes()) == (0, before), ended.stderr
        return ended.stderr

    def check(self) -> tuple[int, str]:
        ended = self._run("check", str(self.overlay))
        return ended.returncode, ended.stderr

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "envkit", "matrix", *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=self._environment,
            cwd=self._root,
        )


def test_an_installed_envkit_gets_its_new_rows_in_the_overlay(world: World, recipe: Recipe, tmp_path: Path) -> None:
    world.release("1.0", cuda="12.8")
    installed = Installed(tmp_path / "home", recipe, world.server.url)
    installed.overlay.write_text("# Of this site.\ntitle: Our frame\naliases: [ours]\n")
    assert f"wrote  {installed.overlay}" in installed.refresh()
    text = installed.overlay.read_text()
    assert text.startswith("# Of this site.\ntitle: Our frame\nsources:\n  wheels:")
    assert {line.partition(":")[0] for line in text.splitlines() if line[0] not in " #"} == {
        "title",
        "sources",
        "releases",
        "variants",
        "aliases",
    }
    assert "frame: nothing new" in installed.refresh()
    assert installed.overlay.read_text() == text


def test_an_overlay_stands_alone_where_a_row_had_to_be_closed(world: World, recipe: Recipe, tmp_path: Path) -> None:
    world.release("1.0", cuda="12.8")
    curated = VariantRow(
        variant="cu128",
        vendor="nvidia",
        releases=">=0.9",
        cpu_architectures=("x86_64",),
        source="people",
        runtime=Runtime(name="cuda", version="12.8"),
        architectures=("sm_75",),
    )
    older = ReleaseRow(version="0.9", released="2025-01-01", pythons=("3.12",), source="people")
    recipe = msgspec.structs.replace(recipe, variants=(curated, *recipe.variants), releases=(older,))
    installed = Installed(tmp_path / "home", recipe, world.server.url)
    installed.refresh()
    text = installed.overlay.read_text()
    assert text.startswith("replace: true\nname: frame\n")
    assert '">=0.9,<1.0"' in text
    assert "frame: nothing new" in installed.refresh()
    assert installed.overlay.read_text() == text
