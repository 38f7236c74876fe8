"""Bills of materials and provenance: attached to an image that is in a registry, written beside any other."""

from pathlib import Path

from envkit import __version__
from envkit.engines.builders import ImageResult
from envkit.generate import generate_artifacts
from envkit.generate.materials import list_materials
from envkit.generate.provenance import PROVENANCE_TYPE, provenance_text
from envkit.model.image_build import WrittenDocument
from envkit.model.plan import Plan
from envkit.model.sources import PackageSources
from envkit.system.directories import ensure_directory
from envkit.system.files import write_atomically
from envkit.system.registry_writer import Document, RegistryWriter

_MEDIA_TYPES = {
    "sbom.cdx.json": "application/vnd.cyclonedx+json",
    "sbom.spdx.json": "application/spdx+json",
}


def image_documents(plan: Plan, result: ImageResult, image: str) -> tuple[Document, ...]:
    """Return what is known of an image: bills of materials, and provenance where its digest is known."""
    bills = tuple(
        Document(name=file.path, media_type=_MEDIA_TYPES[file.path], text=file.text)
        for file in generate_artifacts(plan, "sbom").files
    )
    digest = result.digest or result.id
    if digest is None:
        return bills
    text = provenance_text(
        plan, list_materials(plan), image=image, digest=digest, builder=result.builder, version=__version__
    )
    return (*bills, Document(name="provenance.json", media_type=PROVENANCE_TYPE, text=text))


def write_documents(documents: tuple[Document, ...], directory: Path, prefix: str = "") -> tuple[WrittenDocument, ...]:
    """Write documents into a directory, `prefix` before their names; raises `StorageError`."""
    ensure_directory(directory, mode=0o755)
    written = []
    for document in documents:
        path = directory / f"{prefix}{document.name}"
        write_atomically(path, document.text, mode=0o644)
        written.append(WrittenDocument(name=document.name, path=str(path)))
    return tuple(written)


def attach_documents(
    documents: tuple[Document, ...], image: str, sources: PackageSources
) -> tuple[WrittenDocument, ...]:
    """Attach documents to an image that is named with its digest, in its registry; raises `RegistryError`."""
    writer = RegistryWriter(sources)
    return tuple(WrittenDocument(name=document.name, attached=writer.attach(image, document)) for document in documents)
