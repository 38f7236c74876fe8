"""What is in the environment of a plan, as bills of materials name it: package URLs and hashes, no address of a user.

Package URLs follow https://github.com/package-url/purl-spec/blob/main/purl-types-index.json
"""

from typing import Literal
from urllib.parse import quote

from envkit.model.plan import Plan
from envkit.model.text import check_text
from envkit.model.value import Value

_DOCKER_HUB = "docker.io"


class Material(Value):
    """One thing that the environment is made of."""

    kind: Literal["python", "system", "image"]
    name: str
    version: str | None
    purl: str
    sha256: str | None = None  # of the wheel or image


def list_materials(plan: Plan) -> tuple[Material, ...]:
    """Return the base image, the packages of its distribution that are added, and the Python packages.

    They come in this order, packages by name; what the base image brings built for the vendor is among them.
    Raises `UnsafeTextError` for control characters in a name or version.
    """
    base = () if plan.base is None else (_image(plan.base.image, plan.base.digest),)
    return (*base, *_system_packages(plan), *_python_packages(plan))


def _python_packages(plan: Plan) -> tuple[Material, ...]:
    indexes = {package: index.url for index in plan.indexes for package in index.packages}
    inside = tuple(
        Material(
            kind="python",
            name=check_text(name, "the name of a package"),
            version=check_text(version, "the version of a package"),
            purl=_purl("generic", (), name, version),
        )
        for name, version in plan.brought.items()
    )
    locked = tuple(
        Material(
            kind="python",
            name=check_text(package.name, "the name of a package"),
            version=check_text(package.version, "the version of a package"),
            purl=_purl("pypi", (), package.name, package.version, repository_url=indexes.get(package.name)),
            sha256=package.file.sha256,
        )
        for package in plan.lock.packages
    )
    return tuple(sorted((*inside, *locked), key=lambda material: material.name))


def _system_packages(plan: Plan) -> tuple[Material, ...]:
    if plan.base is None:
        return ()
    system, _, _ = (plan.base.os or "").partition("-")
    kind = "generic" if plan.package_manager is None else plan.package_manager.purl
    return tuple(
        Material(
            kind="system",
            name=check_text(package.name, "the name of a system package"),
            version=package.version,
            purl=_purl(kind, (system,) if system else (), package.name, package.version, distro=plan.base.os),
        )
        for package in sorted(plan.system_packages, key=lambda package: package.name)
    )


def _image(reference: str, digest: str | None) -> Material:
    named, _, written = check_text(reference, "a base image").partition("@")
    repository, separator, tag = named.rpartition(":")
    if not separator or "/" in tag:
        repository, tag = named, ""
    digest = digest or written or None
    registry, _, path = repository.rpartition("/")
    first = registry.partition("/")[0]
    if "." not in first and ":" not in first and first != "localhost":
        # https://docs.docker.com/reference/cli/docker/image/tag/: names without a registry are those of Docker Hub.
        registry = f"{_DOCKER_HUB}/{registry or 'library'}"
    return Material(
        kind="image",
        name=repository,
        version=tag or None,
        purl=_purl("oci", (), path, digest, repository_url=f"{registry}/{path}", tag=tag or None),
        sha256=digest.removeprefix("sha256:") if digest is not None else None,
    )


def _purl(kind: str, namespace: tuple[str, ...], name: str, version: str | None, **qualifiers: str | None) -> str:
    """Return a package URL; each part is percent-encoded, qualifiers are sorted by key."""
    path = "/".join(quote(part, safe="") for part in (*namespace, name))
    number = "" if version is None else f"@{quote(version, safe=':')}"
    given = "&".join(f"{key}={quote(value, safe=':/')}" for key, value in sorted(qualifiers.items()) if value)
    return f"pkg:{kind}/{path}{number}{f'?{given}' if given else ''}"
