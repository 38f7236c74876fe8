"""A container profile, locked through a real registry and brought up by a real engine."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.network, pytest.mark.usefixtures("engine_ready")]

# Builds what is locked in a directory from nothing, and prints the image.
BUILD = """\
import os, sys
from pathlib import Path
from envkit.build import build_environment
from envkit.cli.asked import Asked
from envkit.cli.asking import read_asking
from envkit.cli.hostfile import live_facts, read_host
from envkit.engines import load_engine
from envkit.engines.protocol import BuildContext
from envkit.project.lock_inputs import Machines, profile_input
from envkit.project.locked import locked_plan

asking = read_asking(Asked(project=sys.argv[1]))
machines = Machines(recorded=read_host, here=live_facts)
each = profile_input(asking.file, "box", asking.typed, asking.sources, machines)
plan = locked_plan(Path(sys.argv[1]), each, engine="docker")
engine = load_engine("docker")
context = BuildContext(sources=asking.sources, log=os.path.join(sys.argv[1], "build.log"), fresh=True)
print(build_environment(engine, plan, context).reference)
"""


@pytest.fixture
def site(tiny) -> Iterator:
    """A project with a container profile whose base image lies in the local registry."""
    registry = os.environ.get("ENVKIT_TEST_REGISTRY")
    if registry is None:
        pytest.skip("no local registry: `ENVKIT_TEST_REGISTRY` is not set")
    tiny.use_engine()
    tiny.environment["PIP_NO_INDEX"] = "1"  # registries may be asked, indexes need not be
    tiny.name = f"test-{uuid.uuid4().hex[:8]}"
    (tiny.project / "envkit.yaml").write_text(
        f"format: envkit/1\nname: {tiny.name}\nrecipes: [tinyframe]\nsystem_packages: [hello]\n"
        f"profiles: {{box: {{on: cpu, engine: docker}}}}\nrun: {{mounts: ['wheels:/data:ro']}}\n"
        f"sources: {{wheelhouse: wheels, mirrors: {{docker.io: '{registry}'}}}}\n",
        encoding="utf-8",
    )
    yield tiny
    tiny.run("rm", tiny.name, "-y")


def build(site, project: Path, umask: str, **environment: str) -> str:
    ended = subprocess.run(
        ["sh", "-c", f'umask {umask}; exec "$@"', "sh", sys.executable, "-c", BUILD, str(project)],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
        cwd=site.root,
        env={**site.environment, **environment},
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_same_lock_gives_the_same_image_on_another_day_umask_and_locale(site, tmp_path: Path) -> None:
    locked = site.run("lock", "--json")
    assert locked.status == 0, locked.stderr
    lock = json.loads((site.project / "envkit.lock").read_text(encoding="utf-8"))["profiles"][0]
    assert list(lock["base"]["platforms"]) == ["linux/amd64"]
    assert [package["name"] for package in lock["system_packages"]] == ["hello"]
    up = site.run("up", "--locked", "--profile", "box")
    assert up.status == 0, up.stderr
    installed = site.run("exec", site.name, "--", "dpkg-query", "-W", "-f", "${Version}", "hello").stdout
    assert installed == lock["system_packages"][0]["version"]
    assert site.run("status", "--exit-code").status == 0

    copy = tmp_path / "copy of it"
    shutil.copytree(site.project, copy)
    first = build(site, site.project, "022", LC_ALL="C", TZ="UTC")
    second = build(site, copy, "077", LC_ALL="C.UTF-8", LANG="tr_TR.UTF-8", TZ="Pacific/Kiritimati")
    assert first == second
    assert first.startswith("sha256:")


def test_base_image_is_still_locked_by_way_of_the_engine_where_its_registry_is_silent(site) -> None:
    path = site.project / "envkit.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("system_packages: [hello]\n", ""), encoding="utf-8")
    direct = site.run("lock")
    assert direct.status == 0, direct.stderr
    first = json.loads((site.project / "envkit.lock").read_text(encoding="utf-8"))["profiles"][0]["base"]
    (site.project / "envkit.lock").unlink()
    silent = "127.0.0.1:9"
    path.write_text(path.read_text(encoding="utf-8").replace(os.environ["ENVKIT_TEST_REGISTRY"], silent), "utf-8")
    by_engine = site.run("lock", HTTPS_PROXY=f"http://{silent}", NO_PROXY="127.0.0.1")
    assert by_engine.status == 0, by_engine.stderr
    second = json.loads((site.project / "envkit.lock").read_text(encoding="utf-8"))["profiles"][0]["base"]
    assert (second["digest"], "platforms" in second) == (first["digest"], False)


def test_a_server_of_system_packages_that_does_not_answer_is_a_network_failure(site) -> None:
    mirror = "deb.debian.org=http://127.0.0.1:9"  # where nobody listens
    ended = site.run("lock", ENVKIT_MIRRORS=mirror)
    assert ended.status == 9, ended.stderr
    assert "a server of system packages did not answer" in ended.stderr
    assert not (site.project / "envkit.lock").exists()
