"""Which builder is used: the one that was named, or the best that works here, and why no better one.

1. BuildKit through buildx: the builder of `BUILDX_BUILDER`, of `docker buildx use`, or the engine's own
2. BuildKit at `BUILDKIT_HOST`
3. podman or buildah
4. the classic builder of the Docker Engine

An engine without BuildKit of its own is served by its own builder before those that others have.
"""

import os
from collections.abc import Callable
from functools import partial

from envkit.engines.builders import Builder
from envkit.engines.builders.buildah import PROGRAMS, find_buildah
from envkit.engines.builders.buildkit_host import HOST_BUILDER, HOST_VARIABLE, at_host
from envkit.engines.builders.buildx import named_builder
from envkit.engines.builders.legacy import LEGACY, ClassicEngine, LegacyBuilder
from envkit.errors import EngineNotReadyError

_Find = Callable[[], Builder]
_Classic = Callable[[], ClassicEngine]


def choose_builder(
    name: str | None, store: str | None, note: Callable[[str], None], *, classic: _Classic | None = None
) -> Builder:
    """Return the builder of this name, or the best one for an engine's store; None for no engine at all.

    `classic` returns the engine's own way to build where it has one without BuildKit. `note` gets the sentence that
    says which builder is used. Raises `EngineNotReadyError` with what is wrong with each.
    """
    name = name or os.environ.get("BUILDX_BUILDER") or None
    if name is not None:
        return _named(name, store, classic)
    refusals: list[str] = []
    for find in _rungs(store, classic):
        try:
            builder = find()
        except EngineNotReadyError as error:
            refusals.append("; ".join((error.message, *error.facts)))
        else:
            note(_sentence(builder, refusals))
            return builder
    hints = ("apt-get install docker-buildx", "apt-get install podman")
    raise EngineNotReadyError("nothing here can build an image", facts=tuple(refusals), hints=hints)


def _named(name: str, store: str | None, classic: _Classic | None) -> Builder:
    if name in PROGRAMS:
        return find_buildah(name, store)
    if name == HOST_BUILDER:
        return at_host()
    if name == LEGACY:
        return _legacy(classic)
    return named_builder(name)


def _rungs(store: str | None, classic: _Classic | None) -> tuple[_Find, ...]:
    """Return how to find each builder, best first; one that nobody has set up is not even looked for."""
    own = tuple(partial(find_buildah, program, store) for program in PROGRAMS)
    host = (at_host,) if os.environ.get(HOST_VARIABLE) else ()
    if store in PROGRAMS:
        return (*host, *own)
    last = () if classic is None else (partial(_legacy, classic),)
    if classic is not None and os.environ.get("DOCKER_BUILDKIT") == "0":
        return last
    return (partial(named_builder, None), *host, *own, *last)


def _legacy(classic: _Classic | None) -> Builder:
    if classic is None:
        raise EngineNotReadyError("the classic builder is a part of the Docker Engine, which is not used here")
    return LegacyBuilder(classic())


def _sentence(builder: Builder, refusals: list[str]) -> str:
    can = builder.capabilities
    version = f" {can.version}" if can.version else ""
    kind = f"{can.kind} ({can.driver})" if can.driver else can.kind
    why = f"; not better, because {'; '.join(refusals)}" if refusals else ""
    return f"built by {kind}{version}: {builder.name}{why}"
