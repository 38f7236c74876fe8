"""What BuildKit builders can do, as buildx describes them."""

import os
import re
from collections.abc import Mapping
from shutil import which

import msgspec

from envkit.engines.builders import BuilderCapabilities
from envkit.errors import EngineNotReadyError
from envkit.generate.options import Dialect
from envkit.model.text import strip_controls
from envkit.system.command import Command, Completed, run_command

PROBE_SECONDS = 20.0
_OLDEST_BUILDX = (0, 13)  # the first with `--progress=rawjson`
# podman answers to `docker buildx version` too, with the version of buildah.
_BUILDX = re.compile(r"\S*/buildx v?(?P<major>\d+)\.(?P<minor>\d+)")
_VERSION = re.compile(r"v?(\d+)\.(\d+)")
_FIRST_WITH_LINK = (0, 10)  # and with heredocs: https://docs.docker.com/build/buildkit/dockerfile-release-notes/#140
_FIRST_WITH_ATTESTATIONS = (0, 11)
_FIRST_ENGINE_VERSION = 17  # an engine before 23 tells its own version in place of BuildKit's
_CONTAINERD_LABEL = "org.mobyproject.buildkit.worker.snapshotter:"
_LOCAL_DRIVER = "docker"  # inside the engine, in whose store its images are


class Inspected(msgspec.Struct, frozen=True, kw_only=True):
    """A builder as `docker buildx inspect` describes it."""

    name: str
    driver: str
    version: str | None = None
    platforms: tuple[str, ...] = ()
    containerd_store: bool = False
    error: str | None = None  # why it does not answer


def find_buildx() -> str:
    """Return the first `docker` of the search path that has a buildx of use; raises `EngineNotReadyError`."""
    seen = []
    for directory in dict.fromkeys(os.environ.get("PATH", os.defpath).split(os.pathsep)):
        client = which("docker", path=directory) if directory else None
        if client is None:
            continue
        completed = run_command(Command(argv=(client, "buildx", "version"), timeout_seconds=PROBE_SECONDS))
        if completed.ok and _buildx_version(completed.stdout) >= _OLDEST_BUILDX:
            return client
        seen.append(f"{client}: {_said(completed)}")
    needed = ".".join(map(str, _OLDEST_BUILDX))
    message = f"no `docker` command with buildx of version >={needed}"
    hints = (
        "apt-get install docker-buildx",
        "https://docs.docker.com/go/buildx/",
        "the same command with `--native` needs no engine",
    )
    raise EngineNotReadyError(message, facts=tuple(seen) or ("no `docker` on the search path",), hints=hints)


def probe_builder(client: str, builder: str | None, environment: Mapping[str, str]) -> Inspected:
    """Ask buildx for a builder, the current one when no name is given; raises `EngineNotReadyError` when it is gone."""
    argv = (client, "buildx", "inspect", *(() if builder is None else ("--", builder)))
    completed = run_command(Command(argv=argv, environment=environment, timeout_seconds=PROBE_SECONDS))
    inspected = read_inspection(completed.stdout)
    if not completed.ok or inspected is None or inspected.error is not None:
        reason = inspected.error if inspected is not None and inspected.error else _said(completed)
        message = f"the builder cannot be used ({reason}): {builder or 'the current one of `docker buildx`'}"
        raise EngineNotReadyError(message, hints=("docker buildx ls",))
    return inspected


def read_inspection(text: str) -> Inspected | None:
    """Return what `docker buildx inspect` printed; None when it is something else.

    ```text
    Name:          default
    Driver:        docker

    Nodes:
    Name:             default
    Status:           running
    BuildKit version: v0.12.5
    Platforms:        linux/amd64, linux/arm64
    Labels:
     org.mobyproject.buildkit.worker.snapshotter:          overlayfs
    ```
    """
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, found, value = line.partition(":")
        if found and not line.startswith(" "):
            fields.setdefault(key, value.strip())
    if "Name" not in fields or "Driver" not in fields:
        return None
    platforms = fields.get("Platforms", "").replace("*", "").split(", ")
    error = fields.get("Error")
    return Inspected(
        name=fields["Name"],
        driver=fields["Driver"],
        version=fields.get("BuildKit version", fields.get("Buildkit", fields.get("BuildKit"))),
        platforms=tuple(platform for platform in platforms if platform),
        containerd_store=any(line.strip().startswith(_CONTAINERD_LABEL) for line in text.splitlines()),
        error=None if error is None else strip_controls(error),
    )


def buildkit_capabilities(inspected: Inspected, kind: str = "buildx") -> BuilderCapabilities:
    """Return what a BuildKit builder can do.

    A version that it does not tell is taken for a recent one: builders are started with the newest BuildKit, and
    engines that do not name their version were built from its newest source.
    """
    local = inspected.driver == _LOCAL_DRIVER
    apart = not local or inspected.containerd_store
    recent = _is_at_least(inspected.version, _FIRST_WITH_LINK)
    return BuilderCapabilities(
        kind=kind,
        dialect=Dialect.BUILDKIT if recent else Dialect.PORTABLE,
        driver=inspected.driver,
        version=inspected.version,
        store="docker" if local else None,
        containerd_store=local and inspected.containerd_store,
        platforms=inspected.platforms or None,
        oci_output=apart,
        attestations=apart and _is_at_least(inspected.version, _FIRST_WITH_ATTESTATIONS),
        link=recent,
        heredocs=recent,
        cache_mounts=True,
        cache_export=apart,
        cost=_cost(inspected, local=local, recent=recent),
    )


def _cost(inspected: Inspected, *, local: bool, recent: bool) -> tuple[str, ...]:
    sentences = []
    if not local:
        sentences.append(f"builder `{inspected.name}` ({inspected.driver}): the image is brought here when it is built")
    if not recent:
        sentences.append(
            f"BuildKit {inspected.version} knows no `COPY --link`: wheels are fetched here and sent with the context"
        )
    return tuple(sentences)


def _is_at_least(version: str | None, needed: tuple[int, int]) -> bool:
    found = None if version is None else _VERSION.match(version)
    if found is None:
        return True
    numbers = (int(found[1]), int(found[2]))
    return numbers == (0, 0) or needed <= numbers < (_FIRST_ENGINE_VERSION, 0)


def _buildx_version(text: str) -> tuple[int, ...]:
    """Return the version from `github.com/docker/buildx v0.13.1 788433953a`; (0, 0) for other tools and words."""
    found = _BUILDX.match(text)
    return (0, 0) if found is None else (int(found["major"]), int(found["minor"]))


def _said(completed: Completed) -> str:
    text = completed.stdout.strip() or completed.stderr.strip()
    return completed.failure or strip_controls(text.partition("\n")[0]) or f"exit status {completed.status}"
