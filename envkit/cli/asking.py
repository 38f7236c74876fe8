"""From what was typed and written in a project file to a request and its sources."""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from envkit.cli.asked import Asked
from envkit.cli.checks import check_image, check_package, check_python, check_recipe, written_in
from envkit.cli.hostfile import read_text
from envkit.data import decode_document
from envkit.errors import UsageError
from envkit.model.plan import Mount
from envkit.model.project import Project, SourcesTable
from envkit.model.request import Allowance, Mode, Request, Spec
from envkit.model.sources import PackageSources
from envkit.model.text import check_text
from envkit.resolve.spec import parse_doubt, parse_spec
from envkit.system.sources import read_sources

PROJECT_FILE = "envkit.yaml"
_NAME_LENGTH = 63
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def read_project() -> Project | None:
    """Read `envkit.yaml` of the current directory, None when there is none; raises `DataError`, `UsageError`."""
    try:
        directory = Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the current directory has been removed", hints=("cd",)) from error
    path = directory / PROJECT_FILE
    if not (path.exists() or path.is_symlink()):
        return None
    project = decode_document(read_text(str(path)), str(path), Project)
    return msgspec.structs.replace(project, sources=_absolute(project.sources, directory))


def _absolute(table: SourcesTable, directory: Path) -> SourcesTable:
    """Take the paths of a `sources` table as relative to the project file."""
    wheelhouses = (table.wheelhouse,) if isinstance(table.wheelhouse, str) else table.wheelhouse
    return msgspec.structs.replace(
        table,
        wheelhouse=tuple(str(directory / Path(path).expanduser()) for path in wheelhouses),
        ca_certificate=None
        if table.ca_certificate is None
        else str(directory / Path(table.ca_certificate).expanduser()),
    )


def make_request(asked: Asked, project: Project | None) -> Request:
    """Check what was asked and make it whole; what was typed goes before the project file. Raises `UsageError`."""
    specs = _specs(asked, project)
    python = asked.python if asked.python is not None or project is None else project.python
    if python is not None:
        with written_in(None if asked.python is not None else _in_project("python")):
            check_python(python)
    for package in project.packages if project is not None else ():
        with written_in(_in_project("packages")):
            check_package(package)
    for package in asked.packages:
        check_package(package)
    return Request(
        specs=specs,
        as_of=datetime.now(UTC).date().isoformat(),
        python=python,
        on=asked.on.lower() if asked.on else None,
        devices=parse_devices(asked.devices),
        mode=_mode(asked),
        engine="native" if asked.native else asked.engine,
        packages=(*(project.packages if project is not None else ()), *asked.packages),
        name=asked.name,
        allow=parse_allowances(asked.allow),
        only_index=asked.only_index,
        base_image=None if asked.base_image is None else check_image(asked.base_image),
        why_not=None if asked.why_not is None else parse_doubt(asked.why_not),
    )


def environment_name(asked: Asked, project: Project | None, request: Request) -> str:
    """Return the environment's name: `--name`, the project's, or the recipes'. Raises `UsageError`."""
    theirs = project.name if project is not None and not asked.specs else None
    given = asked.name if asked.name is not None else theirs
    name = given if given is not None else "-".join(spec.recipe for spec in request.specs)
    check_text(name, "the environment's name")
    with written_in(_in_project("name") if asked.name is None and theirs is not None else None):
        _check_name(name)
    return name


def _check_name(name: str) -> None:
    if not (0 < len(name) <= _NAME_LENGTH and name[0].isalnum() and set(name) <= _NAME_CHARACTERS):
        raise UsageError(
            f"a name has up to {_NAME_LENGTH} lower-case letters, digits, `-`, `_` and `.`, "
            f"a letter or digit first: {name}"
        )


def make_sources(asked: Asked, project: Project | None) -> PackageSources:
    """Read the package sources that are configured on this machine; raises `UsageError` and `DataError`."""
    return read_sources(
        os.environ,
        home=str(Path.home()),
        wheelhouses=asked.wheelhouses,
        project=project.sources if project is not None else None,
        offline=asked.offline,
    )


def parse_devices(text: str | None) -> tuple[int, ...] | None:
    """Parse `0,2` into device indices; raises `UsageError`."""
    if text is None or text == "all":
        return None
    try:
        indices = tuple(int(part) for part in text.split(","))
    except ValueError:
        indices = (-1,)
    if any(index < 0 for index in indices) or len(set(indices)) != len(indices):
        raise UsageError(f"`--devices` takes indices as `envkit detect` shows them, such as `0,1`, or `all`: {text}")
    return tuple(sorted(indices))


def parse_allowances(texts: tuple[str, ...]) -> tuple[Allowance, ...]:
    """Read what is allowed, each once and in one order; raises `UsageError`."""
    known = {allowance.value for allowance in Allowance}
    for text in texts:
        if text not in known:
            raise UsageError(f"`--allow` takes {' or '.join(f'`{name}`' for name in sorted(known))}: {text}")
    return tuple(sorted({Allowance(text) for text in texts}))


def parse_mount(text: str) -> Mount:
    """Parse `SOURCE:TARGET[:ro]`; raises `UsageError`."""
    source, _, rest = text.partition(":")
    target, _, option = rest.partition(":")
    path = Path(source).expanduser().absolute()
    if not source or not target.startswith("/") or option not in ("", "ro"):
        raise UsageError(f"a mount is `SOURCE:/TARGET` or `SOURCE:/TARGET:ro`: {text}")
    if not path.is_dir():
        raise UsageError(f"a mount's source must be a directory that exists: {path}")
    return Mount(
        source=check_text(str(path), "a mount's source"),
        target=check_text(target, "a mount's target"),
        read_only=option == "ro",
    )


def _specs(asked: Asked, project: Project | None) -> tuple[Spec, ...]:
    texts = asked.specs or (project.recipes if project is not None else ())
    if not texts:
        raise UsageError(
            f"nothing was asked for, and there is no `{PROJECT_FILE}` with `recipes` here",
            hints=("envkit up pytorch",),
        )
    with written_in(None if asked.specs else _in_project("recipes")):
        specs = tuple(parse_spec(text) for text in texts)
        for spec in specs:
            check_recipe(spec.recipe)
    return specs


def _in_project(key: str) -> str:
    return f"{Path.cwd() / PROJECT_FILE}, `{key}`"


def _mode(asked: Asked) -> Mode | None:
    if asked.native and (asked.container or asked.engine not in (None, "native")):
        raise UsageError("`--native` cannot be used with `--container` or `--engine`")
    native = asked.native or asked.engine == "native"
    if native and asked.base_image is not None:
        raise UsageError("`--base-image` is for containers: it cannot be used with a native environment")
    if native:
        return Mode.NATIVE
    wanted = asked.container or asked.engine is not None or asked.base_image is not None
    return Mode.CONTAINER if wanted else None
