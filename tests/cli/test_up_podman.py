"""`envkit up` on a real podman, with an image of tiny wheels in the portable dialect."""

import os
import uuid
from collections.abc import Iterator
from shutil import which

import pytest

pytestmark = pytest.mark.engine


@pytest.fixture
def site(tiny) -> Iterator:
    """A home that reaches podman and the test registry; whatever a test leaves there is removed."""
    registry = os.environ.get("ENVKIT_TEST_REGISTRY")
    if which("podman") is None or registry is None:
        pytest.skip("no `podman` command, or no registry to take the base image from (ENVKIT_TEST_REGISTRY)")
    settings = tiny.root / "registries.conf"
    settings.write_text(
        f'[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "{registry}"\ninsecure = true\n'
    )
    tiny.environment["PATH"] = f"{tiny.environment['PATH']}{os.pathsep}{os.environ['PATH']}"
    tiny.environment["CONTAINERS_REGISTRIES_CONF"] = str(settings)
    tiny.name = f"test-{uuid.uuid4().hex[:8]}"
    yield tiny
    if tiny.name in {environment["name"] for environment in tiny.run("ls", "--json").json["environments"]}:
        tiny.run("rm", tiny.name, "-y")


def test_up_takes_podman_where_docker_does_not_answer_and_says_what_it_costs(site) -> None:
    ended = site.run("up", "tinyframe", "--offline", "--wheelhouse", "wheels", "--name", site.name, "--json")
    assert ended.status == 0, ended.stderr
    assert ended.json["environment"]["engine"] == "podman"
    assert ended.json["report"]["passed"] is True
    assert ended.json["report"]["user"] != 0
    assert "because docker cannot be used" in ended.stderr
    assert "built by podman" in ended.stderr
    assert "no cache between builds" in ended.stderr
    again = site.run("up", "tinyframe", "--offline", "--wheelhouse", "wheels", "--name", site.name, "--json")
    assert again.json["unchanged"] is True
    used = site.run("exec", site.name, "--", "python", "-c", "import tinyframe; print(tinyframe.answer())")
    assert (used.status, used.stdout) == (0, "42\n")
    assert site.run("rm", site.name, "-y").status == 0
    assert site.name not in site.run("ls").stdout
