"""What an engine has and what it is asked to start, as values, and what a client of an engine can do."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from envkit.model.availability import ImageState


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An image that the engine has."""

    id: str
    tags: tuple[str, ...]
    labels: dict[str, str]
    layers: tuple[str, ...] = ()  # `sha256:…` of what each holds, unpacked; empty: not told


class ContainerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A container, running or not."""

    id: str
    name: str
    status: str  # created | running | paused | restarting | removing | exited | dead
    created: str  # ISO time, UTC
    image: str  # id
    labels: dict[str, str]


class ContainerWish(msgspec.Struct, frozen=True, kw_only=True):
    """A container to be started; what it does not name it does not get."""

    name: str
    image: str
    user: str  # uid:gid
    network: str | None  # None: the engine's default
    labels: dict[str, str]
    environment: dict[str, str] = {}
    cdi: tuple[str, ...] = ()
    gpu_indices: tuple[int, ...] = ()
    nodes: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    mounts: tuple[tuple[str, str, bool], ...] = ()  # source, target, read-only
    runtime: str | None = None  # None: the engine's default
    shared_memory: str = "1g"  # frameworks hand batches between processes through it: 64 MB are too little
    ports: tuple[int, ...] = ()  # each reached under the same number on this machine's own address alone
    command: tuple[str, ...] = ()  # empty: the image's own


class ContainerClient(Protocol):
    """A connection to an engine that keeps images and runs containers.

    Every method raises `EngineNotReadyError` when the engine does not answer, and `RunError` with the engine's words
    when it refuses.
    """

    def runs_here(self) -> bool:
        """Tell whether containers run on this machine, so that its device nodes are theirs."""

    def default_network(self) -> str | None:
        """Return the network that keeps a container apart from the host's; None: the engine knows one by itself."""

    def image(self, reference: str) -> ImageRecord | None:
        """Return an image by id or tag, or None."""

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags of a repository that the engine has, as `repository:tag`."""

    def remove_unused(self, tag: str) -> None:
        """Remove a tag, and its image with the last tag, unless a container was made from it or it is gone."""

    def registry_image(self, image: str) -> ImageState:
        """Ask the image's registry, by the engine's own ways and mirrors, for the digest of a tag."""

    def load(self, archive: str) -> None:
        """Take the images of an archive in."""

    def containers(self, labels: dict[str, str]) -> tuple[ContainerRecord, ...]:
        """Return all containers, running or not, that carry the labels."""

    def container(self, reference: str) -> ContainerRecord | None:
        """Return a container by id or name, or None."""

    def create(self, wish: ContainerWish, note: Callable[[str], None]) -> ContainerRecord:
        """Create a container without capabilities; `note` gets what had to be changed for this machine."""

    def start(self, reference: str) -> ContainerRecord:
        """Start a container; raises `RunError` also, with the container's own words, when it ends at once."""

    def stop(self, reference: str) -> ContainerRecord:
        """Stop a container, with a few seconds for its processes to end by themselves."""

    def rename(self, reference: str, name: str) -> None:
        """Give a container another name, in one step."""

    def remove(self, reference: str) -> None:
        """End and remove a container with its anonymous volumes; one that is gone is no error."""
