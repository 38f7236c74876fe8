"""From a project file, one of its profiles and what was typed to a wish: what `up`, `resolve` and all others ask for.

Every command goes this one way. `ProfileWish.wish` holds name, request, sources, mounts, profile, system packages and
run settings, as `envkit.settle` takes them; `profile_facts` tells the machine that a profile is for, and
`profiles.fitting_profile` the profile that a machine is for. `profile=None` takes the settings outside of profiles.
"""

import shlex
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import msgspec

from envkit.data import load_matrix, load_recipe
from envkit.errors import UsageError
from envkit.model.host import HostFacts
from envkit.model.plan import Mount, RunSettings, SystemPackage
from envkit.model.project import BaseTable, ProfileTable, Project, RunTable
from envkit.model.request import Flavor, Mode, Request, Spec
from envkit.model.reserved import CPU
from envkit.model.sources import PackageSources
from envkit.model.value import Value
from envkit.project.checks import check_name
from envkit.project.mounts import parse_mount
from envkit.project.reading import PROJECT_FILE, ProjectFile
from envkit.project.requirements import Required, read_required
from envkit.resolve.spec import parse_spec
from envkit.resolve.targets import target_facts
from envkit.settle import Wish

_NATIVE = "native"


class Typed(Value):
    """What was typed, checked; it goes before the project file. `request` without specs: none were typed."""

    request: Request
    flavor: Flavor | None = None
    mounts: tuple[Mount, ...] = ()


class ProfileWish(Value):
    """What one profile of a project asks for, or a project without profiles, or the command line alone."""

    wish: Wish
    notes: tuple[str, ...] = ()  # what is decided otherwise than a file says, a sentence each


def profile_wish(file: ProjectFile | None, profile: str | None, typed: Typed, sources: PackageSources) -> ProfileWish:
    """Put together what was typed, a profile and the project around it, in this order of precedence.

    Raises `UsageError` for a profile that there is not and where nothing is asked for, and `DataError` for a
    `requirements` file that cannot be met.
    """
    project = Project() if file is None else file.project
    table = profile_table(file, profile)
    required = Required()
    if file is not None and project.requirements is not None:
        required = read_required(file.directory / Path(project.requirements).expanduser())
    request = _request(project, table, required, typed)
    if not request.specs:
        raise UsageError(
            f"nothing was asked for, and there is no `{PROJECT_FILE}` with `recipes` here",
            hints=("envkit up pytorch", "envkit init"),
        )
    wish = Wish(
        name=_name(project, typed, request),
        request=request,
        sources=msgspec.structs.replace(
            sources,
            index=sources.index or required.index,
            constraints=(*sources.constraints, *required.constraints),
        ),
        mounts=(*_mounts(project.run, file), *typed.mounts),
        profile=profile,
        system_packages=_system_packages(project.system_packages),
        run=run_settings(project.run),
    )
    return ProfileWish(wish=wish, notes=required.notes)


def profile_table(file: ProjectFile | None, profile: str | None) -> ProfileTable:
    """Return a profile of a project, an empty one for None; raises `UsageError` with similar names."""
    if profile is None:
        return ProfileTable()
    profiles = {} if file is None else file.project.profiles
    if profile not in profiles:
        near = get_close_matches(profile, profiles, n=3, cutoff=0.5) or sorted(profiles)
        where = f"no `{PROJECT_FILE}` was found here" if file is None else f"read in {file.path}"
        raise UsageError(
            f"the project has no profile of this name: {profile}",
            facts=(where,),
            hints=tuple(f"--profile {name}" for name in near),
        )
    return profiles[profile]


def profile_facts(file: ProjectFile, profile: str, read_host: Callable[[str], HostFacts]) -> HostFacts | None:
    """Return the facts of the machine that a profile names, None where it names none; raises as `read_host` does.

    A profile for `cpu` alone is for a machine without accelerators.
    """
    table = profile_table(file, profile)
    if table.host is not None:
        return read_host(str(file.directory / Path(table.host).expanduser()))
    if table.target is not None:
        return target_facts(table.target, load_matrix(()))
    return target_facts(CPU, load_matrix(())) if table.on == CPU else None


