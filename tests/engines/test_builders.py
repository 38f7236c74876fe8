"""Real builders: each makes an image that the engine then has."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from buildkit_door import BuildKitDoor

from envkit.engines.backends import docker
from envkit.engines.builders import ImageWish, Output
from envkit.engines.builders.choice import choose_builder
from envkit.engines.builders.delivery import build_into
from envkit.engines.labels import repository
from envkit.engines.protocol import BuildContext, ignore
from envkit.errors import BuildError, RegistryError
from envkit.model.artifact import Artifacts, GeneratedFile
from envkit.model.environment import Built

if TYPE_CHECKING:
    from conftest import DockerSite

pytestmark = pytest.mark.engine
MakeWheel = Callable[..., Path]


@pytest.fixture
def wheel(make_wheel: MakeWheel, tmp_path: Path) -> Path:
    return make_wheel(tmp_path / "wheels", "tiny-demo", "1.0")


def small_image(site: "DockerSite", *, fails: bool = False) -> Artifacts:
    """Return an image of few steps in the portable dialect."""
    run = ["sh", "-c", "echo said; ls /wheelhouse; exit 3"] if fails else ["ls", "/wheelhouse"]
    text = f'FROM {site.base.image} AS first\nRUN ["touch", "/first"]\n'
    text += f"FROM {site.base.image}\nCOPY wheelhouse/ /wheelhouse/\nCOPY --from=first /first /first\n"
    text += f'RUN {msgspec.json.encode(run).decode()}\nCMD ["sleep", "infinity"]\n'
    return Artifacts(output="dockerfile", files=(GeneratedFile(path="Dockerfile", text=text),))


def untagged() -> set[str]:
    client = which("docker")
    assert client is not None
    listed = [client, "images", "--all", "--quiet", "--filter", "dangling=true"]
    return set(subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split())


def context(site: "DockerSite", builder: str, artifacts: Artifacts | None = None) -> BuildContext:
    notes = site.notes
    return BuildContext(
        sources=site.sources,
        log=str(site.log),
        artifacts=artifacts,
        builder=builder,
        progress=site.progress.append,
        note=notes.append,
    )


def test_classic_builder_makes_an_image_and_leaves_nothing_of_its_steps(docker_site: "DockerSite", wheel: Path) -> None:
    before = untagged()
    plan = docker_site.plan(wheel)
    built = docker_site.engine.build(plan, context(docker_site, "legacy", small_image(docker_site)))
    completed = docker_site.engine.execute(
        docker_site.engine.start(plan, built), ("ls", "/wheelhouse", "/first"), timeout_seconds=30
    )
    assert wheel.name in completed.stdout
    assert untagged() <= before
    assert any("wheels are copied" in note for note in docker_site.notes)
    assert any("no cache" in note for note in docker_site.notes)


@pytest.mark.parametrize("name", ["legacy", "default"])
def test_number_of_an_image_is_that_of_the_engine(docker_site: "DockerSite", wheel: Path, name: str) -> None:
    if name == "default" and "DOCKER_HOST" not in os.environ:
        pytest.skip("the current builder need not be that of the engine")
    plan = docker_site.plan(wheel)
    asked = context(docker_site, name, small_image(docker_site) if name == "legacy" else None)
    tag = f"{repository(plan.name)}:numbered"
    built = docker_site.engine.build_image(
        docker_site.engine.choose_builder(asked), plan, asked, ImageWish(tags=(tag,), labels=plan.labels)
    )
    image = docker_site.client.image(tag)
    assert image is not None
    assert built.id == image.id


@pytest.mark.usefixtures("containers_registry")
def test_image_that_a_registry_does_not_take_is_told_and_not_left_behind(
    docker_site: "DockerSite", wheel: Path
) -> None:
    if which("buildah") is None:
        pytest.skip("no `buildah` command")
    builder = choose_builder("buildah", None, ignore)
    tag = f"127.0.0.1:1/{docker_site.new_name().lower().replace('.', '-')}:1"
    wish = ImageWish(tags=(tag,), output=Output.NONE, push=True, host_network=True)
    with pytest.raises(RegistryError, match=f"cannot be pushed: {tag}") as failure:
        builder.build(docker_site.plan(wheel), context(docker_site, builder.name, small_image(docker_site)), wish)
    assert "connection refused" in failure.value.facts[0]
    left = subprocess.run(["buildah", "images", "--json"], check=True, capture_output=True, text=True).stdout  # noqa: S607
    assert tag not in left


def test_failing_step_of_the_classic_builder_is_named(docker_site: "DockerSite", wheel: Path) -> None:
    before = untagged()
    plan = docker_site.plan(wheel)
    with pytest.raises(BuildError, match=r"failed in step: \[6/.*exit 3") as failure:
        docker_site.engine.build(plan, context(docker_site, "legacy", small_image(docker_site, fails=True)))
    assert "said" in failure.value.facts
    assert docker_site.images(plan.name) == ()
    assert untagged() <= before


def test_buildkit_of_its_own_address_builds_and_the_image_comes_into_the_engine(
    docker_site: "DockerSite", wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not os.environ.get("DOCKER_HOST", "").startswith("unix://"):
        pytest.skip("the engine does not listen on a socket of this machine")
    if not docker.choose(None, ignore).capabilities.containerd_store:
        pytest.skip("BuildKit of this engine writes no archives")
    settings = Path(os.environ.get("BUILDX_CONFIG", Path.home() / ".docker" / "buildx"))
    before = sorted(settings.rglob("instances/*")) if settings.exists() else []
    with BuildKitDoor(tmp_path / "buildkit.sock") as door:
        monkeypatch.setenv("BUILDKIT_HOST", door.address)
        plan = docker_site.plan(wheel)
        builder = docker.choose("buildkit-host", ignore)
        tag = f"{repository(plan.name)}:1"
        # Its daemon is that of the engine, with the engine's network.
        wish = ImageWish(tags=(tag,), host_network=docker_site.client.default_network() == "host")
        build_into("docker", docker_site.client, builder, plan, context(docker_site, "buildkit-host"), wish)
        assert door.opened > 0
    program = "import tiny_demo; print(tiny_demo.__version__)"
    built = Built(engine="docker", reference=tag)
    assert docker_site.python(docker_site.engine.start(plan, built), program) == "1.0\n"
    assert any("brought here" in sentence for sentence in builder.capabilities.cost)
    assert (sorted(settings.rglob("instances/*")) if settings.exists() else []) == before


@pytest.mark.usefixtures("containers_registry")
def test_buildah_makes_the_portable_dialect_for_the_docker_engine(docker_site: "DockerSite", wheel: Path) -> None:
    if which("buildah") is None:
        pytest.skip("no `buildah` command")
    plan = docker_site.plan(wheel)
    built = docker_site.engine.build(plan, context(docker_site, "buildah"))
    program = "import tiny_demo, os; print(tiny_demo.__version__, os.getuid() != 0)"
    assert docker_site.python(docker_site.engine.start(plan, built), program) == "1.0 True\n"
    image = docker_site.client.image(built.reference)
    assert image is not None
    assert image.labels["dev.envkit.recipes"] == "demo"


def test_image_is_written_as_an_archive_in_oci_layout(docker_site: "DockerSite", wheel: Path, tmp_path: Path) -> None:
    builder = choose_builder("default" if "DOCKER_HOST" in os.environ else None, "docker", ignore)
    if not builder.capabilities.oci_output:
        pytest.skip("this engine writes no such archives")
    archive = tmp_path / "image,1.tar"
    plan = docker_site.plan(wheel)
    host_network = docker_site.client.default_network() == "host"
    wish = ImageWish(tags=("envkit/x:1",), output=Output.OCI, path=str(archive), host_network=host_network)
    result = builder.build(plan, context(docker_site, "default"), wish)
    with tarfile.open(archive) as opened:
        member = opened.extractfile("index.json")
        assert member is not None
        index = msgspec.json.decode(member.read())
    assert index["manifests"][0]["digest"] == result.digest


def test_pushed_image_has_the_digest_that_was_told(docker_site: "DockerSite", wheel: Path) -> None:
    registry = os.environ.get("ENVKIT_TEST_REGISTRY")
    if registry is None:
        pytest.skip("ENVKIT_TEST_REGISTRY is not set: no registry to push to")
    builder = docker.choose(None, ignore)
    plan = docker_site.plan(wheel)
    tag = f"{registry}/{docker_site.new_name().lower().replace('.', '-')}:1"
    host_network = docker_site.client.default_network() == "host"
    wish = ImageWish(tags=(tag,), output=Output.NONE, push=True, host_network=host_network)
    result = builder.build(plan, context(docker_site, builder.name), wish)
    assert docker_site.client.registry_image(tag).digest == result.digest is not None
