"""Locking a project: each profile resolved, locked and made portable; what need not move stays as it was."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from envkit import __version__
from envkit.errors import EnvkitError, ImageMissingError, LockError, UnsatisfiableError, UsageError
from envkit.lock import Earlier
from envkit.lock.portable import make_portable
from envkit.model.availability import ImageState
from envkit.model.image import RegistryImage
from envkit.model.lock import Lock
from envkit.model.matrix import Matrix
from envkit.model.plan import SystemPackage
from envkit.model.project_lock import LockedBase, LockedFileReference, LockedProfile, ProjectLock
from envkit.model.resolution import Base, Chosen, MatrixStamp, Resolution, Status, Verdict
from envkit.model.value import Value
from envkit.negotiate import Settled
from envkit.plan import image_platform, public_indexes
from envkit.project.holds import find_misfits, host_range
from envkit.project.keeping import Upgrade, moves, pinned_wish
from envkit.project.lock_files import packages_file
from envkit.project.lock_inputs import ProfileInput
from envkit.project.system_packages import Simulation
from envkit.settle import Reporter, Wish, refusal_of, settle_choice
from envkit.system.registry_names import parse_reference

_ABOUT_SERVERS = frozenset({"offline", "index-availability", "base-image"})  # rules of the resolver
_DEFAULT_CPU = "x86_64"  # of a machine whose processor is not known


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """What locking asks of the world, beside package indexes."""

    reporter: Reporter
    find_image: Callable[[str], RegistryImage | None]  # None: no registry may be asked
    # All packages that an installation adds; None: they are not to be locked.
    simulate: Callable[[Simulation], tuple[SystemPackage, ...]] | None
    offline: bool = False  # no server may be asked: neither a registry nor one of system packages


class Standing(Value):
    """A profile as it is locked already."""

    profile: LockedProfile
    packages: Lock


class LockedProject(Value):
    """The lock of a project and the packages of each profile."""

    lock: ProjectLock
    packages: dict[str, Lock]
    notes: tuple[str, ...] = ()


def lock_project(
    inputs: tuple[ProfileInput, ...],
    standing: dict[str, Standing],
    *,
    before: ProjectLock | None,
    directory: Path,
    matrix: Matrix,
    upgrade: Upgrade,
    effects: Effects,
) -> LockedProject:
    """Lock the profiles of `inputs` and keep all others that are `standing`.

    When one cannot be locked the others are tried all the same, so that every failure is told at once; raises the first
    one, which names the others.
    """
    profiles = {name: each.profile for name, each in standing.items()}
    packages = {name: each.packages for name, each in standing.items()}
    failures: list[tuple[str, EnvkitError]] = []
    notes: list[str] = []
    for each in inputs:
        try:
            made = _lock_profile(each, standing.get(each.name), directory, matrix, upgrade, effects)
        except EnvkitError as error:
            failures.append((each.name, error))
            continue
        profiles[each.name], packages[each.name] = made.profile, made.packages
        notes += [f"{each.name}: {note}" for note in made.notes]
    if failures:
        raise _joined(failures)
    ordered = tuple(profiles[name] for name in sorted(profiles))
    lock = ProjectLock(
        envkit=__version__,
        matrix=MatrixStamp(revision=matrix.revision, newest_source=matrix.newest_source),
        profiles=ordered,
    )
    if before is not None and before.profiles == ordered:
        lock = before  # nothing moved: neither does what says who wrote it
    return LockedProject(lock=lock, packages=packages, notes=tuple(dict.fromkeys(notes)))


def can_stay(each: ProfileInput, standing: Standing | None, *, with_system_packages: bool, with_digest: bool) -> bool:
    """Tell whether a profile is locked as it is asked for and holds on the machine that it is for."""
    if standing is None or standing.profile.wanted != each.wanted:
        return False
    if with_system_packages and standing.profile.system_packages is None and each.wish.system_packages:
        return False
    base = standing.profile.base
    if with_digest and base is not None and base.digest is None:
        return False
    return not find_misfits(standing.profile.holds, each.facts)


class _Made(Value):
    profile: LockedProfile
    packages: Lock
    notes: tuple[str, ...] = ()


def _lock_profile(
    each: ProfileInput,
    standing: Standing | None,
    directory: Path,
    matrix: Matrix,
    upgrade: Upgrade,
    effects: Effects,
) -> _Made:
    stays = standing is not None and not moves(standing.packages, upgrade)
    complete = effects.simulate is not None and not effects.offline
    whole = stays and can_stay(each, standing, with_system_packages=complete, with_digest=not effects.offline)
    if standing is not None and whole:
        return _Made(profile=standing.profile, packages=standing.packages)
    kept = None if upgrade.everything else standing
    images = _Images(effects.find_image, standing if effects.offline else kept)
    settled = _settle(each, kept, matrix, upgrade, images, effects)
    resolution, lock = settled.resolution, settled.lock
    chosen = resolution.chosen
    if lock is None or chosen is None:
        raise refusal_of(resolution)
    public = public_indexes(chosen, matrix)
    portable = make_portable(lock, directory=directory, indexes=public, used=chosen.indexes)
    platform = image_platform(each.facts)
    base = None if chosen.base is None else images.locked(chosen.base)
    profile = LockedProfile(
        name=each.name,
        wanted=each.wanted,
        asked=each.asked,
        mode=chosen.mode,
        platform=lock.platform,
        image_platform=platform,
        resolution=portable_resolution(resolution, each.wish, matrix),
        packages=LockedFileReference(path=packages_file(each.name), sha256=portable.lock.sha256),
        holds=host_range(chosen, portable.lock, matrix, _cpu(each)),
        base=base,
        system_packages=_system_packages(
            each, standing if effects.offline else kept, chosen, platform, matrix, effects
        ),
    )
    return _Made(profile=profile, packages=portable.lock, notes=(*each.notes, *_unpinned(base), *portable.notes))


def _unpinned(base: LockedBase | None) -> tuple[str, ...]:
    """Say that nobody could be asked for what the name of a base image stands for."""
    if base is None or base.digest is not None or parse_reference(base.image).digest is not None:
        return ()
    return (f"the base image is locked by its name alone, until `envkit lock` may ask a registry: {base.image}",)


def _settle(
    each: ProfileInput,
    kept: Standing | None,
    matrix: Matrix,
    upgrade: Upgrade,
    images: "_Images",
    effects: Effects,
) -> Settled:
    """Resolve and lock; the versions that are locked already are tried before all others."""
    earlier = None if kept is None else Earlier(document=kept.packages.pylock, upgrade=upgrade.packages)
    if kept is not None:
        pinned = pinned_wish(each.wish, kept.profile, matrix, upgrade)
        try:
            settled = settle_choice(each.facts, pinned, matrix, images.find, _Quiet(effects.reporter), earlier)
        except (LockError, UnsatisfiableError, UsageError):
            settled = None  # the file asks for something else than what is locked
        if settled is not None and settled.lock is not None:
            return settled
    return settle_choice(each.facts, each.wish, matrix, images.find, effects.reporter, earlier)


class _Quiet:
    """A reporter without notes: that other versions were refused because these are locked is known."""

    def __init__(self, reporter: Reporter) -> None:
        self.terminal = reporter.terminal
        self.stage = reporter.stage
        self.progress = reporter.progress
        self.confirm = reporter.confirm
        self.new_log = reporter.new_log

    def note(self, text: str) -> None:
        """Drop it."""


class _Images:
    """What registries say of base images, each asked once; an image that is locked already keeps its digest."""

    def __init__(self, ask: Callable[[str], RegistryImage | None], kept: Standing | None) -> None:
        self._ask = ask
        base = kept.profile.base if kept is not None else None
        self._known: dict[str, LockedBase] = {} if base is None or base.digest is None else {base.image: base}

    def find(self, image: str) -> ImageState:
        if image not in self._known:
            try:
                found = self._ask(image)
            except ImageMissingError as error:
                return ImageState(image=image, available=False, reason=error.message)
            self._known[image] = LockedBase(
                image=image,
                digest=None if found is None else found.digest,
                platforms={} if found is None else found.platforms,
            )
        return ImageState(image=image, available=True, digest=self._known[image].digest)

    def locked(self, base: Base) -> LockedBase:
        return self._known.get(base.image, LockedBase(image=base.image, digest=base.digest))


def _system_packages(
    each: ProfileInput,
    kept: Standing | None,
    chosen: Chosen,
    platform: str,
    matrix: Matrix,
    effects: Effects,
) -> tuple[SystemPackage, ...] | None:
    """Return all packages that are added to the base image; None: they are not locked."""
    base = chosen.base
    if base is None or effects.simulate is None:
        return None
    names = tuple(sorted({*base.own_packages, *(package.name for package in each.wish.system_packages)}))
    if not names:
        return ()
    if kept is not None and _same_installation(each, kept.profile, base):
        return kept.profile.system_packages
    if effects.offline:
        raise LockError(
            f"system packages cannot be locked without asking a server: {' '.join(names)}",
            facts=("`--offline` is set, or a setting of uv that means the same",),
            hints=("envkit lock --offline --no-system-packages", "envkit lock"),
        )
    manager = matrix.package_manager(base.package_manager)
    if manager is None:
        raise LockError(
            f"the package manager of the base image is not known: {base.image}",
            facts=(f"asked for: {' '.join(names)}",),
            hints=("envkit lock --no-system-packages",),
        )
    return effects.simulate(Simulation(base=base, platform=platform, manager=manager, names=names))


def _same_installation(each: ProfileInput, profile: LockedProfile, base: Base) -> bool:
    """Tell whether the same packages of the distribution are asked for on the same image as when they were locked."""
    same_image = profile.base is not None and profile.base.digest == base.digest is not None
    before = profile.resolution.chosen.base if profile.resolution.chosen is not None else None
    same_names = profile.asked.get("system_packages") == each.asked.get("system_packages")
    same_names = same_names and before is not None and before.own_packages == base.own_packages
    return same_image and same_names and profile.system_packages is not None


def portable_resolution(resolution: Resolution, wish: Wish, matrix: Matrix) -> Resolution:
    """Return what was chosen without anything of the day, of this machine or of its sources."""
    chosen = resolution.chosen
    assert chosen is not None  # noqa: S101 - only what was chosen can have been locked
    return Resolution(
        status=_proved_status(resolution),
        request=msgspec.structs.replace(wish.request, as_of="", name=None, why_not=None),
        matrix=MatrixStamp(revision=matrix.revision, newest_source=matrix.newest_source),
        chosen=msgspec.structs.replace(
            chosen, interpreter=None, indexes=public_indexes(chosen, matrix), constraints=(), notes=()
        ),
    )


def _proved_status(resolution: Resolution) -> Status:
    """Return the status without assumptions about what servers have: the lock has proved those."""
    doubts = {check.rule for check in resolution.checks if check.verdict is not Verdict.PASS}
    return Status.OK if doubts and doubts <= _ABOUT_SERVERS else resolution.status


def _cpu(each: ProfileInput) -> str:
    return each.facts.cpu.architecture if each.facts.cpu is not None else _DEFAULT_CPU


def _joined(failures: list[tuple[str, EnvkitError]]) -> EnvkitError:
    """Return the first failure with the name of its profile, and a line about each of the others."""
    name, first = failures[0]
    first.message = f"profile `{name}` cannot be locked: {first.message}"
    first.args = (first.message,)
    others = tuple(f"profile `{other}` neither: {error.message}" for other, error in failures[1:])
    first.facts = (*first.facts, *others)
    return first
