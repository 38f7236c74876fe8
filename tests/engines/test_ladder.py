import os
from pathlib import Path
from shutil import which

import pytest

from envkit.engines.ladder import climb_ladder, usable_engines
from envkit.errors import EngineNotReadyError
from envkit.model.host import ContainerEngine, HostFacts
from envkit.model.request import Mode, Request

DOCKER = ContainerEngine(name="docker", version="26.1.5", builder="buildkit", usable=True)
PODMAN = ContainerEngine(name="podman", version="4.3.1", builder="buildah", usable=True)
DOWN = ContainerEngine(name="docker", usable=False, obstacle="daemon-down", reason="the daemon does not answer")
PODMAN_DOWN = ContainerEngine(name="podman", usable=False, reason="no answer")
NO_BUILDX = ContainerEngine(
    name="docker", version="26.1.5", builder="legacy", usable=False, obstacle="no-builder", reason="no buildx plugin"
)


@pytest.fixture(autouse=True)
def nothing_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def request(mode: Mode | None = None) -> Request:
    return Request(specs=(), mode=mode, as_of="2026-11-20")


@pytest.mark.parametrize(
    ("engines", "usable"),
    [
        ((DOCKER, PODMAN), ("docker", "podman")),
        ((DOWN, PODMAN), ("podman",)),
        ((NO_BUILDX,), ("docker",)),  # podman, buildah or the classic builder build for it
        ((DOWN,), ()),
        ((ContainerEngine(name="containerd", usable=True),), ()),
    ],
)
def test_engines_that_can_run_containers_are_rungs(
    engines: tuple[ContainerEngine, ...], usable: tuple[str, ...]
) -> None:
    assert usable_engines(engines) == usable


def test_native_is_the_last_rung_and_says_what_is_wrong_with_the_others() -> None:
    (rung,) = climb_ladder(HostFacts(engines=(DOWN,)), request(), "demo")
    assert (rung.engine.name, rung.mode) == ("native", Mode.NATIVE)
    assert rung.reason == "native, because docker cannot be used (the daemon does not answer)"


def test_containers_alone_need_an_engine() -> None:
    with pytest.raises(EngineNotReadyError, match="no container engine") as refusal:
        climb_ladder(HostFacts(engines=(DOWN,)), request(Mode.CONTAINER), "demo")
    assert refusal.value.facts == ("docker cannot be used (the daemon does not answer)",)


@pytest.mark.engine
@pytest.mark.usefixtures("engine_ready")
def test_each_rung_says_why_no_better_one_was_taken_and_leads_its_facts() -> None:
    name = f"envkit-ladder-{os.getpid()}"
    rungs = climb_ladder(HostFacts(engines=(DOCKER,)), request(), name)
    assert [rung.engine.name for rung in rungs] == ["docker", "native"]
    assert [rung.reason for rung in rungs] == [
        "docker 26.1.5 with BuildKit",
        "native, because the container engine cannot serve this request",
    ]
    (rung, _) = climb_ladder(HostFacts(engines=(PODMAN_DOWN, NO_BUILDX)), request(), name)
    assert rung.reason == "docker 26.1.5 without BuildKit, because podman cannot be used (no answer)"
    assert rung.facts.engines is not None
    assert (rung.facts.engines[0].name, rung.facts.engines[0].usable) == ("docker", True)


@pytest.mark.skipif(which("podman") is None, reason="no `podman` command")
@pytest.mark.engine
def test_podman_serves_where_docker_does_not() -> None:
    (rung, last) = climb_ladder(HostFacts(engines=(DOWN, PODMAN)), request(), f"envkit-ladder-{os.getpid()}")
    assert (rung.engine.name, rung.mode) == ("podman", Mode.CONTAINER)
    assert rung.reason == "podman 4.3.1, because docker cannot be used (the daemon does not answer)"
    assert rung.find_base is not None
    assert last.engine.name == "native"
