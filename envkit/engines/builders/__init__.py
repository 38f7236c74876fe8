"""Builders: what makes an image of a plan; `choice.py` finds the best one, each other module drives one kind.

A builder generates the files in the dialect that it takes, builds them, and puts the image where the wish says. Where
the image is wanted in the store of an engine that the builder does not write to, `builders.delivery` brings it there.
"""

from enum import StrEnum
from typing import Protocol

import msgspec

from envkit.engines.protocol import BuildContext
from envkit.generate.image import SOURCE_DATE_EPOCH
from envkit.generate.options import Dialect
from envkit.model.plan import Plan


class Output(StrEnum):
    """Where an image goes besides the registry."""

    ENGINE = "engine"  # the store that the builder writes to
    OCI = "oci"  # an archive in OCI's layout, at `path`
    DOCKER = "docker"  # an archive that `docker load` and `podman load` take, at `path`
    NONE = "none"  # nowhere: it is pushed, or only the cache is


class ImageWish(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of an image, besides what is in it."""

    tags: tuple[str, ...]
    labels: dict[str, str] = {}
    platforms: tuple[str, ...] = ()  # as OCI writes them: linux/arm64; empty: that of the plan
    output: Output = Output.ENGINE
    path: str | None = None  # of the archive
    push: bool = False  # to the registries that the tags name
    cache_from: tuple[str, ...] = ()  # in buildx's words: type=registry,ref=…
    cache_to: tuple[str, ...] = ()
    provenance: bool = False  # attach it; it holds the time of the build, so that no two images are the same
    epoch: int = SOURCE_DATE_EPOCH  # seconds since 1970; the time of everything in the image
    host_network: bool = False  # steps of the build use the network of the builder's machine
    fresh: bool = False  # nothing from the cache


class ImageResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a builder made."""

    builder: str
    reference: str  # the first tag, or the path of the archive
    digest: str | None = None  # sha256:… of the manifest or index, as a registry knows it
    id: str | None = None  # sha256:… of the image in the store where it is, as that store's engine knows it
    log: str | None = None  # path of the file with every line


class BuilderCapabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a builder can do, as far as it could be asked; None: not known."""

    kind: str  # buildx | buildkit | podman | buildah | legacy
    dialect: Dialect
    driver: str | None = None  # of buildx: docker | docker-container | remote | kubernetes | cloud
    version: str | None = None  # of BuildKit, buildah or the engine
    store: str | None = None  # name of the engine into whose store it writes by itself
    containerd_store: bool = False  # that store is containerd's, which takes any compression
    platforms: tuple[str, ...] | None = None
    many_platforms: bool = True
    docker_output: bool = True
    oci_output: bool = False
    attestations: bool = False
    link: bool = False
    heredocs: bool = False
    cache_mounts: bool = False
    cache_export: bool = False
    push: bool = True
    cost: tuple[str, ...] = ()  # a sentence for each thing that a better builder would spare


class Builder(Protocol):
    """Something that builds images."""

    @property
    def name(self) -> str:
        """The name for `--builder`."""

    @property
    def capabilities(self) -> BuilderCapabilities:
        """What it can do; asked once."""

    def build(self, plan: Plan, context: BuildContext, wish: ImageWish) -> ImageResult:
        """Build an image, every line into the log of the context.

        The files are those of the context, or else generated in the builder's dialect. Raises `BuildError` with the
        last lines of the failing step, `EngineNotReadyError`, `StorageError`, and `UsageError` for a wish that is
        beyond its capabilities.
        """
