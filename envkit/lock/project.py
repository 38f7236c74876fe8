"""The generated project that uv locks: what was chosen, and which index serves which package."""

import json
import re

from envkit.model.address import restore_credentials
from envkit.model.resolution import Chosen, PackageIndex
from envkit.model.sources import PackageSources

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
# A name that no package of an index has, since it is what uv calls the project in its explanations.
PROJECT_NAME = "this-environment"


def project_text(chosen: Chosen, sources: PackageSources, routed: frozenset[str]) -> str:
    """Return the `pyproject.toml` for `uv pip compile`.

    `routed` are packages that nobody asked for but that others need and an index is named for: uv sends only direct
    dependencies to an index, so they are written down as such. What the base image brings is left out.
    """
    pins = [f"{name}=={version}" for name, version in sorted(chosen.packages.items()) if name not in chosen.brought]
    dependencies = [*pins, *chosen.requirements, *sorted(routed)]
    python = chosen.python.removesuffix("t")
    named = _named(chosen.indexes)
    lines = [
        "[project]",
        f"name = {_text(PROJECT_NAME)}",
        'version = "0"',
        f"requires-python = {_text(f'=={python}.*')}",
        f"dependencies = [{', '.join(map(_text, dependencies))}]",
        "",
        "[tool.uv.sources]",
        *(f"{_text(package)} = {{ index = {_text(name)} }}" for name, index in named for package in index.packages),
    ]
    for name, index in named:
        lines += ["", *_index_lines(name, index, sources)]
    return "\n".join(lines) + "\n"


def indexed_packages(chosen: Chosen) -> frozenset[str]:
    """Return the packages that an index is named for and that are not dependencies by themselves."""
    direct = {_package_name(requirement) for requirement in (*chosen.packages, *chosen.requirements)}
    return frozenset(package for index in chosen.indexes for package in index.packages) - direct


def _index_lines(name: str, index: PackageIndex, sources: PackageSources) -> list[str]:
    return [
        "[[tool.uv.index]]",
        f"name = {_text(name)}",
        # A resolution is shown and kept, so its addresses have no credentials; the settings have them.
        f"url = {_text(restore_credentials(index.url, sources))}",
        *(['format = "flat"'] if index.flat else []),
        "explicit = true",
    ]


def _named(indexes: tuple[PackageIndex, ...]) -> tuple[tuple[str, PackageIndex], ...]:
    """Return the indexes with names that uv takes, each once: several wheelhouses share theirs."""
    named: dict[str, PackageIndex] = {}
    for index in indexes:
        name = base = _NOT_IN_NAMES.sub("-", index.name)
        number = 1
        while name in named:
            number += 1
            name = f"{base}-{number}"
        named[name] = index
    return tuple(named.items())


def _package_name(requirement: str) -> str:
    name = re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _text(value: str) -> str:
    """Return a TOML string: JSON's escapes are TOML's as well, but for DEL, which no name or address may hold."""
    return json.dumps(value, ensure_ascii=False)
