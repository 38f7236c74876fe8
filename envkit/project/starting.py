"""A new project: what SPECs, files of other tools and a machine say, put together and checked."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from envkit.data import load_foundations, load_matrix
from envkit.model.host import HostFacts
from envkit.model.matrix import Matrix
from envkit.model.project import BaseTable, ProfileTable, Project, RunTable, SourcesTable
from envkit.model.request import Spec
from envkit.model.reserved import CPU
from envkit.model.text import strip_controls, unsafe_character
from envkit.model.value import Value
from envkit.project import checks
from envkit.project.drafts import Draft, LeftOut
from envkit.project.foreign import load_foreign
from envkit.project.machine import machine_profiles
from envkit.project.recognise import Recognised, recognise
from envkit.resolve.images import image_python, image_system

_NAME_LENGTH = 63


class Start(Value):
    """A new project file before it is written."""

    project: Project
    sources: tuple[str, ...] = ()  # files that it was made from
    machine: dict[str, str] = {}  # the machine's devices for each profile
    image: str | None = None  # that another tool began with
    suggested: bool = False  # nothing told what is needed: the recipe stands for whatever it is
    left_out: tuple[LeftOut, ...] = ()


def start_project(directory: Path, specs: tuple[Spec, ...], drafts: tuple[Draft, ...], facts: HostFacts) -> Start:
    """Put a new project together; SPECs that were typed go before those that files mean.

    What a project file cannot have is left out with a reason, so that the result decodes and resolves as far as the
    files did.
    """
    matrix = load_matrix()
    found = [recognise(draft, matrix.recipes) for draft in drafts]
    left_out = [left for recognised in found for left in recognised.left_out]
    wanted = _specs(specs, found, matrix)
    suggested = not wanted
    wanted = wanted or (Spec(recipe=load_foreign().suggested),)
    images = tuple(draft.image for draft in drafts if draft.image)
    project = Project(
        name=_name((*(draft.name for draft in drafts if draft.name), directory.name)),
        recipes=tuple(map(str, wanted)),
        packages=_packages(specs, found, matrix),
        python=_first(map(_minor, (*(draft.python for draft in drafts), *map(_image_python, images)))),
        system_packages=_kept(
            "system package",
            [(name, draft) for draft in drafts for name in draft.system_packages if name],
            checks.check_system_package,
            left_out,
        ),
        base=BaseTable(os=next(filter(_is_system, map(_image_system, images)), None)),
        profiles=_profiles(facts, wanted, matrix),
        run=_run(drafts, left_out),
        sources=SourcesTable(index=next((one.index for one in found if one.index), None)),
    )
    return Start(
        project=project,
        sources=tuple(draft.source for draft in drafts),
        machine={profile.name: strip_controls(profile.title) for profile in machine_profiles(facts, matrix)},
        image=next(iter(images), None),
        suggested=suggested,
        left_out=(*left_out, *_constraints(drafts)),
    )


def _specs(typed: tuple[Spec, ...], found: list[Recognised], matrix: Matrix) -> tuple[Spec, ...]:
    """Return each recipe once: as it was typed, else as the first file means it."""
    specs = {_recipe_name(spec, matrix): spec for spec in typed}
    for spec in (spec for recognised in found for spec in recognised.specs):
        specs.setdefault(spec.recipe, spec)
    return tuple(specs.values())


def _recipe_name(spec: Spec, matrix: Matrix) -> str:
    recipe = matrix.recipe(spec.recipe)
    return spec.recipe if recipe is None else recipe.name


def _packages(typed: tuple[Spec, ...], found: list[Recognised], matrix: Matrix) -> tuple[str, ...]:
    """Return the packages of all files, without those that say of a recipe's package other than what was typed."""
    owned = {recipe.package for spec in typed if (recipe := matrix.recipe(spec.recipe)) is not None}
    texts = dict.fromkeys(text for recognised in found for text in recognised.packages)
    return tuple(text for text in texts if re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] not in owned)


