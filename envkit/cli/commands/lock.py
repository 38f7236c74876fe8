"""`envkit lock` and `envkit lock diff`."""

from functools import cache
from pathlib import Path

import msgspec

from envkit.cli.asked import Asked
from envkit.cli.asking import Asking, read_asking
from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.output import Output
from envkit.cli.reporter import CommandReporter
from envkit.data import load_matrix
from envkit.engines.protocol import Progress
from envkit.errors import DriftError, EnvkitError, LockFileError, UsageError
from envkit.model.lock import Lock
from envkit.model.plan import SystemPackage
from envkit.model.project_lock import ProjectLock
from envkit.model.value import Value, to_json
from envkit.project.base_images import ImageFinder
from envkit.project.difference import LockDifference, Side, compare_locks, describe_difference
from envkit.project.keeping import make_upgrade, without_profiles
from envkit.project.lock_files import (
    LOCK_FILE,
    read_profile_packages,
    read_project_lock,
    remove_profile_files,
    write_lock_files,
)
from envkit.project.lock_inputs import Machines, ProfileInput, profile_input, profile_names, require_project
from envkit.project.locked import require_current, require_holding, require_lock, require_profile
from envkit.project.locking import Effects, LockedProject, Standing, lock_project
from envkit.project.reading import ProjectFile, current_directory, find_project
from envkit.project.revisions import committed_side, named_side, standing_side
from envkit.project.system_packages import Simulation, container_client, simulate_installation


class LockOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed after `envkit lock`."""

    profiles: tuple[str, ...] = ()
    upgrade: tuple[str, ...] = ()  # an empty text stands for everything
    check: bool = False
    frozen: bool = False
    dry_run: bool = False
    system_packages: bool = True
    as_json: bool = False
    assume_yes: bool = False


class LockReport(Value, tag_field="format", tag="envkit-lock-report/1"):
    """What `envkit lock` did."""

    path: str
    profiles: tuple[str, ...]
    difference: LockDifference
    changed: bool  # or would have, with `--dry-run`
    written: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def run_lock(output: Output, asked: Asked, options: LockOptions) -> int:
    """Lock the profiles of the project, or check the lock; returns the exit status."""
    _refuse_together(options)
    if options.frozen:
        return _check_frozen(output, asked, options)
    asking = read_asking(asked)
    file = require_project(asking.file)
    names = _chosen_names(file, options.profiles)
    machines = Machines(recorded=read_host, here=cache(live_facts))
    inputs = tuple(profile_input(file, name, asking.typed, asking.sources, machines) for name in names)
    if options.check:
        return _check(output, file, inputs, options)
    with CommandReporter(output, "lock", assume_yes=options.assume_yes) as reporter:
        made, before = _lock(file, asking, inputs, options, machines, reporter)
        report = _write(file, made, before, options)
        for note in report.notes:
            reporter.note(note)
        for line in describe_difference(report.difference).splitlines():
            reporter.note(line)
        reporter.stage(_label(report, options), f"{report.path}: {', '.join(report.profiles)}")
    if options.as_json:
        output.data(to_json(report))
    return 0


def _refuse_together(options: LockOptions) -> None:
    """Refuse options of which one would have no effect; raises `UsageError`."""
    if options.check and options.frozen:
        raise UsageError("`--check` reads the project file and `--frozen` does not: only one of them can be given")
    if options.upgrade and (options.check or options.frozen):
        name = "--check" if options.check else "--frozen"
        raise UsageError(
            f"`{name}` writes nothing, so that nothing can be upgraded: --upgrade",
            hints=("envkit lock --upgrade --dry-run",),
        )


def show_difference(output: Output, before: str | None, after: str | None, *, as_json: bool) -> int:
    """Show what differs between two locks; without names, between the committed one and the one that stands."""
    file = require_project(read_asking(Asked()).file)
    old = committed_side(file.directory) if before is None else named_side(before, file.directory)
    new = standing_side(file.directory) if after is None else named_side(after, file.directory)
    difference = compare_locks(old, new)
    text = describe_difference(difference)
    output.data(to_json(difference) if as_json else text or f"{old.title} and {new.title} are the same\n")
    return 0


def _chosen_names(file: ProjectFile, wanted: tuple[str, ...]) -> tuple[str, ...]:
    names = profile_names(file)
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise UsageError(
            f"the project has no profile of this name: {unknown[0]}",
            facts=(f"profiles in {file.path}: {', '.join(names)}",),
        )
    return tuple(name for name in names if not wanted or name in wanted)


def _lock(
    file: ProjectFile,
    asking: Asking,
    inputs: tuple[ProfileInput, ...],
    options: LockOptions,
    machines: Machines,
    reporter: CommandReporter,
) -> tuple[LockedProject, ProjectLock | None]:
    directory = file.directory
    before = _before(directory, everything="" in options.upgrade and not options.profiles)
    standing = _standing(before, directory, profile_names(file))
    recipes = dict.fromkeys(spec.recipe for each in inputs for spec in each.wish.request.specs)
    matrix = load_matrix(tuple(recipes))
    upgrade = make_upgrade(
        tuple(name for name in options.upgrade if name),
        everything="" in options.upgrade,
        locks=tuple(each.packages for each in standing.values()),
        matrix=matrix,
    )
    client = cache(container_client)

    played: dict[tuple[str, ...], tuple[SystemPackage, ...]] = {}

    def simulate(simulation: Simulation) -> tuple[SystemPackage, ...]:
        if simulation.identity not in played:
            reporter.progress(Progress(text=f"asking the package manager of {simulation.base.image}"))
            played[simulation.identity] = simulate_installation(simulation, client(), asking.sources)
        return played[simulation.identity]

    effects = Effects(
        reporter=reporter,
        find_image=ImageFinder(asking.sources, machines.here),
        simulate=simulate if options.system_packages else None,
        offline=asking.sources.offline,
    )
    made = lock_project(
        inputs, standing, before=before, directory=directory, matrix=matrix, upgrade=upgrade, effects=effects
    )
    return made, before


def _before(directory: Path, *, everything: bool) -> ProjectLock | None:
    """Return the lock that stands; a damaged one is no obstacle where all of it is made anew."""
    try:
        return read_project_lock(directory)
    except LockFileError:
        if everything:
            return None
        raise


def _standing(lock: ProjectLock | None, directory: Path, names: tuple[str, ...]) -> dict[str, Standing]:
    """Return the profiles that are locked; one whose file is missing or was changed is locked anew."""
    standing = {}
    for profile in () if lock is None else lock.profiles:
        packages = _packages_if_whole(directory, lock, profile.name)
        if profile.name in names and packages is not None:
            standing[profile.name] = Standing(profile=profile, packages=packages)
    return standing


def _packages_if_whole(directory: Path, lock: ProjectLock | None, name: str) -> Lock | None:
    profile = None if lock is None else lock.profile(name)
    try:
        return None if profile is None else read_profile_packages(directory, profile)
    except LockFileError:
        return None


def _write(file: ProjectFile, made: LockedProject, before: ProjectLock | None, options: LockOptions) -> LockReport:
    directory = file.directory
    old = standing_side(directory, lenient=True)
    new = Side(
        title=LOCK_FILE,
        profiles={profile.name: profile for profile in made.lock.profiles},
        packages=dict(made.packages),
    )
    difference = compare_locks(old, new)
    written: tuple[str, ...] = ()
    if not options.dry_run:
        written = write_lock_files(directory, made.lock, made.packages)
        remove_profile_files(directory, without_profiles(before, tuple(new.profiles)))
    return LockReport(
        path=str(directory / LOCK_FILE),
        profiles=tuple(profile.name for profile in made.lock.profiles),
        difference=difference,
        changed=made.lock != before or bool(written),
        written=written,
        notes=made.notes,
    )


def _label(report: LockReport, options: LockOptions) -> str:
    if not report.changed:
        return "Unchanged"
    return "Would lock" if options.dry_run else "Locked"


def _check(output: Output, file: ProjectFile, inputs: tuple[ProfileInput, ...], options: LockOptions) -> int:
    """Compare the lock with the project file and write nothing; raises `DriftError`, `LockFileError`."""
    lock = require_lock(file.directory)
    facts: list[str] = []
    for each in inputs:
        facts += _drifted(file, lock, each)
    gone = () if options.profiles else without_profiles(lock, profile_names(file))
    facts += [f"{name}: the project file does not have this profile any more" for name in gone]
    if facts:
        raise DriftError(
            f"the lock is not that of the project file: {file.path}", facts=tuple(facts), hints=("envkit lock",)
        )
    output.stage("Current", f"{file.directory / LOCK_FILE}: {', '.join(each.name for each in inputs)}")
    if options.as_json:
        output.data(to_json(_unchanged(file.directory, tuple(each.name for each in inputs))))
    return 0


def _unchanged(directory: Path, profiles: tuple[str, ...]) -> LockReport:
    difference = LockDifference(before=LOCK_FILE, after=LOCK_FILE)
    return LockReport(path=str(directory / LOCK_FILE), profiles=profiles, difference=difference, changed=False)


def _drifted(file: ProjectFile, lock: ProjectLock, each: ProfileInput) -> list[str]:
    try:
        profile = require_profile(lock, each.name, file.directory)
        require_current(profile, each, file.directory)
        if each.here:
            require_holding(profile, each.facts)
        read_profile_packages(file.directory, profile)
    except EnvkitError as error:
        return [f"{each.name}: {error.message}", *(f"{each.name}: {fact}" for fact in error.facts)]
    return []


def _check_frozen(output: Output, asked: Asked, options: LockOptions) -> int:
    """Check that the files of the lock belong together, whatever the project file says."""
    if asked.project is not None:
        directory = Path(asked.project).expanduser().absolute()
    else:
        here = current_directory()
        project = find_project(here)
        directory = here if project is None else project.parent
    lock = require_lock(directory)
    names = options.profiles or tuple(profile.name for profile in lock.profiles)
    for name in names:
        read_profile_packages(directory, require_profile(lock, name, directory))
    output.stage("Whole", f"{directory / LOCK_FILE}: {', '.join(names)}")
    if options.as_json:
        output.data(to_json(_unchanged(directory, names)))
    return 0
