"""A real framework, bundled on one machine and brought up on another one whose network is off."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.network

PROJECT = """\
format: envkit/1
name: offline
recipes: [xgboost]
python: "{python}"
profiles:
  here: {{on: cpu, engine: native}}
"""


def test_a_bundle_installs_with_networking_off(machine, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode != 0:  # noqa: S607
        pytest.skip("this user can make no network namespace")
    # That of the tests is there for both machines; others may belong to one user's home.
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    (machine.root / "envkit.yaml").write_text(PROJECT.format(python=python), encoding="utf-8")
    locked = machine.run("lock")
    assert locked.status == 0, locked.stderr
    made = machine.run("bundle", "create", "--json")
    assert made.status == 0, made.stderr

    site = tmp_path / "site"
    site.mkdir()
    shutil.move(made.json["path"], site)
    # Not a setting of the first machine is left: neither its index nor its caches.
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(site),
        "PIP_CONFIG_FILE": os.devnull,
        "LANG": "C.UTF-8",
    }
    script = 'envkit bundle load offline.envkit > next; sh -euc "$(cat next)"'
    ended = subprocess.run(
        ["unshare", "--net", "sh", "-euc", script],  # noqa: S607 - as an administrator types it
        check=False,
        capture_output=True,
        text=True,
        cwd=site,
        env=environment,
        timeout=900,
    )
    assert ended.returncode == 0, ended.stderr
    assert "xgboost on cpu" in ended.stderr
    assert "cd offline && envkit up --locked --offline" in (site / "next").read_text(encoding="utf-8")
    assert (site / ".local" / "share" / "envkit" / "envs" / "offline").is_dir()
