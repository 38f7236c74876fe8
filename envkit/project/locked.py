"""Working from a lock: the plan of a profile as it was locked, without resolving or locking anything anew."""

import hashlib
from pathlib import Path

import msgspec

from envkit import __version__
from envkit.data import load_matrix
from envkit.engines.ladder import climb_ladder
from envkit.errors import DriftError, LockFileError, UnsatisfiableError
from envkit.lock.portable import local_file
from envkit.model.host import HostFacts
from envkit.model.lock import Lock
from envkit.model.plan import Plan
from envkit.model.project_lock import LockedProfile, ProjectLock
from envkit.model.request import Mode
from envkit.model.resolution import Base, Chosen, Resolution
from envkit.model.sources import PackageSources
from envkit.model.value import to_line
from envkit.pipeline import Outcome, up_planned
from envkit.plan import Use, make_plan
from envkit.project.difference import changes_between
from envkit.project.holds import find_misfits
from envkit.project.lock_files import LOCK_FILE, read_profile_packages, read_project_lock
from envkit.project.lock_inputs import ProfileInput
from envkit.project.reading import ProjectFile
from envkit.resolve.versions import python_minor
from envkit.settle import Reporter
from envkit.system.wheelhouse import scan_wheelhouses

_PLACES = {Mode.CONTAINER: "a container", Mode.NATIVE: "a native environment"}


def locked_plan(
    directory: Path,
    each: ProfileInput,
    *,
    engine: str | None,
    frozen: bool = False,
    elsewhere: bool = False,
) -> Plan:
    """Return the plan of a locked profile for an engine (None: any), for a machine of which `each` has the facts.

    Only files are read. `frozen`: the lock is taken as it is, whatever the project file says now; `elsewhere`: what is
    made from the plan runs on another machine, so that the facts need not be in the locked range.

    Raises `LockFileError` for a missing, damaged or foreign file, `DriftError` when the project file asks for something
    else by now, and `UnsatisfiableError` when the profile does not hold on the machine.
    """
    lock = require_lock(directory)
    profile = require_profile(lock, each.name, directory)
    if not frozen:
        require_current(profile, each, directory)
    if not elsewhere:
        require_holding(profile, each.facts)
    packages = local_packages(read_profile_packages(directory, profile), directory, each.wish.sources)
    matrix = load_matrix(tuple(spec.recipe for spec in profile.resolution.request.specs))
    wish = each.wish
    use = Use(
        mounts=wish.mounts,
        profile=wish.profile,
        system_packages=wish.system_packages if profile.system_packages is None else profile.system_packages,
        settings=wish.run,
    )
    return make_plan(
        _for_engine(_resolution(profile, each.facts), engine),
        packages,
        each.facts,
        matrix,
        name=wish.name,
        fingerprint=locked_fingerprint(profile, use, directory),
        use=use,
    )


def bring_up_locked(
    file: ProjectFile, each: ProfileInput, facts: HostFacts, reporter: Reporter, *, frozen: bool
) -> Outcome:
    """Bring a locked profile up on this machine; nothing is resolved, and servers are asked for downloads alone.

    Raises what `locked_plan`, `climb_ladder` and building, running and verifying raise.
    """
    profile = require_profile(require_lock(file.directory), each.name, file.directory)
    request = msgspec.structs.replace(each.wish.request, mode=profile.mode)
    rung = climb_ladder(facts, request, each.wish.name)[0]
    reporter.stage("Engine", rung.reason)
    placed = msgspec.structs.replace(each, facts=rung.facts)
    plan = locked_plan(file.directory, placed, engine=rung.engine.name, frozen=frozen)
    return up_planned(rung, plan, each.wish.sources, reporter)


def locked_project_plans(
    directory: Path, inputs: tuple[ProfileInput, ...], *, frozen: bool = False
) -> tuple[Plan, ...]:
    """Return the plans of all locked profiles, for formats that are made of a whole project."""
    return tuple(locked_plan(directory, each, engine=None, frozen=frozen, elsewhere=True) for each in inputs)


def require_lock(directory: Path) -> ProjectLock:
    """Return the lock of a project; raises `LockFileError` where there is none or it is damaged."""
    lock = read_project_lock(directory)
    if lock is None:
        raise LockFileError(f"the project has no lock: {directory / LOCK_FILE}", hints=("envkit lock",))
    return lock


