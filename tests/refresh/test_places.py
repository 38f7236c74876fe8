import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import envkit
from envkit.data.canonical import canonical_document
from envkit.model.matrix import Recipe

World = Any  # see conftest.py


def test_an_installed_envkit_writes_into_the_overlay_and_leaves_its_own_files(
    world: World, recipe: Recipe, tmp_path: Path
) -> None:
    world.release("1.0", cuda="12.8")
    site = tmp_path / "site"
    shutil.copytree(Path(envkit.__file__).parent, site / "envkit", ignore=shutil.ignore_patterns("__pycache__"))
    bundled = site / "envkit" / "_bundled" / "recipes" / "frame.yaml"
    bundled.parent.mkdir(parents=True)
    bundled.write_text(canonical_document(recipe))
    environment = {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "PYTHONPATH": str(site),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": world.server.url,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    overlay = tmp_path / "config" / "envkit" / "overlay" / "recipes" / "frame.yaml"
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-m", "envkit", "matrix", "refresh"],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
        )
        assert bundled.read_text() == canonical_document(recipe)
        assert 'version: "1.0"' in overlay.read_text()
        environment["EXPECTED"] = "the second run reads the overlay"
    assert f"wrote  {overlay}" not in ended.stderr
    assert "frame: nothing new" in ended.stderr