def _constraints(drafts: tuple[Draft, ...]) -> tuple[LeftOut, ...]:
    reason = "constraints are settings of pip and uv: `PIP_CONSTRAINT`, or `requirements` with this file"
    return tuple(
        LeftOut(what=f"constraints `{Path(line.text).name}`", place=line.place, reason=reason)
        for draft in drafts
        for line in draft.constraints
    )


def _name(candidates: Iterable[str]) -> str | None:
    """Return the first name that can be made one of an environment."""
    for candidate in candidates:
        name = re.sub(r"[^a-z0-9._-]+", "-", candidate.lower()).strip("-._")[:_NAME_LENGTH]
        if name and checks.check_name(name) is None:
            return name
    return None


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value and checks.check_python(value) is None), None)


def _minor(text: str | None) -> str | None:
    """Return a Python without the number of its patch, which images and machines bring as they have it."""
    exact = None if text is None else re.fullmatch(r"(?:===?)?\s*(\d+\.\d+)(?:\.[\d*]+)*", text)
    return text if exact is None else exact[1]


def _is_system(name: str | None) -> bool:
    return name is not None and checks.check_system(name) is None


def _image_python(image: str) -> str | None:
    """Return the Python that an image's name tells, for those that are named after it."""
    named = re.search(r"(?:^|/)python:(?:[^/]*?-)?(3\.\d+)(?![\d])", image)
    return named[1] if named is not None else image_python(image, load_foundations())


def _image_system(image: str) -> str | None:
    row = image_system(image, load_foundations())
    return None if row is None else f"{row.os}-{row.version}"


def _run(drafts: tuple[Draft, ...], left_out: list[LeftOut]) -> RunTable:
    """Take how environments are used from files; what a project file cannot have is left out."""
    ports = _kept("port", [(str(port), one) for one in drafts for port in one.ports], checks.check_port, left_out)
    mounts = _kept("mount", [(mount, one) for one in drafts for mount in one.mounts], checks.check_mount, left_out)
    sizes = _kept("size", [(one.shm, one) for one in drafts if one.shm], checks.check_size, left_out)
    names = _kept("variable", [(name, one) for one in drafts for name in one.env], checks.check_variable, left_out)
    values = {name: value for draft in reversed(drafts) for name, value in draft.env.items() if name in names}
    safe = _kept("value", [(value, one) for one in drafts for value in one.env.values()], _unsafe, left_out)
    return RunTable(
        ports=tuple(map(int, ports)),
        mounts=mounts,
        env={name: values[name] for name in names if values[name] in safe},
        shm=next(iter(sizes), None),
    )


def _unsafe(text: str) -> str | None:
    character = unsafe_character(text)
    return None if character is None else f"{character} has no place in the value of a variable"


def _kept(
    what: str, values: Iterable[tuple[str, Draft]], check: Callable[[str], str | None], left_out: list[LeftOut]
) -> tuple[str, ...]:
    """Return the values that are right, each once; the others are left out with what is wrong with them."""
    kept: dict[str, None] = {}
    for value, draft in values:
        problem = check(value)
        if problem is None:
            kept[value] = None
        else:
            shown = strip_controls(value)
            left_out.append(LeftOut(what=f"{what} `{shown}`", place=draft.source, reason=strip_controls(problem)))
    return tuple(kept)


def _profiles(facts: HostFacts, specs: tuple[Spec, ...], matrix: Matrix) -> dict[str, ProfileTable]:
    """Return a profile for each vendor of the machine that all recipes serve, and one for none where they can."""
    recipes = [recipe for spec in specs if (recipe := matrix.recipe(spec.recipe)) is not None]
    profiles = {
        profile.name: profile.table
        for profile in machine_profiles(facts, matrix)
        if all(profile.name in recipe.smoke.devices for recipe in recipes)
    }
    if all(CPU in recipe.smoke.devices for recipe in recipes):
        profiles[CPU] = ProfileTable(on=CPU)
    return profiles
