"""The text of a new project file: every field that it has, explained, and those that it could have as comments."""

from collections.abc import Iterator

import msgspec

from envkit.generate.yaml_text import YamlValue, yaml_text
from envkit.model.project import Project
from envkit.model.text import strip_controls
from envkit.model.value import to_json
from envkit.project.starting import Start

_HEAD = """\
# What this project needs. `envkit up` makes the environment, `envkit resolve` says what it would be and why,
# `envkit lock` keeps it as it is. Fields: docs/how-to/project.md of envkit; `envkit matrix schema envkit/1`.
"""
# For each field what it is about, and what it could look like where the project has none.
_EXPLAINED: dict[str, tuple[str, str]] = {
    "name": ("Name of the environment.", "name: my-project"),
    "recipes": (
        "Frameworks, with a range of versions where one matters; their builds are chosen for the hardware.",
        "",
    ),
    "packages": ("Further Python packages.", "packages: [transformers, jupyterlab]"),
    "requirements": ("A file with further ones.", "requirements: requirements.txt"),
    "system_packages": ("Packages of the container's system.", "system_packages: [git, ffmpeg]"),
    "python": ("Versions of Python that may be used.", 'python: ">=3.11"'),
    "base": ("What containers are made on; `flavor: devel` has compilers as well.", "base: {flavor: devel}"),
    "profiles": (
        "Hardware that the project is for. Without `--profile`, the first that fits a machine is taken there.",
        'profiles: {gpu: {target: "a100*4, driver>=535"}, laptop: {on: cpu}}',
    ),
    "run": (
        "How it is used: ports of this machine alone, directories beside this file, variables, memory to share.",
        'run: {ports: [8888], mounts: [".:/workspace"], env: {HF_HOME: /cache/hf}, shm: 8g, command: jupyter lab}',
    ),
    "sources": ("Where packages come from, if not from what this machine is set to.", "sources: {wheelhouse: wheels/}"),
}


def project_text(start: Start) -> str:
    """Return a project file with its comments; raises `UnsafeTextError` for text that has no place in one."""
    fields = _fields(start.project)
    parts = [_HEAD, *_origin(start), f"format: {Project.__struct_config__.tag}\n"]
    for name, (explanation, example) in _EXPLAINED.items():
        lines = [f"# {explanation}", *_remarks(name, start)]
        body = yaml_text({name: fields[name]}) if name in fields else f"# {example}\n"
        parts.append("\n".join(lines) + f"\n{body}")
    return "\n".join(part if part.endswith("\n") else f"{part}\n" for part in parts)


def _fields(project: Project) -> dict[str, YamlValue]:
    """Return the fields that are set, as plain values."""
    fields: dict[str, YamlValue] = msgspec.json.decode(to_json(project))
    return {name: value for name, value in fields.items() if value not in ({}, [], None)}


def _origin(start: Start) -> Iterator[str]:
    if start.sources:
        yield f"# Taken from {', '.join(strip_controls(source) for source in start.sources)}.\n"


def _remarks(name: str, start: Start) -> Iterator[str]:
    if name == "recipes" and start.suggested:
        yield "# Nothing told what is needed here: put what you use. `envkit matrix show` lists all recipes."
    if name == "base" and start.image is not None:
        yield f"# It was {strip_controls(start.image)}; `image` takes one that brings Python with `venv`."
    if name == "profiles":
        for profile, title in start.machine.items():
            if profile in start.project.profiles:
                yield f"# {profile} is this machine: {title}"