def run_settings(table: RunTable) -> RunSettings:
    """Return how an environment is used; a command that is a text is split as a shell would."""
    command = shlex.split(table.command) if isinstance(table.command, str) else table.command
    return RunSettings(ports=table.ports, environment=table.env, shared_memory=table.shm, command=tuple(command))


def _request(project: Project, table: ProfileTable, required: Required, typed: Typed) -> Request:
    asked = typed.request
    engine = asked.engine if asked.engine is not None or asked.mode is not None else table.engine
    mode = asked.mode
    if mode is None and engine is not None:
        mode = Mode.NATIVE if engine == _NATIVE else Mode.CONTAINER
    recipes = project.recipes if table.recipes is None else table.recipes
    packages = (*project.packages, *table.packages, *required.packages, *asked.packages)
    request = msgspec.structs.replace(
        asked,
        specs=_merged(asked.specs or tuple(map(parse_spec, recipes)), required.specs),
        python=asked.python or table.python or project.python or required.python,
        on=asked.on or _vendor(table),
        devices=table.devices if asked.devices is None else asked.devices,
        mode=mode,
        engine=engine,
        packages=tuple(dict.fromkeys(packages)),
    )
    return _with_base(request, project.base if table.base is None else table.base, typed)


def _merged(specs: tuple[Spec, ...], required: tuple[Spec, ...]) -> tuple[Spec, ...]:
    """Add the recipes that requirements mean; where one is asked for already both ranges hold."""
    merged = {load_recipe(spec.recipe).name: spec for spec in specs}
    for spec in required:
        known = merged.get(spec.recipe)
        if known is not None:
            extras = tuple(sorted({*known.extras, *spec.extras}))
            ranges = ",".join(text for text in (known.range, spec.range) if text)
            merged[spec.recipe] = msgspec.structs.replace(known, range=ranges, extras=extras)
        else:
            merged[spec.recipe] = spec
    return tuple(merged.values())


def _vendor(table: ProfileTable) -> str | None:
    """Return the vendor whose devices a profile is for: as it says, else the one of its target."""
    if table.on is not None:
        return table.on.lower()
    if table.target is None:
        return None
    vendors = {device.vendor for device in target_facts(table.target, load_matrix(())).devices or ()}
    return next(iter(vendors or {CPU})) if len(vendors) <= 1 else None


def _with_base(request: Request, base: BaseTable, typed: Typed) -> Request:
    """Take the base of images from the project, where nothing was typed; a native environment has none."""
    if request.mode is Mode.NATIVE:
        return request
    flavor = base.flavor if typed.flavor is None else typed.flavor
    if request.base_image is not None or request.os is not None:
        return msgspec.structs.replace(request, flavor=flavor)
    return msgspec.structs.replace(request, os=base.os, base_image=base.image, flavor=flavor)


def _name(project: Project, typed: Typed, request: Request) -> str:
    """Return the environment's name: as typed, the project's, or the recipes'; raises `UsageError`."""
    if typed.request.name is not None:
        return typed.request.name
    if project.name is not None and not typed.request.specs:
        return project.name
    name = "-".join(spec.recipe for spec in request.specs)
    problem = check_name(name)
    if problem is not None:
        raise UsageError(problem, hints=("--name NAME",))
    return name


def _mounts(table: RunTable, file: ProjectFile | None) -> tuple[Mount, ...]:
    return () if file is None else tuple(parse_mount(text, file.directory) for text in table.mounts)


def _system_packages(texts: tuple[str, ...]) -> tuple[SystemPackage, ...]:
    parts = (text.partition("=") for text in dict.fromkeys(texts))
    return tuple(SystemPackage(name=name, version=version or None) for name, _, version in parts)
