"""Images in bundles: built under the name by which `up` finds them, and taken into an engine."""

from pathlib import Path
from typing import Protocol

import msgspec

from envkit.build.documents import image_documents
from envkit.bundle.archive import Entry
from envkit.bundle.image_archive import read_image
from envkit.engines.builders import ImageWish, Output
from envkit.engines.builders.staging import generate_for
from envkit.engines.labels import image_labels, image_tag
from envkit.engines.makers import ImageMaker
from envkit.engines.protocol import BuildContext
from envkit.engines.records import ImageRecord
from envkit.errors import BuildError, BundleError
from envkit.model.bundle import BundledImage
from envkit.model.plan import Plan
from envkit.system.registry_writer import Document

IMAGES = "images"


class ImageStore(Protocol):
    """What takes images in: an engine."""

    @property
    def name(self) -> str:
        """The name for `--engine`."""

    def take_image(self, archive: str, tag: str) -> ImageRecord | None:
        """Take the image of an archive in, and return what then has the tag."""

    def image(self, tag: str) -> ImageRecord | None:
        """Return the image of a tag, or None."""

    def drop_image(self, tag: str) -> None:
        """Remove a tag, and its image with the last one."""


class ImageParts(msgspec.Struct, frozen=True, kw_only=True):
    """An image for a bundle: its row in the manifest, its archive, and what is known of it."""

    row: BundledImage
    entry: Entry
    documents: tuple[Document, ...]


def build_archive(maker: ImageMaker, plan: Plan, context: BuildContext, profile: str, directory: Path) -> ImageParts:
    """Build a profile's image into an archive, under the tag by which `up` finds it again; raises as builders do."""
    builder = maker.choose_builder(context)
    for sentence in builder.capabilities.cost:
        context.note(sentence)
    artifacts = generate_for(plan, builder.capabilities.dialect)
    labels = image_labels(plan, artifacts)
    tag, archive = image_tag(plan, labels), directory / f"{profile}.tar"
    wish = ImageWish(tags=(tag,), labels=labels, platforms=(plan.platform,), output=Output.DOCKER, path=str(archive))
    result = maker.build_image(builder, plan, msgspec.structs.replace(context, artifacts=artifacts), wish)
    found = read_image(archive)
    if found.names != (tag,):
        facts = (f"names in the archive: {' '.join(found.names) or 'none'}",)
        raise BuildError(f"the builder wrote an archive that cannot be bundled: {tag}", facts=facts)
    path = f"{IMAGES}/{archive.name}"
    row = BundledImage(
        profile=profile, reference=tag, image=found.image, path=path, digest=found.digest, layers=found.layers
    )
    entry = Entry(path=path, source=archive)
    return ImageParts(row=row, entry=entry, documents=image_documents(plan, result, tag))


def check_archive(archive: Path, row: BundledImage) -> None:
    """Raise `BundleError` unless an archive holds the image of the manifest, and no name beside the one there."""
    found = read_image(archive)
    if found.names != (row.reference,):
        facts = (f"names in the archive: {' '.join(found.names) or 'none'}", f"in the manifest: {row.reference}")
        raise BundleError(f"an image of the bundle has another name than the manifest says: {row.path}", facts=facts)
    if (found.image, found.digest, found.layers) != (row.image, row.digest, row.layers):
        facts = (f"in the archive: {found.image}", f"in the manifest: {row.image}")
        raise BundleError(f"an image of the bundle is another one than the manifest says: {row.path}", facts=facts)


def load_archive(store: ImageStore, archive: Path, row: BundledImage) -> bool:
    """Take an image into an engine and compare what is there then; False: the engine had it already.

    Raises `BundleError` when the engine made something else of it, which is then removed.
    """
    check_archive(archive, row)
    standing = store.image(row.reference)
    if standing is not None and _is_same(standing, row):
        return False
    taken = store.take_image(str(archive), row.reference)
    if taken is None or not _is_same(taken, row):
        if taken is not None:
            store.drop_image(row.reference)
        facts = (f"in the manifest: {row.image}", f"in the engine: {'nothing' if taken is None else taken.id}")
        raise BundleError(f"engine `{store.name}` did not take the image in as it is: {row.reference}", facts=facts)
    return True


def _is_same(found: ImageRecord, row: BundledImage) -> bool:
    """Compare by id; a store that makes a manifest of its own is asked for the contents of the layers."""
    number = found.id if found.id.startswith("sha256:") else f"sha256:{found.id}"  # podman leaves the prefix out
    return number in {row.image, row.digest} or (bool(found.layers) and found.layers == row.layers)
