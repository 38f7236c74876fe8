"""`envkit bundle load` and `envkit bundle show`: what came in one file, on a machine without a network."""

import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import msgspec

from envkit import __version__
from envkit.bundle.archive import extract_files, read_manifest, verify_bundle
from envkit.bundle.images import IMAGES, ImageStore, load_archive
from envkit.bundle.knowledge import Knowledge, compare_knowledge, install_knowledge
from envkit.bundle.making import megabytes
from envkit.bundle.unpacking import check_target, put_in_place, unpacked
from envkit.cli.commands.bundle_create import file_digest
from envkit.cli.hostfile import live_facts
from envkit.cli.output import Output
from envkit.cli.reporter import CommandReporter
from envkit.engines import load_engine
from envkit.engines.ladder import usable_engines
from envkit.engines.protocol import Progress
from envkit.errors import BundleError, EngineNotReadyError, UsageError
from envkit.model.bundle import Bundle, BundledImage
from envkit.model.host import HostFacts
from envkit.model.project_lock import ProjectLock
from envkit.model.request import Mode
from envkit.model.value import Value, to_json
from envkit.project.holds import find_misfits
from envkit.project.lock_files import read_project_lock
from envkit.project.lock_inputs import DEFAULT_PROFILE
from envkit.project.reading import current_directory
from envkit.system.directories import cache_directory, ensure_directory


