"""`envkit bundle create`: everything that a lock needs, in one file."""

import hashlib
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from envkit import __version__
from envkit.bundle.making import Making, Packed, make_bundle, megabytes
from envkit.cli.asked import Asked
from envkit.cli.asking import Asking, read_asking
from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.output import Output
from envkit.cli.reporter import CommandReporter
from envkit.engines import builders
from envkit.engines.ladder import usable_engines
from envkit.engines.makers import ImageMaker, image_maker
from envkit.engines.protocol import BuildContext, ignore
from envkit.errors import EngineNotReadyError, UsageError
from envkit.model.bundle import Bundle
from envkit.model.project_lock import ProjectLock
from envkit.model.request import Mode
from envkit.model.value import Value, to_json
from envkit.project.belongings import find_belongings
from envkit.project.lock_files import read_profile_packages
from envkit.project.lock_inputs import Machines, profile_input, profile_names, require_project
from envkit.project.locked import locked_plan, require_lock, require_profile
from envkit.project.reading import ProjectFile, current_directory
from envkit.system.directories import cache_directory, ensure_directory, storage_error

SUFFIX = ".envkit"
_IMAGES = ("built", "none")


class Creation(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed after `envkit bundle create`."""

    profiles: tuple[str, ...] = ()
    path: str | None = None
    image: str | None = None  # None: built where something here can build it
    builder: str | None = None
    engine: str | None = None
    frozen: bool = False
    as_json: bool = False


class BundleCreated(Value, tag_field="format", tag="envkit-bundle-created/1"):
    """What `envkit bundle create` made."""

    path: str
    sha256: str  # of the whole file, to be compared on the other side
    size: int  # bytes
    bundle: Bundle
    without_image: tuple[str, ...] = ()  # container profiles whose image is not in it


def create_bundle(output: Output, asked: Asked, creation: Creation) -> int:
    """Write the bundle of a locked project; returns the exit status."""
    if creation.image not in {None, *_IMAGES}:
        raise UsageError(f"`--image` takes `built` or `none`: {creation.image}")
    asking = read_asking(asked)
    file = require_project(asking.file)
    lock = require_lock(file.directory)
    profiles = tuple(_packed(name, file, lock, asking, creation) for name in _names(file, creation.profiles))
    name = file.project.name or profiles[0].plan.name
    path = _path(creation.path, name)
    with CommandReporter(output, "bundle") as reporter, TemporaryDirectory(dir=_scratch()) as scratch:
        context = BuildContext(
            sources=asking.sources,
            log=reporter.new_log(),
            terminal=reporter.terminal,
            builder=creation.builder,
            progress=reporter.progress,
            note=reporter.note,
        )
        images = tuple(each.name for each in profiles if each.plan.mode is Mode.CONTAINER)
        maker = _maker(creation, context) if images else None
        making = Making(
            project=name,
            directory=file.directory,
            belongings=find_belongings(file, lock),
            profiles=profiles,
            context=context,
            maker=maker,
            stage=reporter.stage,
            frozen=creation.frozen,
        )
        bundle = make_bundle(path, making, Path(scratch))
        created = BundleCreated(
            path=str(path),
            sha256=file_digest(path),
            size=path.stat().st_size,
            bundle=bundle,
            without_image=images if maker is None else (),
        )
        reporter.stage("Bundled", f"{path}: {len(bundle.files)} files, {megabytes(created.size)}")
        for each in created.without_image:
            reporter.note(f"without the image of `{each}`: its base image must be there where it is brought up")
        for sentence in _needs(profiles):
            reporter.note(sentence)
        reporter.note(f"sha256 {created.sha256}")
        reporter.note(f"there: envkit bundle load {path.name}")
    output.data(to_json(created) if creation.as_json else created.path)
    return 0


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file; raises `StorageError`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise storage_error(error, path, "cannot read") from error


def _names(file: ProjectFile, wanted: tuple[str, ...]) -> tuple[str, ...]:
    names = profile_names(file)
    unknown = [name for name in wanted if name not in names]
    if unknown:
        facts = (f"profiles in {file.path}: {', '.join(names)}",)
        raise UsageError(f"the project has no profile of this name: {unknown[0]}", facts=facts)
    return tuple(name for name in names if not wanted or name in wanted)


def _packed(name: str, file: ProjectFile, lock: ProjectLock, asking: Asking, creation: Creation) -> Packed:
    """Return the plan of a locked profile, as `up --locked` makes it on the machine that it is for."""
    profile = require_profile(lock, name, file.directory)
    machines = Machines(recorded=read_host, here=cache(live_facts))
    each = profile_input(file, name, asking.typed, asking.sources, machines)
    if profile.mode is Mode.CONTAINER:
        usable = usable_engines(each.facts.engines or ())
        each = msgspec.structs.replace(each, facts=each.facts.for_engine(next(iter(usable), None)))
    plan = locked_plan(file.directory, each, engine=None, frozen=creation.frozen, elsewhere=True)
    files = (package.file for package in read_profile_packages(file.directory, profile).packages)
    return Packed(
        name=name,
        plan=msgspec.structs.replace(plan, platform=profile.image_platform),
        wheels_inside={each.filename: each.path for each in files if each.path is not None},
    )


def _needs(profiles: tuple[Packed, ...]) -> tuple[str, ...]:
    """Say what the other machine must have, since no bundle brings it."""
    native = (each for each in profiles if each.plan.mode is Mode.NATIVE)
    pythons = (f"`{each.name}` needs Python {each.plan.python} there, which is not in the bundle" for each in native)
    return (f"envkit {__version__} has to be installed there", *pythons)


def _maker(creation: Creation, context: BuildContext) -> ImageMaker | None:
    """Return who builds the images, None where they are not wanted, or nobody can and nobody insists."""
    if creation.image == "none":
        return None
    try:
        maker = image_maker(creation.engine, builders.Output.DOCKER)
        builder = maker.choose_builder(msgspec.structs.replace(context, note=ignore))
    except EngineNotReadyError as error:
        if (creation.image, creation.engine, creation.builder) != (None, None, None):
            raise
        context.note(f"warning: no image can be built here, {error.message}")
        for fact in error.facts:
            context.note(fact)
        return None
    if not builder.capabilities.docker_output and creation.image is None:
        context.note(f"warning: no image can be bundled here, `{builder.name}` writes no archives")
        return None
    return maker


def _path(text: str | None, name: str) -> Path:
    if text is None:
        return current_directory() / f"{name}{SUFFIX}"
    path = Path(text).expanduser().absolute()
    return path / f"{name}{SUFFIX}" if path.is_dir() else path


def _scratch() -> Path:
    return ensure_directory(cache_directory() / "bundles")
