"""Cog's `cog.yaml`.

Format: https://github.com/replicate/cog/blob/main/docs/yaml.md
"""

from collections.abc import Callable

from envkit.data.documents import load_document, load_positions, position_of
from envkit.errors import DataError
from envkit.project.drafts import Draft, LeftOut, Line, Read
from envkit.project.imports import Role
from envkit.project.requirement_lines import read_lines

NAMES = ("cog.yaml", "cog.yml")
RANK = 10
ROLE: Role = "environment"

_COMMANDS = "commands are not part of a project file: packages go into `packages` and `system_packages`"
_DECIDED = "it is chosen for the machine, with the framework's build"
_REASONS = {
    "cuda": (_DECIDED, False),
    "cudnn": (_DECIDED, False),
    "gpu": ("which hardware there is stands in `profiles`", False),
    "run": (_COMMANDS, True),
    "pre_install": (_COMMANDS, True),
}
_OUTER = {
    "predict": "how the model is served is up to its program",
    "train": "how the model is trained is up to its program",
    "image": "an image's name is given when it is built",
    "concurrency": "how the model is served is up to its program",
}
_TAKEN = frozenset({"python_version", "python_packages", "python_requirements", "system_packages"})


def import_file(text: str, path: str, read: Read) -> Draft:
    """Make a draft of a Cog model; raises `DataError` with file and line."""
    document = load_document(text, path)
    if not isinstance(document, dict):
        raise DataError(f"a mapping is expected, with `build`: {path}:1")
    places = load_positions(text, path)

    def place_of(*keys: str | int) -> str:
        return f"{path}:{position_of(keys, places)[0]}"

    build = document.get("build") or {}
    if not isinstance(build, dict):
        raise DataError(f"a mapping is expected in `build`: {place_of('build')}")
    packages = _texts(build, "python_packages", place_of)
    lines = [Line(text=item, place=place_of("build", "python_packages", at)) for at, item in enumerate(packages)]
    requirements = build.get("python_requirements")
    if requirements is not None:
        lines.append(Line(text=f"-r {requirements}", place=place_of("build", "python_requirements")))
    found = read_lines(lines, path, read)
    version = build.get("python_version")
    return Draft(
        source=path,
        python=None if version is None else _python(version, place_of("build", "python_version")),
        lines=found.lines,
        constraints=found.constraints,
        index=found.index,
        extra_indexes=found.extra_indexes,
        system_packages=_texts(build, "system_packages", place_of),
        env=_environment(document, place_of),
        left_out=(*found.left_out, *_left_out(document, build, place_of)),
    )


def _texts(build: dict[str, object], key: str, place_of: Callable[..., str]) -> tuple[str, ...]:
    items = build.get(key) or []
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise DataError(f"a list of texts is expected in `build.{key}`: {place_of('build', key)}")
    return tuple(map(str, items))


def _python(version: object, place: str) -> str:
    if isinstance(version, float):
        # YAML reads 3.10 as 3.1, and nobody can tell which was meant.
        raise DataError(f'put the version in quotes, as in `"3.12"`: {place}')
    return str(version)


def _environment(document: dict[str, object], place_of: Callable[..., str]) -> dict[str, str]:
    """Return the variables, which Cog has as a list of `NAME=value`."""
    items = document.get("environment") or []
    if not isinstance(items, list):
        raise DataError(f"a list is expected in `environment`: {place_of('environment')}")
    pairs = (str(item).partition("=") for item in items)
    return {name: value for name, _, value in pairs}


def _left_out(document: dict[str, object], build: dict[str, object], place_of: Callable[..., str]) -> list[LeftOut]:
    found: list[LeftOut] = []
    for key in build.keys() - _TAKEN:
        reason, lost = _REASONS.get(key, ("a project file has no field for it", True))
        found.append(LeftOut(what=f"`build.{key}`", place=place_of("build", key), reason=reason, lost=lost))
    for key in document.keys() - {"build", "environment"}:
        reason = _OUTER.get(key, "a project file has no field for it")
        found.append(LeftOut(what=f"`{key}`", place=place_of(key), reason=reason, lost=key not in _OUTER))
    return sorted(found, key=lambda left: (int(left.place.rpartition(":")[2]), left.what))
