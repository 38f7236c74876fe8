import gc
import subprocess
import sys

import pytest

from envkit.engines import engine_names, load_engine
from envkit.engines.backends.docker import make_engine
from envkit.engines.labels import read_environment, repository
from envkit.engines.records import ContainerRecord
from envkit.errors import EngineNotReadyError
from envkit.model.environment import State


def test_engine_is_found_by_its_name() -> None:
    assert "docker" in engine_names()
    assert load_engine("docker").name == "docker"


# The SDK does not close the socket of a connection that failed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "nonsense"])
def test_engine_that_does_not_answer_is_not_ready(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineNotReadyError) as failure:
        make_engine().environments()
    assert failure.value.facts
    del failure
    gc.collect()


def test_loading_the_engine_does_not_load_the_sdk() -> None:
    program = """
import sys
from envkit.engines import load_engine
load_engine("docker")
print({"docker", "requests", "jinja2", "yaml"} & set(sys.modules))
"""
    completed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert completed.stdout == "set()\n"


@pytest.mark.parametrize(
    ("name", "expected"), [("demo", "envkit/demo"), ("My.Env_2", "envkit/my-env-2"), ("a--b-", "envkit/a-b")]
)
def test_repository_is_one_that_registries_take(name: str, expected: str) -> None:
    assert repository(name) == expected


@pytest.mark.parametrize(
    ("labels", "state"),
    [
        ({}, State.BROKEN),
        ({"dev.envkit.packages": "not json"}, State.BROKEN),
        ({"dev.envkit.packages": '{"a":1}'}, State.BROKEN),
        ({"dev.envkit.packages": '{"a":"1"}'}, State.READY),
    ],
)
def test_container_with_labels_that_are_not_envkit_s_is_broken(labels: dict[str, str], state: State) -> None:
    container = ContainerRecord(id="1", name="x", status="running", created="", image="sha256:", labels=labels)
    assert read_environment(container, "docker").state is state


@pytest.mark.parametrize(
    ("status", "state"), [("running", State.READY), ("exited", State.STOPPED), ("dead", State.BROKEN)]
)
def test_state_follows_from_the_container_s(status: str, state: State) -> None:
    labels = {"dev.envkit.packages": "{}"}
    container = ContainerRecord(id="1", name="x", status=status, created="", image="sha256:", labels=labels)
    assert read_environment(container, "docker").state is state
