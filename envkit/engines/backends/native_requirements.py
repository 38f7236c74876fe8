"""A lock as a project that uv installs by names and hashes, from the sources of this machine.

The addresses in a project's lock are public ones, which may lead nowhere where packages come from a mirror or a
wheelhouse, so that the sources are searched instead; what they serve is checked against the hashes.
"""

import json

from envkit.data import load_mirrors
from envkit.model.address import mirrored_url
from envkit.model.plan import Plan
from envkit.model.resolution import PackageIndex
from envkit.model.sources import PackageSources


def project_text(plan: Plan, sources: PackageSources) -> str:
    """Return the `pyproject.toml` of a project that needs exactly the locked packages."""
    pins = [f"{package.name}=={package.version}" for package in plan.lock.packages]
    python = plan.python.removesuffix("t")
    # What lies on this machine is found there, and where no index may be asked everything has to be.
    fetched = {package.name for package in plan.lock.packages if package.file.path is None and not sources.no_index}
    indexes = tuple(index for index in plan.indexes if fetched & set(index.packages))
    lines = [
        "[project]",
        'name = "this-environment"',
        'version = "0"',
        f"requires-python = {_text(f'=={python}.*')}",
        f"dependencies = [{', '.join(map(_text, pins))}]",
        "",
        "[tool.uv.sources]",
    ]
    for index in indexes:
        lines += [f"{_text(name)} = {{ index = {_text(index.name)} }}" for name in index.packages if name in fetched]
    for index in indexes:
        url = _text(_address(index, sources))
        lines += ["", "[[tool.uv.index]]", f"name = {_text(index.name)}", f"url = {url}", "explicit = true"]
    return "\n".join(lines) + "\n"


def constraint_lines(plan: Plan) -> str:
    """Return the hash of each locked package, as constraints."""
    packages = plan.lock.packages
    return "".join(f"{each.name}=={each.version} --hash=sha256:{each.file.sha256}\n" for each in packages)


def _address(index: PackageIndex, sources: PackageSources) -> str:
    """Return where this machine reaches a public index: at a mirror of that index, or of its server."""
    if (named := sources.named_indexes.get(index.name)) is not None:
        return named.value
    mirrors = {place: setting.value for place, setting in sources.mirrors.items()}
    return mirrored_url(index.url, mirrors, load_mirrors().places if mirrors else ())


def _text(value: str) -> str:
    """Return a TOML string: JSON's escapes are TOML's as well, but for DEL, which no name or address may hold."""
    return json.dumps(value, ensure_ascii=False)