def require_profile(lock: ProjectLock, name: str, directory: Path) -> LockedProfile:
    """Return a profile of a lock; raises `DriftError` where it has none of this name."""
    profile = lock.profile(name)
    if profile is None:
        names = ", ".join(each.name for each in lock.profiles) or "none"
        raise DriftError(
            f"the profile is not in the lock: {name}",
            facts=(f"locked in {directory / LOCK_FILE}: {names}",),
            hints=("envkit lock",),
        )
    return profile


def require_current(profile: LockedProfile, each: ProfileInput, directory: Path) -> None:
    """Raise `DriftError` with what is asked otherwise than when it was locked."""
    mode = each.wish.request.mode
    if mode is not None and mode is not profile.mode:
        raise DriftError(
            f"the profile is not locked for {_PLACES[mode]}: {profile.name}",
            facts=(f"{directory / LOCK_FILE}: locked for {_PLACES[profile.mode]}",),
            hints=("envkit lock",),
        )
    if profile.wanted == each.wanted:
        return
    changes = changes_between(profile.asked, each.asked)
    raise DriftError(
        f"the project file asks for something else than is locked for profile: {profile.name}",
        facts=tuple(f"{change.name}: locked `{change.before or ''}`, now `{change.after or ''}`" for change in changes)
        or (f"the hash over what was asked for differs in {directory / LOCK_FILE}",),
        hints=("envkit lock", "the same command with `--frozen` takes the lock as it is"),
    )


def require_holding(profile: LockedProfile, facts: HostFacts) -> None:
    """Raise `UnsatisfiableError` with everything that keeps a machine out of the locked range."""
    misfits = find_misfits(profile.holds, facts)
    if misfits:
        raise UnsatisfiableError(
            f"the locked profile is not for this machine: {profile.name}",
            facts=tuple(f"{misfit.fact}: needs {misfit.needed}, seen {misfit.seen}" for misfit in misfits),
            hints=("envkit status", "the same command with `--profile NAME` for another profile", "envkit lock"),
        )


def local_packages(lock: Lock, directory: Path, sources: PackageSources) -> Lock:
    """Return a lock with the paths of the wheels that lie on this machine: in the project, or in a wheelhouse."""
    wheels = {Path(wheel.path).name: Path(wheel.path) for wheel in scan_wheelhouses(sources)}
    packages = tuple(
        msgspec.structs.replace(package, file=local_file(package.file, directory, wheels)) for package in lock.packages
    )
    return msgspec.structs.replace(lock, packages=packages)


def locked_fingerprint(profile: LockedProfile, use: Use, directory: Path) -> str:
    """Return a hash over the lock of a profile and how it is used, the same wherever the project lies."""
    place = str(directory)
    mounts = tuple(
        msgspec.structs.replace(mount, source=f".{mount.source[len(place) :]}")
        if Path(mount.source).is_relative_to(directory)
        else mount
        for mount in use.mounts
    )
    parts = (__version__, profile, msgspec.structs.replace(use, mounts=mounts))
    return hashlib.sha256("\n".join(to_line(part) for part in parts).encode()).hexdigest()[:32]


def _resolution(profile: LockedProfile, facts: HostFacts) -> Resolution:
    """Return the locked resolution with what only this machine knows: its interpreter, and the digest to build from."""
    chosen = profile.resolution.chosen
    assert chosen is not None  # noqa: S101 - reading the packages has seen it
    if profile.mode is Mode.NATIVE:
        chosen = msgspec.structs.replace(chosen, interpreter=_interpreter(chosen, facts))
    elif chosen.base is not None and profile.base is not None:
        chosen = msgspec.structs.replace(chosen, base=_locked_base(chosen.base, profile))
    return msgspec.structs.replace(profile.resolution, chosen=chosen)


def _interpreter(chosen: Chosen, facts: HostFacts) -> str | None:
    fitting = (python for python in facts.pythons or () if python_minor(python.version) == chosen.python)
    found = next(fitting, None)
    return None if found is None else found.path


def _locked_base(base: Base, profile: LockedProfile) -> Base:
    digest = None if profile.base is None else profile.base.digest
    return msgspec.structs.replace(base, digest=digest)


def _for_engine(resolution: Resolution, engine: str | None) -> Resolution:
    return msgspec.structs.replace(resolution, request=msgspec.structs.replace(resolution.request, engine=engine))
