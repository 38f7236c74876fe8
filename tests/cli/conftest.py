"""The command line as it is run: a process of its own, with its own home and directories."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest

from envkit.data.compiled import load_compiled

RECIPE = """
name: tinyframe
title: Tinyframe
summary: A framework of one file.
package: tinyframe
sources:
  test: {text: "made by the test", retrieved: "2026-01-01"}
releases:
  - version: "1.0"
    released: "2026-01-01"
    pythons: ["3.11", "3.12", "3.13", "3.14"]
    source: test
    default: {x86_64: cpu, aarch64: cpu}
variants:
  - {variant: cpu, vendor: cpu, releases: ">=1.0", cpu_architectures: [x86_64, aarch64], source: test}
smoke:
  devices: {cpu: cpu}
  imports: [tinyframe]
  program: |
    import tinyframe

    def smoke(device, index):
        return {"device_name": device, "expected": "42", "observed": str(tinyframe.answer())}
"""


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command printed
        return json.loads(self.stdout)


@cache
def compiled_data() -> dict[str, bytes]:
    """Compile the data files once for all homes: one that adds files of its own still compiles them itself."""
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "CONFIG"):
            patch.setenv(f"XDG_{name}_HOME", directory)
        load_compiled()
        return {path.name: path.read_bytes() for path in Path(directory, "envkit", "matrix").iterdir()}


class Home:
    """A user's home, in which commands are run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "project"
        self.recipe = root / "config" / "envkit" / "overlay" / "recipes" / "tinyframe.yaml"  # of `tiny`
        self.data = root / "data"
        self.state = root / "state"
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin:/bin",
            "HOME": str(root),
            "XDG_DATA_HOME": str(self.data),
            "XDG_STATE_HOME": str(self.state),
            "XDG_CACHE_HOME": str(root / "cache"),
            "XDG_CONFIG_HOME": str(root / "config"),
            "XDG_CONFIG_DIRS": str(root / "etc"),
            "DOCKER_HOST": f"unix://{root}/no-engine.sock",
            "PIP_CONFIG_FILE": os.devnull,
            "LANG": "C.UTF-8",
        }
        self.project.mkdir(parents=True)
        kept = root / "cache" / "envkit" / "matrix"
        kept.mkdir(parents=True)
        for name, content in compiled_data().items():
            (kept / name).write_bytes(content)

    def use_engine(self) -> None:
        """Let commands reach the engine that the tests run with, and its tools."""
        self.environment["PATH"] += f"{os.pathsep}{os.environ['PATH']}"
        del self.environment["DOCKER_HOST"]
        for variable in ("DOCKER_HOST", "DOCKER_CONFIG"):
            if variable in os.environ:
                self.environment[variable] = os.environ[variable]

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Ended:
        completed = subprocess.run(
            self.argv(arguments),
            check=False,
            capture_output=True,
            text=True,
            input=stdin,
            cwd=self.project,
            env={**self.environment, **environment},
            timeout=600,
        )
        assert "Traceback" not in completed.stderr
        return Ended(completed.returncode, completed.stdout, completed.stderr)

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.argv(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.project,
            env={**self.environment, **environment},
        )

    @staticmethod
    def argv(arguments: tuple[str, ...]) -> list[str]:
        return [str(Path(sys.executable).with_name("envkit")), *arguments]

    def generations(self, name: str) -> list[Path]:
        return sorted((self.data / "envkit" / "envs" / name / "generations").glob("*"))


@pytest.fixture
def home(tmp_path: Path, programs_without_podman: Path) -> Home:
    home = Home(tmp_path / "home")
    home.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{programs_without_podman}"
    return home


@pytest.fixture
def tiny(home: Home, make_wheel: Callable[..., Path]) -> Home:
    """A home whose overlay has a recipe, and whose project has the wheels for it: no network is needed."""
    home.recipe.parent.mkdir(parents=True)
    home.recipe.write_text(RECIPE.lstrip(), encoding="utf-8")
    wheels = home.project / "wheels"
    make_wheel(wheels, "tinydep", "2.0")
    make_wheel(wheels, "tinyframe", "1.0", requires=("tinydep>=2",), body="def answer():\n    return 42\n")
    return home
