"""What the index answered, kept beside the recipe, so that a derived row can be held against it without a network."""

from pathlib import Path

import msgspec
from packaging.version import Version

from envkit.data import decode_document
from envkit.data.canonical import yaml_text
from envkit.data.checking.soundness import require_sound
from envkit.data.overlay import read_text
from envkit.model.recipe import Recipe
from envkit.model.recorded import Recorded, RecordedBuild, RecordedRelease
from envkit.refresh.builds import SeenBuild
from envkit.refresh.companions import Pairing
from envkit.refresh.devicecode import DeviceCode
from envkit.refresh.observation import Observation, SeenRelease
from envkit.refresh.places import RecipeFile
from envkit.system.directories import ensure_directory
from envkit.system.files import write_atomically

FOLDER = "recorded"
HEADING = "# What the package index answered, by `envkit matrix refresh`: never edited by hand.\n"
_MODE = 0o644


def record_path(recipe: str) -> Path:
    """Return where the answers about the recipe of a file are recorded: in a folder beside it."""
    path = Path(recipe)
    return path.parent / FOLDER / path.name


def read_record(path: Path) -> Recorded | None:
    """Return recorded answers, None where there are none; raises `DataError` for a file with anything else."""
    if not path.is_file():
        return None
    record = decode_document(read_text(str(path)), str(path), Recorded)
    require_sound(record, str(path))
    return record


def record_text(record: Recorded) -> str:
    """Return the one spelling of recorded answers."""
    return HEADING + yaml_text(record)


def write_record(file: RecipeFile, recipe: Recipe, observation: Observation, today: str) -> str | None:
    """Record what the index answered about a recipe, and return the path, None where nothing is new in it.

    A release that the index does not have any more keeps its last answers, and so does what could not be read of one.
    Beside a recipe of the overlay only what differs from the answers that came with envkit is recorded. Raises
    `StorageError`, and `DataError` for a record that cannot be read.
    """
    path = record_path(file.target)
    old = read_record(path)
    bundled = {} if file.bundled is None else by_version(read_record(record_path(file.bundled)))
    kept = bundled | by_version(old)
    releases = kept | {seen.version: _recorded(seen, kept.get(seen.version)) for seen in observation.releases}
    own = [release for version, release in releases.items() if bundled.get(version) != release]
    ordered = tuple(sorted(own, key=lambda release: Version(release.version), reverse=True))
    if (old.releases if old is not None else ()) == ordered:
        return None
    record = Recorded(recipe=recipe.name, package=recipe.package, retrieved=today, releases=ordered)
    ensure_directory(path.parent)
    write_atomically(path, record_text(record), mode=_MODE)
    return str(path)


def by_version(record: Recorded | None) -> dict[str, RecordedRelease]:
    """Return the recorded releases by version."""
    return {} if record is None else {release.version: release for release in record.releases}


def observation_of(releases: tuple[RecordedRelease, ...]) -> Observation:
    """Return what was recorded as it was observed."""
    return Observation(releases=tuple(_seen(release) for release in releases))


def _recorded(seen: SeenRelease, before: RecordedRelease | None) -> RecordedRelease:
    kept = before or RecordedRelease(version=seen.version)
    recorded = RecordedRelease(
        version=seen.version,
        released=seen.released,
        yanked=seen.yanked,
        unnamed=seen.unnamed,
        pythons=seen.pythons,
        libc=seen.libc,
        builds=kept.builds | {name: _recorded_build(build) for name, build in seen.builds.items()},
        also=kept.also | {name: tuple(_recorded_build(one) for one in builds) for name, builds in seen.also.items()},
        packages=kept.packages | seen.pairing.packages,
        packages_pythons=kept.packages_pythons | seen.pairing.pythons,
        requires=kept.requires | seen.requires,
    )
    # msgspec tells defaults by identity: what is compared with a decoded record has to be decoded as well.
    return msgspec.json.decode(msgspec.json.encode(recorded), type=RecordedRelease)


def _recorded_build(build: SeenBuild) -> RecordedBuild:
    return RecordedBuild(
        variant=build.variant,
        runtime=build.runtime,
        architectures=None if build.code is None else build.code.architectures,
        ptx=() if build.code is None else build.code.ptx,
        libc=build.libc,
        package=build.package,
        extra=build.extra,
        assumed=build.assumed,
    )


def _seen(release: RecordedRelease) -> SeenRelease:
    return SeenRelease(
        version=release.version,
        released=release.released,
        yanked=release.yanked,
        pythons=release.pythons,
        libc=release.libc,
        pairing=Pairing(packages=release.packages, pythons=release.packages_pythons),
        unnamed=release.unnamed,
        builds={name: _seen_build(build) for name, build in release.builds.items()},
        also={name: tuple(_seen_build(build) for build in builds) for name, builds in release.also.items()},
        requires=release.requires,
    )


def _seen_build(build: RecordedBuild) -> SeenBuild:
    code = None if build.architectures is None else DeviceCode(architectures=build.architectures, ptx=build.ptx)
    return SeenBuild(
        variant=build.variant,
        runtime=build.runtime,
        code=code,
        libc=build.libc,
        package=build.package,
        extra=build.extra,
        assumed=build.assumed,
    )
