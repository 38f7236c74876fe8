"""`envkit bundle` with images: built on one machine, found again and started without a build on another one."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine_ready")]

PROJECT = """\
format: envkit/1
name: {name}
recipes: [tinyframe]
python: "3.11"
profiles:
  box: {{on: cpu, engine: docker}}
"""


def docker(*arguments: str, check: bool = True) -> str:
    command = ("docker", *arguments)
    return subprocess.run(command, check=check, capture_output=True, text=True).stdout


def tags(name: str) -> list[str]:
    return docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"envkit/{name}").split()


@pytest.fixture
def maker(tiny) -> Iterator[Any]:
    """A home that reaches the engine, with a locked project; what it leaves in the engine is removed."""
    reach(tiny)
    tiny.name = f"test-{uuid.uuid4().hex[:8]}"
    (tiny.project / "wheels").rename(tiny.root / "served")
    (tiny.project / "envkit.yaml").write_text(PROJECT.format(name=tiny.name), encoding="utf-8")
    locked = tiny.run("lock", "--offline", "--wheelhouse", "../served")
    assert locked.status == 0, locked.stderr
    yield tiny
    for container in docker("ps", "-aq", "--filter", f"label=dev.envkit.name={tiny.name}").split():
        docker("rm", "-f", container)
    for tag in tags(tiny.name):
        docker("rmi", tag)


@pytest.fixture
def other(tmp_path: Path, home) -> Any:  # noqa: ANN401 - a Home of tests/cli/conftest.py
    """A second machine, whose engine is the same one: what it had of the first is removed before."""
    site = type(home)(tmp_path / "site")
    site.environment["PATH"] = home.environment["PATH"]
    return reach(site)


def reach(home) -> Any:  # noqa: ANN401 - a Home
    home.environment["PATH"] = f"{home.environment['PATH']}{os.pathsep}{os.environ['PATH']}"
    del home.environment["DOCKER_HOST"]
    known = ("DOCKER_HOST", "DOCKER_CONFIG")
    home.environment |= {name: os.environ[name] for name in known if name in os.environ}
    return home


def take_bases_from_the_test_registry(home) -> None:
    """Let podman, which does not share the engine's images, find the base image."""
    registry = os.environ.get("ENVKIT_TEST_REGISTRY")
    if registry is None:
        pytest.skip("ENVKIT_TEST_REGISTRY is not set: no registry to take base images from")
    settings = home.root / "registries.conf"
    mirror = f'[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "{registry}"\ninsecure = true\n'
    settings.write_text(mirror, encoding="utf-8")
    home.environment["CONTAINERS_REGISTRIES_CONF"] = str(settings)


def create(home, *further: str) -> Path:
    ended = home.run("bundle", "create", "--offline", "--wheelhouse", "../served", *further)
    assert ended.status == 0, ended.stderr
    return home.project / f"{home.name}.envkit"


@pytest.mark.parametrize("builder", [None, "podman"])
def test_a_bundled_image_is_started_without_a_build(maker, other, builder: str | None) -> None:
    if builder is not None and shutil.which(builder) is None:
        pytest.skip(f"no `{builder}` here")
    take_bases_from_the_test_registry(maker)
    bundle = create(maker, *(() if builder is None else ("--builder", builder)))
    assert tags(maker.name) == []  # it is built into the bundle, not into the engine
    shutil.copy(bundle, other.project)
    loaded = other.run("bundle", "load", bundle.name, "--json")
    assert loaded.status == 0, loaded.stderr
    assert loaded.json["engine"] == "docker"
    assert tags(maker.name) == loaded.json["images"]
    # Nothing can be built: neither buildx nor any other builder is asked.
    up = other.run(
        *("up", "--locked", "--offline", "--profile", "box", "--project", maker.name, "--json"),
        BUILDX_BUILDER="nobody-has-this-builder",
    )
    assert up.status == 0, up.stderr
    assert "(reused)" in up.stderr
    assert "expected 42, got 42" in up.stderr
    assert up.json["environment"]["image"] == loaded.json["images"][0]
    assert "which had it already" in other.run("bundle", "load", bundle.name).stderr