class Loading(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed after `envkit bundle load`."""

    directory: str | None = None
    engine: str | None = None
    images: bool = True
    check: bool = False
    force: bool = False
    as_json: bool = False


class BundleLoaded(Value, tag_field="format", tag="envkit-bundle-loaded/1"):
    """What `envkit bundle load` did, or with `--check` found."""

    path: str
    sha256: str  # of the whole file
    bundle: Bundle
    directory: str | None = None  # None: nothing was taken from it
    fitting: tuple[str, ...] = ()  # profiles that this machine can be
    engine: str | None = None  # that has the images
    images: tuple[str, ...] = ()  # tags that it has now
    data: tuple[str, ...] = ()  # files that were put into the overlay of compatibility data
    next: str | None = None  # the command that brings the environment up


class _Misfits(msgspec.Struct, frozen=True):
    """Which profiles this machine can be, and why it cannot be the others."""

    fitting: tuple[str, ...]
    native: tuple[str, ...]  # of these, those that need no engine
    reasons: tuple[str, ...]


def load_bundle(output: Output, file: str, loading: Loading) -> int:
    """Verify a bundle, and only then take everything from it; returns the exit status."""
    path = Path(file).expanduser().absolute()
    with CommandReporter(output, "bundle") as reporter:
        reporter.progress(Progress(text="comparing every file with the manifest"))
        bundle = verify_bundle(path)
        report = BundleLoaded(path=str(path), sha256=file_digest(path), bundle=bundle)
        size = sum(each.size for each in bundle.files)
        reporter.stage("Whole", f"{path}: {len(bundle.files)} files, {megabytes(size)}, sha256 {report.sha256}")
        if not loading.check:
            report = _load(path, report, loading, reporter)
    output.data(to_json(report) if loading.as_json else report.next or report.path)
    return 0


def show_bundle(output: Output, file: str, *, as_json: bool) -> int:
    """Print what a bundle says that is in it; nothing is compared."""
    bundle = read_manifest(Path(file).expanduser().absolute())
    if as_json:
        output.data(to_json(bundle))
        return 0
    lines = [f"{bundle.name}, made by envkit {bundle.envkit}: {', '.join(bundle.profiles)}"]
    lines += [f"image {image.reference} of {image.profile}: {image.image}" for image in bundle.images]
    lines += [f"{each.size:>14}  {each.path}" for each in bundle.files]
    output.data("\n".join(lines))
    return 0


def _load(path: Path, report: BundleLoaded, loading: Loading, reporter: CommandReporter) -> BundleLoaded:
    bundle = report.bundle
    directory = Path(loading.directory).expanduser().absolute() if loading.directory else _default(bundle)
    knowledge = compare_knowledge(bundle)
    if not loading.force:
        check_target(bundle, directory)
        _check_data(knowledge)
    facts = live_facts()
    with unpacked(path, directory) as staging:
        found = _misfits(_lock(staging / "project", path), bundle, facts)
        rows = tuple(row for row in bundle.images if row.profile in found.fitting and loading.images)
        store = _store(facts, loading.engine) if rows else None
        fresh = _load_images(path, rows, store, reporter) if store is not None else ()
        try:
            data = install_knowledge((*knowledge.missing, *knowledge.different), staging)
            count = put_in_place(staging, directory)
        except BaseException:
            _drop(store, fresh)
            raise
    reporter.stage("Loaded", f"{directory}: {count} files")
    for sentence in (*_notes(bundle, knowledge, data), *found.reasons):
        reporter.note(sentence)
    ready = tuple(name for name in found.fitting if name in {*found.native, *(row.profile for row in rows)})
    command = _command(bundle, directory, (*ready, *found.fitting), None if store is None else loading.engine)
    reporter.stage("Next", command)
    return msgspec.structs.replace(
        report,
        directory=str(directory),
        fitting=found.fitting,
        engine=None if store is None else store.name,
        images=tuple(row.reference for row in rows) if store is not None else (),
        data=tuple(map(str, data)),
        next=command,
    )


def _default(bundle: Bundle) -> Path:
    return current_directory() / bundle.name


def _check_data(knowledge: Knowledge) -> None:
    if knowledge.different:
        raise UsageError(
            "the overlay of compatibility data here says something else than that of the bundle",
            facts=tuple(f"file in the bundle: {path}" for path in knowledge.different),
            hints=("the same command with `--force` takes those of the bundle",),
        )


def _lock(directory: Path, path: Path) -> ProjectLock:
    lock = read_project_lock(directory)
    if lock is None:
        raise BundleError(f"the bundle has no lock: {path}")
    return lock


def _misfits(lock: ProjectLock, bundle: Bundle, facts: HostFacts) -> _Misfits:
    fitting, native, reasons = list[str](), list[str](), list[str]()
    for name in bundle.profiles:
        profile = lock.profile(name)
        misfits = () if profile is None else find_misfits(profile.holds, facts)
        reasons += [
            f"profile `{name}` is not for this machine: {misfit.fact}: needs {misfit.needed}, seen {misfit.seen}"
            for misfit in misfits
        ]
        if profile is not None and not misfits:
            fitting.append(name)
            native += [name] if profile.mode is Mode.NATIVE else []
    return _Misfits(tuple(fitting), tuple(native), tuple(reasons))


def _store(facts: HostFacts, name: str | None) -> ImageStore:
    usable = usable_engines(facts.engines or ())
    if name is None and usable:
        name = usable[0]
    if name is None or name not in usable:
        reasons = tuple(f"{each.name}: {each.reason or 'cannot be used'}" for each in facts.engines or ())
        hints = ("the same command with `--no-image`", "envkit doctor")
        raise EngineNotReadyError("no engine here takes the images of the bundle", facts=reasons, hints=hints)
    return cast("ImageStore", load_engine(name))


def _load_images(
    path: Path, rows: tuple[BundledImage, ...], store: ImageStore, reporter: CommandReporter
) -> tuple[str, ...]:
    """Load images into an engine and return the tags that are new there; whatever fails, none of them stays."""
    fresh: list[str] = []
    with TemporaryDirectory(dir=ensure_directory(cache_directory() / "bundles")) as scratch:
        try:
            for row in rows:
                (archive,) = extract_files(path, IMAGES, Path(scratch), only=frozenset({row.path}))
                reporter.progress(Progress(text=f"bringing {row.reference} to {store.name}"))
                new = load_archive(store, archive, row)
                fresh += [row.reference] if new else []
                reporter.stage("Image", f"{row.reference} in {store.name}{'' if new else ', which had it already'}")
        except BaseException:
            _drop(store, tuple(fresh))
            raise
    return tuple(fresh)


def _drop(store: ImageStore | None, tags: tuple[str, ...]) -> None:
    for tag in tags if store is not None else ():
        cast("ImageStore", store).drop_image(tag)


def _notes(bundle: Bundle, knowledge: Knowledge, data: tuple[Path, ...]) -> tuple[str, ...]:
    notes = [f"compatibility data for all projects of this user: {path}" for path in data]
    if bundle.envkit != __version__:
        notes.append(
            f"warning: made by envkit {bundle.envkit}, and this is {__version__}: images may have to be built anew"
        )
    elif knowledge.other:
        notes.append(f"warning: this envkit has other recipes than the bundle: {', '.join(knowledge.other)}")
    return tuple(notes)


def _command(bundle: Bundle, directory: Path, preferred: tuple[str, ...], engine: str | None) -> str:
    """Return the command that brings up the first of the preferred profiles."""
    here = current_directory()
    place = directory.relative_to(here) if directory.is_relative_to(here) else directory
    words = ["envkit", "up", "--frozen" if bundle.frozen else "--locked", "--offline"]
    if any(file.path.startswith("wheels/") for file in bundle.files):
        words += ["--wheelhouse", "wheels"]
    name = next(iter((*preferred, *bundle.profiles)), DEFAULT_PROFILE)
    words += [] if name == DEFAULT_PROFILE else ["--profile", name]
    words += ["--engine", engine] if engine is not None else []
    up = shlex.join(words)
    return up if directory == here else f"cd {shlex.quote(str(place))} && {up}"
