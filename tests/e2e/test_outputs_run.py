"""Generated outputs in the hands of the tools that they are for: each is built, started and proves itself.

The engine of the tests has no bridge network, and the machine's index need not be reachable from a build: what is added
to the outputs for that is what the how-to page tells users behind a mirror to add.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

pytestmark = [pytest.mark.network, pytest.mark.engine, pytest.mark.usefixtures("engine_ready")]

NPM = os.environ.get("ENVKIT_NPM_DIR", "/var/tmp/envkit-npm")  # noqa: S108 - where .ci/npm installs
DEVCONTAINER = Path(NPM, "node_modules", ".bin", "devcontainer")
ASKED = ("onnxruntime", "--on", "cpu", "--python", "3.11")
SETTINGS = "[global]\nno-index = true\nfind-links = /wheelhouse\n"
COMPOSE = """
services:
  e2e-compose:
    build:
      network: host
      additional_contexts: {wheelhouse: ./wheels}
      secrets: [pip]
    network_mode: host
secrets:
  pip: {file: pip.conf}
"""
PROJECT = """format: envkit/1
name: e2e-bake
recipes: [onnxruntime]
python: "3.11"
profiles:
  plain: {on: cpu}
  first: {on: cpu, packages: [idna]}
  second: {on: cpu, packages: [certifi]}
"""


def run(*argv: str, directory: Path) -> str:
    completed = subprocess.run(
        argv, check=False, capture_output=True, text=True, cwd=directory, stdin=subprocess.DEVNULL, timeout=1800
    )
    assert completed.returncode == 0, completed.stdout[-2000:] + completed.stderr[-4000:]
    return completed.stdout


def fetch_wheels(directory: Path, *locks: str) -> None:
    """Lay the locked wheels beside an output, with this machine's own settings for pip, and settings that name them."""
    for lock in locks:
        options = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "--python-version", "3.11")
        run(sys.executable, "-m", "pip", "download", "-q", *options, "-d", "wheels", "-r", lock, directory=directory)
    (directory / "pip.conf").write_text(SETTINGS, encoding="utf-8")


@pytest.fixture
def cleaned() -> Iterator[list[str]]:
    """Names of images that are removed in the end."""
    images: list[str] = []
    yield images
    for image in images:
        run("docker", "image", "rm", "--force", image, directory=Path("/"))


def test_compose_brings_up_what_proves_itself(machine, cleaned: list[str]) -> None:
    ended = machine.run("generate", *ASKED, "--format", "compose", "--name", "e2e-compose")
    assert ended.status == 0, ended.stderr
    fetch_wheels(machine.root, "image/requirements.lock")
    (machine.root / "compose.override.yaml").write_text(COMPOSE, encoding="utf-8")
    cleaned.append("envkit/e2e-compose")
    compose = ("docker", "compose")
    try:
        run(*compose, "up", "--build", "--detach", directory=machine.root)
        proof = run(*compose, "exec", "-T", "e2e-compose", "python", "/opt/envkit/smoke.py", directory=machine.root)
        status = run(*compose, "exec", "-T", "e2e-compose", "cat", "/proc/self/status", directory=machine.root)
    finally:
        run(*compose, "down", "--timeout", "0", directory=machine.root)
    assert "ok  onnxruntime on cpu" in proof.replace("CPUExecutionProvider", "cpu")
    assert "packages equal the lock" in proof
    assert "CapBnd:\t0000000000000000\n" in status
    assert "NoNewPrivs:\t1\n" in status


def test_a_development_container_comes_up_and_proves_itself(machine, cleaned: list[str]) -> None:
    if which("node") is None or not DEVCONTAINER.exists():
        pytest.skip("@devcontainers/cli is not here; install it: .ci/npm")
    ended = machine.run("generate", *ASKED, "--format", "devcontainer", "--name", "e2e-devcontainer")
    assert ended.status == 0, ended.stderr
    fetch_wheels(machine.root, ".devcontainer/image/requirements.lock")
    description = json.loads((machine.root / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    here = "${localWorkspaceFolder}"
    description["build"]["options"] += [
        f"--secret=id=pip,src={here}/pip.conf",
        f"--build-context=wheelhouse={here}/wheels",
        "--network=host",
    ]
    description["runArgs"].append("--network=host")
    description["updateRemoteUserUID"] = False  # a build of the tool's own, which cannot be given a network
    machine.root.chmod(0o755)  # the container's user is therefore another one than this directory's
    (machine.root / "override.json").write_text(json.dumps(description), encoding="utf-8")
    place = ("--workspace-folder", str(machine.root), "--override-config", str(machine.root / "override.json"))
    started = run(str(DEVCONTAINER), "up", *place, directory=machine.root)
    container = json.loads(started.splitlines()[-1])["containerId"]
    try:
        image = run("docker", "inspect", "--format", "{{.Config.Image}}", container, directory=machine.root).strip()
        cleaned.append(image)
        proof = run(str(DEVCONTAINER), "exec", *place, "python", ".devcontainer/smoke.py", directory=machine.root)
        user = run(str(DEVCONTAINER), "exec", *place, "id", "--user", "--name", directory=machine.root)
    finally:
        run("docker", "rm", "--force", container, directory=machine.root)
    assert "ok  onnxruntime" in proof
    assert user.strip() == "envkit"


def test_bake_builds_the_images_of_three_profiles_in_one_run(machine, cleaned: list[str]) -> None:
    (machine.root / "envkit.yaml").write_text(PROJECT, encoding="utf-8")
    ended = machine.run("generate", "--format", "bake")
    assert ended.status == 0, ended.stderr
    names = ("first", "plain", "second")
    fetch_wheels(machine.root, *(f"image/{name}/requirements.lock" for name in names))
    for dockerfile in machine.root.glob("image/*/Dockerfile"):
        # Bake of buildx 0.13 cannot name a network; with the wheels at hand none is needed.
        text = dockerfile.read_text(encoding="utf-8")
        dockerfile.write_text(text.replace("\nRUN ", "\nRUN --network=none "), encoding="utf-8")
    further = {"contexts": {"wheelhouse": "./wheels"}, "secret": ["id=pip,src=pip.conf"]}
    (machine.root / "more.json").write_text(json.dumps({"target": dict.fromkeys(names, further)}), encoding="utf-8")
    cleaned += [f"envkit/e2e-bake:{name}" for name in names]
    bake = ("docker", "buildx", "bake", "-f", "docker-bake.json", "-f", "more.json", "--load")
    run(*bake, directory=machine.root)
    program = "from importlib.metadata import distributions as d; print(sorted(x.metadata['Name'] for x in d()))"
    start = ("docker", "run", "--rm", "--network", "none")
    found = {
        name: run(*start, f"envkit/e2e-bake:{name}", "python", "-c", program, directory=machine.root) for name in names
    }
    assert all("onnxruntime" in packages for packages in found.values())
    assert [("idna" in found[name], "certifi" in found[name]) for name in names] == [
        (True, False),
        (False, False),
        (False, True),
    ]