def test_the_same_lock_gives_the_same_bytes_with_its_image(maker) -> None:
    first = hashlib.sha256(create(maker).read_bytes()).hexdigest()
    assert hashlib.sha256(create(maker).read_bytes()).hexdigest() == first


def test_a_bundle_without_image_says_so(maker) -> None:
    ended = maker.run("bundle", "create", "--offline", "--wheelhouse", "../served", "--image", "none", "--json")
    assert ended.json["without_image"] == ["box"]
    assert "images" not in ended.json["bundle"]


def test_an_engine_is_needed_for_images_unless_they_are_left_out(maker, other, programs_without_podman) -> None:
    bundle = create(maker)
    shutil.copy(bundle, other.project)
    nowhere = {"DOCKER_HOST": f"unix://{other.root}/none.sock"}
    nowhere["PATH"] = f"{Path(other.argv(())[0]).parent}{os.pathsep}{programs_without_podman}"
    refused = other.run("bundle", "load", bundle.name, **nowhere)
    assert (refused.status, "--no-image" in refused.stderr) == (4, True), refused.stderr
    assert not (other.project / maker.name).exists()
    assert other.run("bundle", "load", bundle.name, "--no-image", **nowhere).status == 0
    assert tags(maker.name) == []


def with_other_archive(bundle: Path, change: str) -> None:
    """Make a bundle that is whole by its own manifest, but whose image is not the one that it says."""
    with tarfile.open(bundle) as old:
        contents = {member.name: old.extractfile(member).read() for member in old}  # type: ignore[union-attr]
    manifest = json.loads(contents.pop("manifest.json"))
    archive = contents["images/box.tar"]
    with tarfile.open(fileobj=io.BytesIO(archive)) as old:
        parts = {member.name: old.extractfile(member).read() for member in old if member.isfile()}  # type: ignore[union-attr]
    saved = json.loads(parts["manifest.json"])
    if change == "name":
        saved[0]["RepoTags"].append("python:3.11-slim-bookworm")
    else:
        parts[saved[0]["Config"]] += b" "
    parts["manifest.json"] = json.dumps(saved).encode()
    contents["images/box.tar"] = packed(parts)
    for file in manifest["files"]:
        if file["path"] == "images/box.tar":
            file["sha256"] = hashlib.sha256(contents["images/box.tar"]).hexdigest()
            file["size"] = len(contents["images/box.tar"])
    bundle.write_bytes(packed({"manifest.json": json.dumps(manifest).encode(), **contents}))


def packed(contents: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize(("change", "said"), [("name", "has another name"), ("content", "is another one")])
def test_an_image_that_is_not_the_one_of_the_manifest_is_not_loaded(maker, other, change: str, said: str) -> None:
    bundle = create(maker)
    base = docker("images", "--quiet", "--no-trunc", "python:3.11-slim-bookworm")
    with_other_archive(bundle, change)
    shutil.copy(bundle, other.project)
    ended = other.run("bundle", "load", bundle.name)
    assert (ended.status, "EK0805" in ended.stderr, said in ended.stderr) == (8, True, True), ended.stderr
    assert tags(maker.name) == []
    assert docker("images", "--quiet", "--no-trunc", "python:3.11-slim-bookworm") == base
    assert [path.name for path in other.project.iterdir()] == [bundle.name]


def test_an_image_of_one_engine_is_taken_by_the_other(maker, other) -> None:
    if shutil.which("podman") is None:
        pytest.skip("no `podman` here")
    bundle = create(maker)
    shutil.copy(bundle, other.project)
    loaded = other.run("bundle", "load", bundle.name, "--engine", "podman")
    assert loaded.status == 0, loaded.stderr
    line = f"cd {maker.name} && envkit up --locked --offline --wheelhouse wheels --profile box --engine podman"
    assert loaded.stdout.strip() == line
    try:
        up = subprocess.run(
            ["sh", "-euc", line],  # noqa: S607 - the line is what is tested
            check=False,
            capture_output=True,
            text=True,
            cwd=other.project,
            env={**other.environment, "BUILDX_BUILDER": "nobody-has-this-builder"},
        )
        assert up.returncode == 0, up.stderr
        assert "(reused)" in up.stderr
    finally:
        other.run("rm", maker.name, "-y")
    assert tags(maker.name) == []  # not in docker
