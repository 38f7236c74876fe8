"""Making a bundle: wheels are brought together and checked, images built, and everything written into one file."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from envkit import __version__
from envkit.build.documents import image_documents
from envkit.bundle.archive import Entry, describe_entry, write_bundle
from envkit.bundle.images import build_archive
from envkit.bundle.knowledge import knowledge_entries
from envkit.data import load_mirrors
from envkit.engines.builders import ImageResult
from envkit.engines.makers import ImageMaker
from envkit.engines.protocol import BuildContext, Progress
from envkit.errors import DataError
from envkit.model.address import mirrored_url
from envkit.model.bundle import Bundle, BundledImage
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.system.directories import ensure_directory
from envkit.system.fetch import Fetching, fetch_wheels
from envkit.system.registry_writer import Document


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """One profile that goes into a bundle."""

    name: str
    plan: Plan
    wheels_inside: dict[str, str]  # wheels that lie in the project: path in it, by file name


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle is made of and with."""

    project: str  # its name
    directory: Path  # of the project
    belongings: tuple[Path, ...]  # files of the project, relative to its directory
    profiles: tuple[Packed, ...]
    context: BuildContext
    maker: ImageMaker | None  # builds the images of container profiles; None: without images
    stage: Callable[[str, str], None]
    frozen: bool = False  # the lock is taken as it is


def make_bundle(path: Path, making: Making, scratch: Path) -> Bundle:
    """Write the bundle of a project's profiles and return what is in it; `scratch` is a directory for the meantime.

    Raises what fetching wheels and building images raise, `DataError` for a name that bundles do not take, and
    `StorageError`; an older file of this name then stays as it was.
    """
    found: dict[str, Entry] = {}
    images: list[BundledImage] = []
    _add(found, (Entry(path=f"project/{each}", source=making.directory / each) for each in making.belongings))
    recipes = frozenset(smoke.recipe for each in making.profiles for smoke in each.plan.smoke)
    _add(found, knowledge_entries(recipes, frozenset(each.plan.vendor for each in making.profiles)))
    for each in making.profiles:
        wheels = _wheels(each, making, scratch)
        _add(found, wheels)
        size = _size(wheels)
        making.stage("Fetched", f"{each.name}: {len(wheels)} wheels, {megabytes(size)}")
        documents: tuple[Document, ...]
        if each.plan.mode is Mode.CONTAINER and making.maker is not None:
            making.context.note(f"building the image of `{each.name}`: it takes about {megabytes(size)} and its base")
            parts = build_archive(making.maker, each.plan, making.context, each.name, scratch)
            _add(found, (parts.entry,))
            images.append(parts.row)
            documents = parts.documents
            making.stage("Built", f"{parts.row.reference}, {megabytes(_size((parts.entry,)))}")
        else:
            unbuilt = ImageResult(builder="", reference="")
            documents = image_documents(each.plan, unbuilt, each.plan.name)
        _add(found, (Entry(path=f"sbom/{each.name}.{document.name}", text=document.text) for document in documents))
    making.context.progress(Progress(text="hashing what is bundled"))
    bundle = Bundle(
        envkit=__version__,
        name=making.project,
        profiles=tuple(each.name for each in making.profiles),
        files=tuple(describe_entry(found[place]) for place in sorted(found)),
        images=tuple(images),
        frozen=making.frozen,
    )
    making.context.progress(Progress(text=f"writing {megabytes(sum(file.size for file in bundle.files))}"))
    write_bundle(path, bundle, found.values())
    return bundle


def megabytes(size: int) -> str:
    """Return a size in MB of a million bytes."""
    return f"{size / 1e6:.1f} MB"


def _add(found: dict[str, Entry], entries: Iterable[Entry]) -> None:
    for entry in entries:
        standing = found.setdefault(entry.path, entry)
        if standing is not entry and describe_entry(standing) != describe_entry(entry):
            raise DataError(f"two different files would have the same name in the bundle: {entry.path}")


def _wheels(each: Packed, making: Making, scratch: Path) -> tuple[Entry, ...]:
    """Bring the wheels of a profile together, each checked against its locked hash."""
    sources, progress = making.context.sources, making.context.progress
    mirrors = {place: setting.value for place, setting in sources.mirrors.items()}
    places = load_mirrors().places if mirrors else ()
    wheels = fetch_wheels(
        each.plan.lock,
        sources,
        ensure_directory(scratch / each.name / "wheels"),
        lambda fetching: progress(_shown(each.name, fetching)),
        mirrored=lambda url: mirrored_url(url, mirrors, places),
    )
    inside = {name: f"project/{place}" for name, place in each.wheels_inside.items()}
    return tuple(Entry(path=inside.get(wheel.name, f"wheels/{wheel.name}"), source=wheel) for wheel in wheels)


def _shown(profile: str, fetching: Fetching) -> Progress:
    text = f"fetching the wheels of {profile}"
    return Progress(text=text, done=fetching.done, total=fetching.total, finished=fetching.finished)


def _size(entries: Iterable[Entry]) -> int:
    return sum(entry.source.stat().st_size for entry in entries if entry.source is not None)
