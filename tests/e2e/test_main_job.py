"""The main job, with real frameworks: `envkit up` ends with a proven environment, native and as a container."""

import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.network

RECIPES = ("pytorch", "onnxruntime", "openvino", "jax")


@pytest.mark.parametrize("recipe", RECIPES)
def test_up_ends_with_a_proven_native_environment(machine, recipe: str, programs_without_podman: Path) -> None:
    no_engine = {"DOCKER_HOST": f"unix://{machine.root}/no-engine.sock", "PATH": str(programs_without_podman)}
    name = f"e2e-native-{recipe}"
    up = machine.run("up", recipe, "--name", name, "--json", **no_engine)
    assert up.status == 0, up.stderr
    assert "native, because" in up.stderr
    report = up.json["report"]
    assert report["passed"] is True
    assert report["packages_checked"] > 1
    assert [(result["recipe"], result["passed"]) for result in report["results"]] == [(recipe, True)]
    started = time.monotonic()
    again = machine.run("up", recipe, "--name", name, "--json", **no_engine)
    assert time.monotonic() - started < 2
    assert again.json["unchanged"] is True


@pytest.mark.engine
@pytest.mark.usefixtures("engine_ready")
@pytest.mark.parametrize("recipe", [*RECIPES, "lightgbm"])  # whose wheel needs a library of the system
def test_up_ends_with_a_proven_container_that_has_no_rights(machine, recipe: str) -> None:
    name = f"e2e-docker-{recipe}"
    up = machine.run("up", recipe, "--name", name, "--engine", "docker", "--json")
    assert up.status == 0, up.stderr
    report = up.json["report"]
    assert report["passed"] is True
    assert report["user"] not in (0, None)
    status = machine.run("exec", name, "--", "cat", "/proc/1/status", "/proc/self/status")
    fields = [line.split(":", 1) for line in status.stdout.splitlines() if ":" in line]
    seen = {
        name: {value.strip() for key, value in fields if key == name} for name in ("CapEff", "CapBnd", "NoNewPrivs")
    }
    assert seen == {"CapEff": {"0" * 16}, "CapBnd": {"0" * 16}, "NoNewPrivs": {"1"}}
    assert all("0" not in value.split() for key, value in fields if key == "Uid")
    started = time.monotonic()
    again = machine.run("up", recipe, "--name", name, "--engine", "docker", "--json")
    assert time.monotonic() - started < 2
    assert again.json["unchanged"] is True
    assert again.json["environment"]["reference"] == up.json["environment"]["reference"]
