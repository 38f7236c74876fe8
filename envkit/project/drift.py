"""How a lock, its project file, the compatibility data, this machine and an environment have drifted apart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from envkit.errors import DataError, EnvkitError
from envkit.model.environment import Environment
from envkit.model.host import HostFacts
from envkit.model.lock import Lock
from envkit.model.matrix import Matrix
from envkit.model.project_lock import LockedProfile, ProjectLock
from envkit.model.resolution import Chosen, Resolution, Status
from envkit.model.value import Value
from envkit.plan import Use
from envkit.plan.labels import locked_pins
from envkit.project.difference import changes_between
from envkit.project.holds import find_misfits
from envkit.project.keeping import Upgrade, pinned_wish
from envkit.project.lock_files import read_profile_packages
from envkit.project.lock_inputs import ProfileInput
from envkit.project.locked import locked_fingerprint
from envkit.resolve import resolve_request
from envkit.settle import known_availability, refusal_of

Subject = Literal["project-file", "lock-file", "host", "matrix", "environment"]


class Drift(Value):
    """One thing that is not as it was locked."""

    subject: Subject
    profile: str
    what: str  # a sentence
    matters: bool  # False: the lock can be used as it is
    hint: str | None = None  # a command


class ProfileState(Value):
    """A locked profile as seen from this machine."""

    name: str
    vendor: str
    variant: str
    python: str
    packages: int | None  # how many; None: their file cannot be read
    holds_here: bool
    misfits: tuple[str, ...] = ()  # why it does not


class LockStatus(Value, tag_field="format", tag="envkit-status/1"):
    """The state of a project's lock."""

    path: str
    profiles: tuple[ProfileState, ...]
    drifts: tuple[Drift, ...] = ()

    @property
    def matters(self) -> bool:
        """Tell whether something has to be done before the lock can be used."""
        return any(drift.matters for drift in self.drifts)


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a lock is compared with."""

    directory: Path
    facts: HostFacts  # of this machine
    fitting: str | None  # the profile that this machine's hardware asks for
    matrix: Matrix
    environments: tuple[Environment, ...]


def find_drift(path: Path, lock: ProjectLock, inputs: tuple[ProfileInput, ...], around: Surroundings) -> LockStatus:
    """Compare a lock with everything that it was made from and for; nobody is asked over the network."""
    asked = {each.name: each for each in inputs}
    drifts: list[Drift] = [*_missing(lock, asked)]
    states = []
    for profile in lock.profiles:
        packages, damage = _packages(profile, around.directory)
        drifts += damage
        states.append(_state(profile, packages, around.facts))
        each = asked.get(profile.name)
        if each is not None:
            drifts += _file_drift(profile, each)
            drifts += _host_drift(profile, each, around)
            drifts += _matrix_drift(profile, each, around.matrix)
            drifts += _environment_drift(profile, packages, each, around)
    return LockStatus(path=str(path), profiles=tuple(states), drifts=tuple(drifts))


def _missing(lock: ProjectLock, asked: dict[str, ProfileInput]) -> Iterator[Drift]:
    locked = {profile.name for profile in lock.profiles}
    for name in sorted(set(asked) - locked):
        what = "the project file has this profile, the lock does not"
        yield Drift(subject="project-file", profile=name, what=what, matters=True, hint="envkit lock")
    for name in sorted(locked - set(asked)):
        what = "the lock has this profile, the project file does not any more"
        yield Drift(subject="project-file", profile=name, what=what, matters=False, hint="envkit lock")


def _packages(profile: LockedProfile, directory: Path) -> tuple[Lock | None, tuple[Drift, ...]]:
    try:
        return read_profile_packages(directory, profile), ()
    except DataError as error:
        drift = Drift(
            subject="lock-file",
            profile=profile.name,
            what=error.message,
            matters=True,
            hint=next(iter(error.hints), None),
        )
        return None, (drift,)


def _state(profile: LockedProfile, packages: Lock | None, facts: HostFacts) -> ProfileState:
    chosen = profile.resolution.chosen
    misfits = find_misfits(profile.holds, facts)
    return ProfileState(
        name=profile.name,
        vendor=profile.holds.vendor,
        variant="" if chosen is None else chosen.variant,
        python="" if chosen is None else chosen.python,
        packages=None if packages is None else len(packages.packages),
        holds_here=not misfits,
        misfits=tuple(f"{misfit.fact}: needs {misfit.needed}, seen {misfit.seen}" for misfit in misfits),
    )


def _file_drift(profile: LockedProfile, each: ProfileInput) -> Iterator[Drift]:
    if profile.wanted == each.wanted:
        return
    for change in changes_between(profile.asked, each.asked):
        what = f"`{change.name}` was `{change.before or ''}` when it was locked and is `{change.after or ''}` now"
        yield Drift(subject="project-file", profile=profile.name, what=what, matters=True, hint="envkit lock")


def _host_drift(profile: LockedProfile, each: ProfileInput, around: Surroundings) -> Iterator[Drift]:
    """Tell what of this machine lies outside of the range of a profile that is for it."""
    if not each.here and around.fitting != profile.name:
        return
    for misfit in find_misfits(profile.holds, around.facts):
        what = f"this machine is out of the locked range: {misfit.fact} {misfit.seen}, locked for {misfit.needed}"
        yield Drift(subject="host", profile=profile.name, what=what, matters=True, hint="envkit lock")


def _matrix_drift(profile: LockedProfile, each: ProfileInput, matrix: Matrix) -> Iterator[Drift]:
    """Resolve again with the data of now: does the locked choice still stand, and would another one be made."""
    chosen = profile.resolution.chosen
    if profile.resolution.matrix.revision == matrix.revision or chosen is None:
        return
    pinned = pinned_wish(each.wish, profile, matrix, Upgrade())
    availability = known_availability(each.wish.sources, matrix)
    try:
        still = resolve_request(each.facts, pinned.request, matrix, availability)
        now = resolve_request(each.facts, each.wish.request, matrix, availability)
    except EnvkitError as error:
        what = f"with newer compatibility data the request cannot be resolved: {error.message}"
        yield Drift(subject="matrix", profile=profile.name, what=what, matters=True, hint="envkit resolve")
        return
    if still.status is Status.UNSATISFIABLE or still.chosen is None:
        what = f"newer compatibility data refuse what is locked: {_refusal(still, chosen)}"
        yield Drift(subject="matrix", profile=profile.name, what=what, matters=True, hint="envkit lock --upgrade")
        return
    difference = changes_between(_choice(chosen), _choice(now.chosen))
    if difference:
        news = ", ".join(f"{change.name} {change.after} (locked {change.before})" for change in difference)
        what = f"with newer compatibility data the choice would be another: {news}"
    else:
        what = "the compatibility data are newer, the choice is the same"
    hint = "envkit lock --upgrade" if difference else None
    yield Drift(subject="matrix", profile=profile.name, what=what, matters=False, hint=hint)


def _environment_drift(
    profile: LockedProfile, packages: Lock | None, each: ProfileInput, around: Surroundings
) -> Iterator[Drift]:
    chosen = profile.resolution.chosen
    standing = next((one for one in around.environments if one.name == each.wish.name), None)
    ours = each.here or around.fitting in {None, profile.name}
    if standing is None or chosen is None or packages is None or not ours:
        return
    wish = each.wish
    system = wish.system_packages if profile.system_packages is None else profile.system_packages
    use = Use(mounts=wish.mounts, profile=wish.profile, system_packages=system, settings=wish.run)
    if standing.fingerprint == locked_fingerprint(profile, use, around.directory):
        return
    changes = changes_between(locked_pins(chosen, packages), standing.packages)
    command = "envkit up --locked"
    if changes:
        what = f"environment `{standing.name}` is not as locked: {', '.join(map(str, changes))}"
        yield Drift(subject="environment", profile=profile.name, what=what, matters=True, hint=command)
    else:
        what = f"environment `{standing.name}` has the locked frameworks, but was not made from this lock"
        yield Drift(subject="environment", profile=profile.name, what=what, matters=False, hint=command)


def _refusal(resolution: Resolution, chosen: Chosen) -> str:
    """Return why the locked release is refused, else what the whole resolution is refused for."""
    release = chosen.candidate.partition("+")[0]
    own = (each.reason for each in resolution.rejected if each.candidate.partition("+")[0] == release)
    error = refusal_of(resolution)
    return next(own, "; ".join(error.facts[:2]) or error.message)


def _choice(chosen: Chosen | None) -> dict[str, str]:
    """Return what makes a choice, with versions as releases: a wheelhouse adds labels that an index does not have."""
    if chosen is None:
        return {}
    packages = {name: version.partition("+")[0] for name, version in chosen.packages.items()}
    return {"vendor": chosen.vendor, "build": chosen.variant, "python": chosen.python, **packages}
