"""What is wrong in a project file beyond its types: each fault with the path of its field."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from envkit.data import load_foundations, load_recipe, load_vendors
from envkit.data.faults import Fault, Path
from envkit.engines import engine_names
from envkit.errors import EnvkitError
from envkit.generate.quoting import image_reference
from envkit.model.project import BaseTable, ProfileTable, Project, RunTable, SourcesTable
from envkit.model.request import Spec
from envkit.model.reserved import CPU
from envkit.model.resolution import Base
from envkit.project.mounts import parse_mount
from envkit.resolve.spec import parse_spec
from envkit.resolve.versions import parse_range, python_allowed

# What is a name of directories, containers and images alike.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
# Part of a file's name, `pylock.NAME.toml`, in which PEP 751 allows no dot.
_PROFILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# https://www.debian.org/doc/debian-policy/ch-controlfields.html#source, and what names of RPM packages have besides.
_SYSTEM_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*(=[A-Za-z0-9][A-Za-z0-9.+~:_^-]*)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIZE = re.compile(r"[1-9][0-9]{0,11}[bkmg]?", re.IGNORECASE)
_LARGEST_PORT = 65535
_SCHEMES = frozenset({"http", "https"})

_Check = Callable[[str], str | None]
"""Returns what is wrong with a text, None where it is right."""


def find_faults(project: Project) -> tuple[Fault, ...]:
    """Return everything that is wrong, in the order of the fields."""
    return tuple(
        Fault(problem=f"{problem} in", path=path)
        for path, problem in (
            *_one(("name",), project.name, check_name),
            *_each(("recipes",), project.recipes, check_spec),
            *_each(("packages",), project.packages, check_requirement),
            *_one(("requirements",), project.requirements, _file_name),
            *_each(("system_packages",), project.system_packages, check_system_package),
            *_one(("python",), project.python, check_python),
            *_base(("base",), project.base),
            *_profiles(project.profiles),
            *_run(project.run),
            *_sources(project.sources),
        )
    )


def check_spec(text: str) -> str | None:
    """Say what is wrong with a recipe and its range."""
    try:
        spec = parse_spec(text)
        recipe = load_recipe(spec.recipe)
        parse_range(spec.range)
    except EnvkitError as error:
        return _sentence(error)
    return _unknown_extra(spec, {row.extra for row in recipe.companions})


def check_requirement(text: str) -> str | None:
    """Say what is wrong with a requirement of a Python package."""
    try:
        Requirement(text)
    except InvalidRequirement as error:
        return f"not a requirement such as `numpy>=2` ({str(error).partition(chr(10))[0]}): `{text}`"
    return None


def check_image(text: str) -> str | None:
    """Say what is wrong with the reference of an image."""
    try:
        image_reference(Base(image=text))
    except EnvkitError as error:
        return _sentence(error)
    return None


def _sentence(error: EnvkitError) -> str:
    hint = f" ({error.hints[0]})" if error.hints and error.hints[0].startswith("did you mean") else ""
    return f"{error.message}{hint}"


def _unknown_extra(spec: Spec, known: set[str]) -> str | None:
    unknown = [extra for extra in spec.extras if extra not in known]
    if not unknown:
        return None
    listed = ", ".join(f"`{extra}`" for extra in sorted(known)) or "none"
    return f"the recipe `{spec.recipe}` has no such extra, it has {listed}: `{unknown[0]}`"


def _one(path: Path, value: str | None, check: _Check) -> Iterator[tuple[Path, str]]:
    problem = None if value is None else check(value)
    if problem is not None:
        yield path, problem


def _each(path: Path, values: Sequence[str], check: _Check) -> Iterator[tuple[Path, str]]:
    for index, value in enumerate(values):
        yield from _one((*path, index), value, check)


def _matching(pattern: re.Pattern[str], rule: str) -> _Check:
    return lambda text: None if pattern.fullmatch(text) else f"{rule}: `{text}`"


check_name = _matching(
    _NAME, "a name has up to 63 lower-case letters, digits, `-`, `_` and `.`, a letter or digit first"
)
_profile = _matching(_PROFILE, "a profile's name is part of file names: lower-case letters, digits, `-` and `_`")
check_system_package = _matching(_SYSTEM_PACKAGE, "a system package is `name`, or `name=version`")
check_variable = _matching(_VARIABLE, "a variable's name has letters, digits and `_`, no digit first")
check_size = _matching(_SIZE, "a size is a number with `k`, `m` or `g`, such as `8g`")


def _file_name(text: str) -> str | None:
    return None if text.strip() and not text.endswith("/") else f"the path of a file is expected: `{text}`"


def check_python(text: str) -> str | None:
    """Say what is wrong with a range of Python versions."""
    try:
        python_allowed(text, "3.12", "3.12.0")
    except EnvkitError:
        return f"a range of Python versions is written `3.12` or `>=3.11`: `{text}`"
    return None


def _base(path: Path, table: BaseTable) -> Iterator[tuple[Path, str]]:
    yield from _one((*path, "os"), table.os, check_system)
    yield from _one((*path, "image"), table.image, check_image)
    if table.os is not None and table.image is not None:
        yield path, "`image` decides which system there is, so that it goes without `os`,"


def check_system(text: str) -> str | None:
    """Say what is wrong with the name of a base image's system."""
    rows = (*load_foundations().bases, *(row for vendor in load_vendors() for row in vendor.bases))
    known = sorted({row.os for row in rows if row.os is not None})
    if text in known:
        return None
    return f"no base image has this system, there are {', '.join(f'`{name}`' for name in known)}: `{text}`"


