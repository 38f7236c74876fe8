"""`envkit status`: what has drifted since the project was locked, and whether it matters."""

from functools import cache

from envkit.cli.asked import Asked
from envkit.cli.asking import read_asking
from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.output import Output
from envkit.data import load_matrix
from envkit.engines import load_engine
from envkit.engines.ladder import NATIVE, usable_engines
from envkit.errors import EnvkitError, ExitStatus
from envkit.model.environment import Environment
from envkit.model.host import HostFacts
from envkit.model.value import to_json
from envkit.project.drift import Drift, LockStatus, ProfileState, Surroundings, find_drift
from envkit.project.lock_files import LOCK_FILE
from envkit.project.lock_inputs import Machines, profile_input, profile_names, require_project
from envkit.project.locked import require_lock
from envkit.project.profiles import fitting_profile


def show_status(output: Output, asked: Asked, *, as_json: bool, exit_code: bool) -> int:
    """Show the state of the project's lock; with `exit_code` the exit status tells whether something drifted."""
    asking = read_asking(asked)
    file = require_project(asking.file)
    lock = require_lock(file.directory)
    facts = cache(live_facts)
    machines = Machines(recorded=read_host, here=facts)
    inputs = tuple(profile_input(file, name, asking.typed, asking.sources, machines) for name in profile_names(file))
    fitting = fitting_profile(file, facts(), read_host)
    recipes = dict.fromkeys(spec.recipe for each in inputs for spec in each.wish.request.specs)
    around = Surroundings(
        directory=file.directory,
        facts=facts(),
        fitting=None if fitting is None else fitting.profile,
        matrix=load_matrix(tuple(recipes)),
        environments=_environments(facts(), tuple(dict.fromkeys(each.wish.name for each in inputs))),
    )
    status = find_drift(file.directory / LOCK_FILE, lock, inputs, around)
    output.data(to_json(status) if as_json else describe_status(status))
    return int(ExitStatus.CHANGES) if exit_code and status.drifts else 0


def describe_status(status: LockStatus) -> str:
    """Return a status as lines for people."""
    lines = [status.path]
    for profile in status.profiles:
        lines.append(f"  {_profile_line(profile)}")
        lines += [f"    {misfit}" for misfit in profile.misfits]
    for drift in sorted(status.drifts, key=lambda drift: not drift.matters):
        lines.append(_drift_line(drift))
        lines += [f"    {drift.hint}"] if drift.hint else []
    if not status.drifts:
        lines.append("nothing has drifted since it was locked")
    return "".join(f"{line}\n" for line in lines)


def _profile_line(profile: ProfileState) -> str:
    packages = "its packages cannot be read" if profile.packages is None else f"{profile.packages} packages"
    where = "holds on this machine" if profile.holds_here else "not for this machine"
    return f"{profile.name}: {profile.variant} on Python {profile.python}, {packages}; {where}"


def _drift_line(drift: Drift) -> str:
    return f"{'matters' if drift.matters else 'note'}: {drift.profile}: {drift.what}"


def _environments(facts: HostFacts, names: tuple[str, ...]) -> tuple[Environment, ...]:
    """Return the environments of these names; an engine that does not answer has none to show."""
    found = []
    for engine in (NATIVE, *usable_engines(facts.engines or ())):
        for name in names:
            try:
                environment = load_engine(engine).find(name)
            except EnvkitError:  # `detect` and `doctor` tell what is wrong with it
                continue
            found += [environment] if environment is not None else []
    return tuple(found)
