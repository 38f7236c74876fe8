"""Images that are not started here: tagged, pushed, or written into an archive, with what is known of them."""

from pathlib import Path

import msgspec

from envkit.build.documents import attach_documents, image_documents, write_documents
from envkit.engines.builders import ImageResult, ImageWish, Output
from envkit.engines.builders.staging import generate_for
from envkit.engines.labels import image_labels
from envkit.engines.makers import ImageMaker
from envkit.engines.protocol import BuildContext
from envkit.errors import BuildError
from envkit.model.image_build import BuiltImage, WrittenDocument
from envkit.model.plan import Plan
from envkit.system.directories import state_directory
from envkit.system.registry_names import parse_reference
from envkit.system.registry_writer import RegistryWriter


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Where images go, and how they are built."""

    tags: tuple[str, ...]
    output: Output = Output.ENGINE
    path: str | None = None  # of the archive
    push: bool = False
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    provenance: bool = False  # the builder's own, beside envkit's
    documents: Path | None = None  # directory for them; None: beside the archive, or envkit's own


def deliver_image(maker: ImageMaker, plan: Plan, context: BuildContext, delivery: Delivery) -> BuiltImage:
    """Build an image and bring it, with its documents, where it is wanted.

    Raises what builders raise, `RegistryError` and `StorageError`; documents are attached after the push, so that a
    registry that refuses them has the image already.
    """
    builder = maker.choose_builder(context)
    artifacts = generate_for(plan, builder.capabilities.dialect)
    context = msgspec.structs.replace(context, artifacts=artifacts)
    for sentence in builder.capabilities.cost:
        context.note(sentence)
    wish = ImageWish(
        tags=delivery.tags,
        labels=image_labels(plan, artifacts),
        platforms=(plan.platform,),
        output=delivery.output,
        path=delivery.path,
        push=delivery.push,
        cache_from=delivery.cache_from,
        cache_to=delivery.cache_to,
        provenance=delivery.provenance,
        fresh=context.fresh,
    )
    result = maker.build_image(builder, plan, context, wish)
    return BuiltImage(
        name=plan.name,
        profile=plan.profile,
        platform=plan.platform,
        vendor=plan.vendor,
        variant=plan.variant,
        tags=delivery.tags,
        builder=result.builder,
        digest=result.digest,
        id=result.id if delivery.output is Output.ENGINE else None,
        archive=delivery.path,
        pushed=delivery.push,
        documents=_documents(plan, result, context, delivery),
        log=result.log,
    )


def join_platforms(tag: str, images: tuple[BuiltImage, ...], context: BuildContext) -> str:
    """Tag an index of pushed images, one for each platform, and return its digest; raises `RegistryError`."""
    digests = {image.platform: image.digest for image in images if image.digest is not None}
    if len(digests) != len(images):
        message = f"the builder did not tell the digests of what it pushed: {tag}"
        raise BuildError(message, hints=("the same command with another `--builder`",))
    return RegistryWriter(context.sources).put_index(tag, digests)


def _documents(
    plan: Plan, result: ImageResult, context: BuildContext, delivery: Delivery
) -> tuple[WrittenDocument, ...]:
    documents = image_documents(plan, result, delivery.tags[0])
    attached: tuple[WrittenDocument, ...] = ()
    if delivery.push and result.digest is not None:
        for name in dict.fromkeys(parse_reference(tag).name for tag in delivery.tags):
            attached = attach_documents(documents, f"{name}@{result.digest}", context.sources)
    if attached and delivery.documents is None:
        return attached
    directory, prefix = _beside(result, delivery)
    written = write_documents(documents, directory, prefix)
    known = {document.name: document.attached for document in attached}
    return tuple(msgspec.structs.replace(document, attached=known.get(document.name)) for document in written)


def _beside(result: ImageResult, delivery: Delivery) -> tuple[Path, str]:
    """Return the directory for documents and what their names begin with."""
    if delivery.documents is not None:
        return delivery.documents, ""
    if delivery.path is not None:
        archive = Path(delivery.path)
        return archive.parent, f"{archive.name}."
    name = (result.id or result.digest or "unknown").removeprefix("sha256:")[:16]
    return state_directory() / "images" / name, ""
