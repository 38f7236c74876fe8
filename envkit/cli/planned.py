"""Plans that `generate`, `build` and `bundle` work from: of profiles of the project or of SPECs, for any machine."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from envkit.cli.asking import Asking
from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.reporter import CommandReporter
from envkit.data import load_matrix
from envkit.engines.ladder import usable_engines
from envkit.errors import UsageError
from envkit.generate.savings import describe_saving, find_saving
from envkit.model.availability import ImageState
from envkit.model.host import HostFacts
from envkit.model.plan import Plan
from envkit.model.request import Mode, Request
from envkit.project.lock_inputs import Machines, ProfileInput, profile_input, profile_names
from envkit.project.locked import locked_plan
from envkit.project.planning import FindImage, find_locked_plan, image_finder, make_fresh_plan
from envkit.project.reading import ProjectFile, current_directory
from envkit.resolve.targets import target_facts


class Placing(msgspec.Struct, frozen=True, kw_only=True):
    """For which machine something is planned, and from what."""

    profiles: tuple[str, ...] = ()
    host: str | None = None
    target: str | None = None
    locked: bool = False
    frozen: bool = False

    def check(self) -> None:
        """Raise `UsageError` for options that exclude each other."""
        if self.host is not None and self.target is not None:
            raise UsageError("`--host` and `--target` both name the machine to plan for: give one")


def planned_inputs(
    asking: Asking, placing: Placing, mode_of: Callable[[Request], Mode], *, single: str | None = None
) -> tuple[ProfileInput, ...]:
    """Return what is planned: each profile that was named, else all; where specs were typed, what they ask for.

    `mode_of` says whether a request is for a container; `single` names what is made of one profile alone. Raises
    `UsageError` where that is asked for several, and what the project file's reading raises.
    """
    machines = Machines(recorded=read_host, here=_here(placing))
    names = tuple(dict.fromkeys(placing.profiles))
    if asking.file is not None and (names or not asking.typed.request.specs):
        names = names or profile_names(asking.file)
        if len(names) > 1 and single is not None:
            raise UsageError(
                f"`{single}` describes one environment, and the project has several profiles: {' '.join(names)}",
                hints=tuple(f"--profile {name}" for name in names),
            )
        inputs = (profile_input(asking.file, name, asking.typed, asking.sources, machines) for name in names)
        return tuple(_placed(each, placing, machines, mode_of) for each in inputs)
    wished = asking.wish(next(iter(names), None))
    each = ProfileInput(
        name=wished.wish.name, wish=wished.wish, facts=machines.here(), asked={}, here=True, notes=wished.notes
    )
    return (_placed(each, placing, machines, mode_of),)


def describe_savings(plans: tuple[Plan, ...]) -> tuple[str, ...]:
    """Say what each image is smaller by than one on the vendor's own base image, each sentence once."""
    matrix = load_matrix(())
    found = (find_saving(plan, matrix.vendor(plan.vendor)) for plan in plans if plan.mode is Mode.CONTAINER)
    return tuple(dict.fromkeys(describe_saving(saving) for saving in found if saving is not None))


class Planner:
    """Makes the plan of each profile, asking engine and registry for base images where nothing is locked."""

    def __init__(
        self, asking: Asking, placing: Placing, reporter: CommandReporter, *, outside: Path | None = None
    ) -> None:
        """Take `outside` for the directory of what is planned without a project."""
        self._file: ProjectFile | None = asking.file if not asking.typed.request.specs else None
        self._asking = asking
        self._placing = placing
        self._reporter = reporter
        self._outside = outside

    @property
    def home(self) -> Path:
        """The directory of the project, else that of the output: what a lock names locally is below it."""
        return (self._outside or current_directory()) if self._file is None else self._file.directory

    def plan(self, each: ProfileInput) -> Plan:
        """Return the plan of one profile, from its lock where there is one; raises as resolving and locking do."""
        for note in each.notes:
            self._reporter.note(note)
        return self._locked(each) or make_fresh_plan(each, self.home, self._finder(each), self._reporter)

    def _locked(self, each: ProfileInput) -> Plan | None:
        strict = self._placing.locked or self._placing.frozen
        if self._file is None:
            if strict:
                raise UsageError("`--locked` and `--frozen` take what a project has locked: give no SPEC")
            return None
        if self._placing.host is not None or self._placing.target is not None:
            return None
        if strict:
            return locked_plan(self.home, each, engine=None, frozen=self._placing.frozen, elsewhere=True)
        return find_locked_plan(each, self.home, self._reporter)

    def _finder(self, each: ProfileInput) -> FindImage | None:
        if each.wish.request.mode is Mode.NATIVE or self._asking.sources.offline:
            return None
        from envkit.system.registry import Registry

        return image_finder(Registry(self._asking.sources).image, _engine_finder(), self._reporter)


def _here(placing: Placing) -> Callable[[], HostFacts]:
    """Return how the machine is known for which something is planned that names none itself."""
    host, target = placing.host, placing.target
    if host is not None:
        return cache(lambda: read_host(host))
    if target is not None:
        return cache(lambda: target_facts(target, load_matrix(())))
    return cache(live_facts)


def _placed(
    each: ProfileInput, placing: Placing, machines: Machines, mode_of: Callable[[Request], Mode]
) -> ProfileInput:
    """Put a wish on the machine that was typed, and in a container or not."""
    request = each.wish.request
    mode = mode_of(request)
    typed = placing.host is not None or placing.target is not None
    facts = machines.here() if typed else each.facts
    if mode is Mode.CONTAINER:
        usable = usable_engines(facts.engines or ())
        facts = facts.for_engine(request.engine or next(iter(usable), None))
    request = msgspec.structs.replace(request, mode=mode)
    return msgspec.structs.replace(each, facts=facts, wish=msgspec.structs.replace(each.wish, request=request))


def _engine_finder() -> Callable[[str], ImageState] | None:
    """Return how the container engine of this machine finds base images, None where there is none."""
    from envkit.engines import load_engine

    for name in usable_engines(live_facts().engines or ()):
        find = getattr(load_engine(name), "find_base", None)
        if find is not None:
            return find  # type: ignore[no-any-return]
    return None
