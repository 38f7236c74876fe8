"""A specification that envkit wrote, taken by a real engine: a container sees the node and the environment."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("docker_base")]
BASE = "python:3.11-slim-bookworm"
VENDOR = """
name: fakeco
title: Fake Company
pci_vendors: ["f4ce"]
sources:
  test: {text: "made by the test", retrieved: "2026-01-01"}
access:
  source: test
  cdi_kind: envkit.dev/fakeco
  groups: [fake]
  cdi_environment: {FAKECO_VISIBLE_DEVICES: void}
"""
GROUP = 23457


@pytest.fixture
def node() -> Iterator[Path]:
    path = Path(f"/dev/envkit-fakeco{os.getpid()}")
    try:
        os.mknod(path, 0o660 | stat.S_IFCHR, os.makedev(1, 5))  # what /dev/zero is
    except PermissionError:
        pytest.skip("only root can make a device node")
    path.chmod(0o660)
    os.chown(path, 0, GROUP)
    yield path
    path.unlink()


@pytest.fixture
def specification(tmp_path: Path, node: Path) -> Iterator[Path]:
    """Write facts of a host with the node, and have envkit make the specification where the engine reads it."""
    directory = os.environ.get("ENVKIT_TEST_CDI_DIR")
    if directory is None:
        pytest.skip("ENVKIT_TEST_CDI_DIR is not set: no directory from which the engine reads CDI specs")
    overlay = tmp_path / "config" / "envkit" / "overlay" / "vendors"
    overlay.mkdir(parents=True)
    (overlay / "fakeco.yaml").write_text(VENDOR.lstrip())
    host = tmp_path / "host.json"
    device = {"vendor": "fakeco", "index": 0, "nodes": [str(node)], "node_groups": [GROUP]}
    host.write_text(json.dumps({"format": "envkit-host/1", "devices": [device]}))
    path = Path(directory) / f"envkit-fakeco-{os.getpid()}.yaml"
    subprocess.run(
        [Path(sys.executable).with_name("envkit"), "cdi", "generate", "--host", host, "-o", path],
        check=True,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        timeout=60,
    )
    yield path
    path.unlink()


@pytest.mark.parametrize("name", ["0", "all"])
def test_an_ordinary_user_in_a_container_has_the_node_and_the_environment(
    specification: Path, node: Path, name: str
) -> None:
    # The group is in the specification; Docker 26 takes no groups of one and makes its nodes open to everybody.
    assert str(GROUP) in specification.read_text()
    program = f"import os; print(open({str(node)!r}, 'rb').read(2), os.environ['FAKECO_VISIBLE_DEVICES'])"
    command = ("run", "--rm", "--network=none", "--user=1000:1000", f"--device=envkit.dev/fakeco={name}", BASE)
    client = which("docker")
    assert client is not None
    completed = subprocess.run(
        [client, *command, "python3", "-c", program], check=False, capture_output=True, text=True, timeout=120
    )
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout == "b'\\x00\\x00' void\n"
