"""Bringing an image into the store of the engine that runs it, also from a builder that keeps images elsewhere."""

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from envkit.engines.builders import Builder, ImageResult, ImageWish, Output
from envkit.engines.protocol import BuildContext, Progress
from envkit.engines.records import ContainerClient
from envkit.model.plan import Plan
from envkit.system.directories import cache_directory, ensure_directory


def build_into(
    engine: str, client: ContainerClient, builder: Builder, plan: Plan, context: BuildContext, wish: ImageWish
) -> ImageResult:
    """Build an image so that the engine has it under its tags; raises what the builder and the engine raise.

    The number of the image in the result is that which the engine knows it by.
    """
    if builder.capabilities.store == engine:
        return _numbered(builder.build(plan, context, wish), client, wish)
    with TemporaryDirectory(prefix="image-", dir=ensure_directory(cache_directory() / "builds")) as directory:
        archive = str(Path(directory) / "image.tar")
        result = builder.build(plan, context, msgspec.structs.replace(wish, output=Output.DOCKER, path=archive))
        context.progress(Progress(text=f"bringing the image to {engine}"))
        client.load(archive)
    return _numbered(msgspec.structs.replace(result, reference=wish.tags[0]), client, wish)


def _numbered(result: ImageResult, client: ContainerClient, wish: ImageWish) -> ImageResult:
    found = client.image(wish.tags[0])
    if found is None:
        return result
    # podman leaves the prefix out.
    return msgspec.structs.replace(result, id=f"sha256:{found.id.removeprefix('sha256:')}")
