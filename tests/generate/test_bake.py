"""Bake files: one target for each profile, keys that bake knows (it ignores others without a word), its own reading."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which

import msgspec
import pytest

from envkit.errors import UsageError
from envkit.generate import generate_artifacts
from envkit.model.plan import Plan

MakePlan = Callable[..., Plan]
Write = Callable[[Plan | tuple[Plan, ...], str], Path]
GOLDEN = Path(__file__).parents[1] / "golden" / "outputs"
# https://docs.docker.com/build/bake/reference/
KEYS = {
    *("annotations", "args", "attest", "cache-from", "cache-to", "call", "context", "contexts", "description"),
    *("dockerfile", "dockerfile-inline", "entitlements", "inherits", "labels", "matrix", "name", "network"),
    *("no-cache", "no-cache-filter", "output", "platforms", "pull", "secret", "shm-size", "ssh", "tags", "target"),
    "ulimits",
}


def printed(path: Path, **variables: str) -> dict[str, dict[str, dict[str, object]]]:
    """Return the file as bake reads it; no engine is asked."""
    if which("docker") is None:
        pytest.skip("docker is not here")
    completed = subprocess.run(
        ["docker", "buildx", "bake", "-f", str(path), "--print"],  # noqa: S607 - the first on the path
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )
    if "is not a docker command" in completed.stderr:
        pytest.skip("docker buildx is not here")
    assert completed.returncode == 0, completed.stderr
    decoded: dict[str, dict[str, dict[str, object]]] = json.loads(completed.stdout)
    return decoded


def two(make: MakePlan, **fields: object) -> tuple[Plan, ...]:
    return (make(profile="gpu", **fields), make(profile="laptop", platform="linux/arm64"))


def test_each_profile_is_a_target_with_a_context_of_its_own(container_plan: MakePlan, generated: Write) -> None:
    directory = generated(two(container_plan), "bake")
    found = printed(directory / "docker-bake.json")
    assert found["group"]["default"]["targets"] == ["gpu", "laptop"]
    assert found["target"]["gpu"]["context"] == "image/gpu"
    assert (directory / "image" / "laptop" / "Dockerfile").is_file()
    assert [found["target"][name]["platforms"] for name in ("gpu", "laptop")] == [["linux/amd64"], ["linux/arm64"]]
    assert found["target"]["gpu"]["tags"] == ["envkit/demo:gpu"]
    assert "cache-from" not in found["target"]["gpu"]


def test_names_and_caches_are_variables(container_plan: MakePlan, generated: Write) -> None:
    directory = generated(two(container_plan), "bake")
    variables = {
        "IMAGE": "r.example.com/demo",
        "SUFFIX": "-1",
        "CACHE_FROM": "r.example.com/c",
        "CACHE_TO": "r.example.com/c",
    }
    target = printed(directory / "docker-bake.json", **variables)["target"]["laptop"]
    assert target["tags"] == ["r.example.com/demo:laptop-1"]
    assert target["cache-from"] == ["type=registry,ref=r.example.com/c:laptop"]
    assert target["cache-to"] == ["type=registry,ref=r.example.com/c:laptop,mode=max"]


def test_no_text_is_an_expression(container_plan: MakePlan, generated: Write) -> None:
    labels = {"a": '${IMAGE} $${x} %{ if true }y%{ endif } "q" \\', "b${IMAGE}": "$PATH"}
    directory = generated(two(container_plan, labels=labels), "bake")
    found = printed(directory / "docker-bake.json")["target"]["gpu"]["labels"]
    assert isinstance(found, dict)
    assert {key: found[key] for key in labels} == labels


def test_the_image_tells_tools_how_to_make_a_development_container_of_it(container_plan: MakePlan) -> None:
    text = generate_artifacts(two(container_plan, vendor="nvidia"), "bake").text("docker-bake.json")
    label = json.loads(text)["target"]["gpu"]["labels"]["devcontainer.metadata"]
    assert json.loads(label) == [{"remoteUser": "1000", "hostRequirements": {"gpu": True}}]


def test_profiles_whose_names_become_one_are_refused(container_plan: MakePlan) -> None:
    plans = (container_plan(profile="a.b"), container_plan(profile="a-b"))
    with pytest.raises(UsageError):
        generate_artifacts(plans, "bake")


def test_one_environment_without_profiles_is_a_project_too(container_plan: MakePlan) -> None:
    text = generate_artifacts(msgspec.structs.replace(container_plan(), profile=None), "bake").text("docker-bake.json")
    assert list(json.loads(text)["target"]) == ["demo"]


def test_bake_reads_all_golden_files_and_knows_every_key() -> None:
    paths = sorted(GOLDEN.glob("project/*/bake/docker-bake.json"))
    assert len(paths) >= 6
    for path in paths:
        written = json.loads(path.read_text(encoding="utf-8"))
        assert set(written) == {"variable", "group", "target"}
        assert set().union(*written["target"].values()) <= KEYS
        assert len(written["target"]) >= 12
        found = printed(path)
        assert set(found["target"]) == set(written["target"])
