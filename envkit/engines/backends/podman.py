"""Environments as containers of podman; see `envkit.engines.containers`."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from envkit.engines.containers import ContainerEnvironments
from envkit.engines.execution import CommandLine

if TYPE_CHECKING:
    from envkit.engines.backends.podman_client import PodmanClient
    from envkit.engines.builders import Builder

ENGINE = "podman"
_COMMAND = CommandLine(
    program="podman",
    package="podman",
    not_started=("OCI runtime attempted to invoke a command that was not found", "OCI permission denied"),
    refused=("Error: can only create exec sessions on running containers", "Error: no container with name or ID"),
    refused_statuses=frozenset({125, 255}),
)


def make_engine(owner: int | None = None) -> ContainerEnvironments:
    """Return the engine for the environments of a user, by uid; of this user for None."""
    return ContainerEnvironments(ENGINE, os.getuid() if owner is None else owner, _COMMAND, connect, choose)


def connect() -> "PodmanClient":
    """Find podman; raises `EngineNotReadyError`."""
    from envkit.engines.backends.podman_client import PodmanClient

    return PodmanClient()


def choose(name: str | None, note: Callable[[str], None]) -> "Builder":
    """Return the builder for images of podman; raises `EngineNotReadyError`."""
    # Imported here: building is not on the path of `envkit ls`.
    from envkit.engines.builders.choice import choose_builder

    return choose_builder(name, ENGINE, note)
