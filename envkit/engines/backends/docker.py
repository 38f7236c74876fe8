"""Environments as containers of a Docker Engine; see `envkit.engines.containers`."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from envkit.engines.containers import ContainerEnvironments
from envkit.engines.execution import CommandLine

if TYPE_CHECKING:
    from envkit.engines.backends.docker_client import DockerClient
    from envkit.engines.builders import Builder

ENGINE = "docker"
_COMMAND = CommandLine(
    program="docker",
    package="docker-cli",
    environment={"DOCKER_CLI_HINTS": "false"},
    not_started=("OCI runtime exec failed",),
    refused=("Error response from daemon:",),
    refused_statuses=frozenset({1}),
)


def make_engine(owner: int | None = None) -> ContainerEnvironments:
    """Return the engine for the environments of a user, by uid; of this user for None."""
    return ContainerEnvironments(ENGINE, os.getuid() if owner is None else owner, _COMMAND, connect, choose)


def connect() -> "DockerClient":
    """Connect to the engine; raises `EngineNotReadyError`."""
    # Imported when it is needed: the SDK takes longer to import than most commands take altogether.
    from envkit.engines.backends.docker_client import DockerClient

    return DockerClient()


def choose(name: str | None, note: Callable[[str], None]) -> "Builder":
    """Return the builder for images of this engine; raises `EngineNotReadyError`."""
    # Imported here: building is not on the path of `envkit ls`.
    from envkit.engines.builders.choice import choose_builder

    return choose_builder(name, ENGINE, note, classic=connect)
