"""Real frameworks from a real index: the machine's own settings for pip and uv are kept, its state is not touched."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from envkit.model.availability import PUBLIC_INDEX
from envkit.system.http import probe_index
from envkit.system.sources import read_sources


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command printed
        return json.loads(self.stdout)


class Machine:
    """This machine, with directories of its own for what envkit keeps."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            **os.environ,
            "XDG_DATA_HOME": str(root / "data"),
            "XDG_STATE_HOME": str(root / "state"),
            "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME", str(Path.home() / ".config")),
        }

    def run(self, *arguments: str, **environment: str) -> Ended:
        completed = subprocess.run(
            [str(Path(sys.executable).with_name("envkit")), *arguments],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd=self.root,
            env={**self.environment, **environment},
            timeout=1800,
        )
        assert "Traceback" not in completed.stderr, completed.stderr
        return Ended(completed.returncode, completed.stdout, completed.stderr)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    for environment in machine.run("ls", "--json").json["environments"]:
        if environment["name"].startswith("e2e-"):
            machine.run("rm", environment["name"], "-y")


@pytest.fixture(scope="session", autouse=True)
def index_reachable() -> None:
    """Skip, with the reason, where the machine's package index cannot be reached."""
    sources = read_sources(os.environ, home=str(Path.home()))
    url = PUBLIC_INDEX if sources.index is None else sources.index.value
    state = probe_index("default", url, "numpy", sources)
    if not state.reachable:
        pytest.skip(f"the package index cannot be reached ({state.reason}): {state.url}")