def _profiles(profiles: Mapping[str, ProfileTable]) -> Iterator[tuple[Path, str]]:
    for name, profile in profiles.items():
        path: Path = ("profiles", name)
        yield from _one(path, name, _profile)
        yield from _hardware(path, profile)
        yield from _one((*path, "engine"), profile.engine, _engine)
        yield from _one((*path, "python"), profile.python, check_python)
        yield from _each((*path, "recipes"), profile.recipes or (), check_spec)
        yield from _each((*path, "packages"), profile.packages, check_requirement)
        if profile.base is not None:
            yield from _base((*path, "base"), profile.base)


def _hardware(path: Path, profile: ProfileTable) -> Iterator[tuple[Path, str]]:
    if profile.target is not None and profile.host is not None:
        yield path, "`target` and `host` both name the hardware: one of them is enough,"
    yield from _one((*path, "target"), profile.target, _target)
    yield from _one((*path, "host"), profile.host, _file_name)
    yield from _one((*path, "on"), profile.on, _vendor)
    devices = profile.devices
    if devices is not None and (any(index < 0 for index in devices) or len(set(devices)) != len(devices)):
        yield (*path, "devices"), "indices of devices are numbers from 0 on, each once,"


def _target(text: str) -> str | None:
    from envkit.data import load_matrix
    from envkit.resolve.targets import target_facts

    try:
        target_facts(text, load_matrix(()))
    except EnvkitError as error:
        return _sentence(error)
    return None


def _vendor(text: str) -> str | None:
    known = sorted({CPU, *(vendor.name for vendor in load_vendors())})
    if text.lower() in known:
        return None
    return f"no vendor has this name, there are {', '.join(f'`{name}`' for name in known)}: `{text}`"


def _engine(text: str) -> str | None:
    known = engine_names()
    return None if text in known else f"an engine is one of {', '.join(f'`{name}`' for name in known)}: `{text}`"


def _run(table: RunTable) -> Iterator[tuple[Path, str]]:
    for index, port in enumerate(table.ports):
        yield from _one(("run", "ports", index), str(port), check_port)
        if port in table.ports[:index]:
            yield ("run", "ports", index), f"the port stands there twice: `{port}`"
    yield from _each(("run", "mounts"), table.mounts, check_mount)
    for name in table.env:
        yield from _one(("run", "env", name), name, check_variable)
    yield from _one(("run", "shm"), table.shm, check_size)
    if isinstance(table.command, str):
        yield from _one(("run", "command"), table.command, _command)


def check_port(text: str) -> str | None:
    """Say what is wrong with a port."""
    right = text.isdecimal() and 0 < int(text) <= _LARGEST_PORT
    return None if right else f"a port is a number from 1 to {_LARGEST_PORT}: `{text}`"


def check_mount(text: str) -> str | None:
    """Say what is wrong with a mount."""
    try:
        parse_mount(text, FilePath("/"))
    except (EnvkitError, RuntimeError) as error:  # RuntimeError: nobody has the home of `~somebody`
        return _sentence(error) if isinstance(error, EnvkitError) else f"{error}: `{text}`"
    return None


def _command(text: str) -> str | None:
    try:
        shlex.split(text)
    except ValueError as error:
        return f"the command cannot be taken apart ({str(error).lower()}): `{text}`"
    return None


def _sources(table: SourcesTable) -> Iterator[tuple[Path, str]]:
    yield from _one(("sources", "index"), table.index, _address)
    for name, address in table.indexes.items():
        yield from _one(("sources", "indexes", name), address, _address)


def _address(text: str) -> str | None:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        return f"not an address ({str(error).lower()}): `{text}`"
    if parts.scheme == "file" or (parts.scheme in _SCHEMES and parts.hostname):
        return None
    return f"the address of an index begins with `https://`: `{text}`"
