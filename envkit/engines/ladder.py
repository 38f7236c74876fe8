"""The ladder: which engines can serve a request on this machine, best first, and why.

Each rung is an engine that runs environments; its builder is found when something is built (`builders/choice.py`):
BuildKit through buildx, `BUILDKIT_HOST`, podman or buildah, the Docker Engine's classic builder. The last rung is the
native environment.
"""

from collections.abc import Callable
from typing import cast

import msgspec

from envkit.engines import engine_names, load_engine
from envkit.engines.protocol import Engine
from envkit.errors import EngineNotReadyError, EnvironmentTakenError
from envkit.model.availability import Availability, ImageState
from envkit.model.host import ContainerEngine, HostFacts
from envkit.model.request import Mode, Request

NATIVE = "native"
# The docker command has no buildx: podman, buildah or the engine's classic builder take its place.
_NO_BUILDER = "no-builder"


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One engine that can be tried."""

    engine: Engine
    mode: Mode
    reason: str  # a sentence that says why this engine
    facts: HostFacts  # of the machine on which it makes environments
    find_base: Callable[[str], ImageState] | None = None  # None: the engine has no base images


def climb_ladder(facts: HostFacts, request: Request, name: str) -> tuple[Rung, ...]:
    """Return the engines to try, best first; at least one.

    An environment keeps its engine. Raises `EngineNotReadyError` when the engine asked for cannot be used, and
    `EnvironmentTakenError` when the name belongs to an environment of another engine than the one asked for.
    """
    wanted = request.engine or (NATIVE if request.mode is Mode.NATIVE else None)
    holder = _holder(facts, name)
    if wanted is not None:
        if holder not in (None, wanted):
            rung = _asked(facts, request, wanted)
            message = f"the name belongs to an environment of engine `{holder}`: {name}"
            raise EnvironmentTakenError(
                message, hints=(f"{_command(request, rung.engine.name)} --name {name}-{wanted}", f"envkit rm {name}")
            )
        return (_asked(facts, request, wanted),)
    if holder is not None:
        return (_rung(facts, holder, f"{_title(facts, holder)}, which this environment already has"),)
    usable = usable_engines(facts.engines or ())
    containers = tuple(_rung(facts, engine, _reason(facts, engine, usable)) for engine in usable)
    if request.mode is Mode.CONTAINER:
        if not containers:
            raise EngineNotReadyError(
                "no container engine can be used here", facts=_refusals(facts), hints=_hints(facts, request)
            )
        return containers
    return (*containers, _rung(facts, NATIVE, _why_native(facts, tried=bool(containers))))


def _command(request: Request, engine: str) -> str:
    """Return the command that asks for the same on another engine."""
    # `ls` and `exec` climb no ladder: they must not load the resolver.
    from envkit.resolve.command import request_command

    return request_command(msgspec.structs.replace(request, engine=engine, mode=None, name=None), Availability())


def _asked(facts: HostFacts, request: Request, name: str) -> Rung:
    if name == NATIVE:
        return _rung(facts, NATIVE, "native, as asked")
    if name in usable_engines(facts.engines or ()):
        return _rung(facts, name, f"{_title(facts, name)}, as asked")
    found = _fact(facts, name)
    if found is None:
        message = f"no such engine was found on this machine: {name}"
        raise EngineNotReadyError(message, facts=_refusals(facts), hints=(_command(request, NATIVE),))
    if name not in engine_names():
        message = f"this version of envkit does not drive the engine: {name}"
        raise EngineNotReadyError(message, hints=tuple(_command(request, known) for known in engine_names()))
    message = f"the engine cannot be used ({found.reason or 'unknown reason'}): {name}"
    raise EngineNotReadyError(message, hints=(*found.remedy, _command(request, NATIVE)))


def _rung(facts: HostFacts, name: str, reason: str) -> Rung:
    engine = load_engine(name)
    facts = _led_by(facts, name)
    find_base = cast("Callable[[str], ImageState] | None", getattr(engine, "find_base", None))
    return Rung(
        engine=engine,
        mode=Mode.NATIVE if name == NATIVE else Mode.CONTAINER,
        reason=reason,
        facts=facts.for_engine(name),
        find_base=find_base,
    )


def _led_by(facts: HostFacts, name: str) -> HostFacts:
    """Return the facts with this engine before the others, usable as it is on its rung: what is planned is for it."""
    own = [msgspec.structs.replace(engine, usable=True) for engine in facts.engines or () if engine.name == name]
    others = [engine for engine in facts.engines or () if engine.name != name]
    return msgspec.structs.replace(facts, engines=(*own, *others)) if own else facts


def _can_run(engine: ContainerEngine) -> bool:
    return engine.name in engine_names() and (engine.usable is True or engine.obstacle == _NO_BUILDER)


def usable_engines(engines: tuple[ContainerEngine, ...]) -> tuple[str, ...]:
    """Return the names of the container engines that work here and that envkit can drive."""
    return tuple(engine.name for engine in engines if _can_run(engine))


def _holder(facts: HostFacts, name: str) -> str | None:
    """Return the engine of the environment that has the name."""
    for engine in (NATIVE, *usable_engines(facts.engines or ())):
        if load_engine(engine).find(name) is not None:
            return engine
    return None


def _fact(facts: HostFacts, name: str) -> ContainerEngine | None:
    return next((engine for engine in facts.engines or () if engine.name == name), None)


def _title(facts: HostFacts, name: str) -> str:
    fact = _fact(facts, name)
    if fact is None:
        return name
    version = f" {fact.version}" if fact.version else ""
    builders = {"buildkit": " with BuildKit", "legacy": " without BuildKit"}
    builder = builders.get(fact.builder or "", "")
    elsewhere = f" on another machine ({fact.endpoint})" if fact.elsewhere else ""
    return f"{name}{version}{builder}{elsewhere}"


def _reason(facts: HostFacts, name: str, usable: tuple[str, ...]) -> str:
    """Return which engine it is, and why it is not one that comes before it."""
    if name != usable[0]:
        return f"{_title(facts, name)}, because {usable[0]} cannot serve this request"
    refusals = _refusals(facts)
    return f"{_title(facts, name)}, because {'; '.join(refusals)}" if refusals else _title(facts, name)


def _why_native(facts: HostFacts, *, tried: bool) -> str:
    if tried:
        return "native, because the container engine cannot serve this request"
    refusals = _refusals(facts)
    return f"native, because {'; '.join(refusals)}" if refusals else "native, because no container engine was found"


def _refusals(facts: HostFacts) -> tuple[str, ...]:
    driven = engine_names()
    return tuple(
        f"{engine.name} cannot be used ({engine.reason or 'unknown reason'})"
        if engine.name in driven
        else f"{engine.name} is not driven by this version of envkit"
        for engine in facts.engines or ()
        if not _can_run(engine)
    )


def _hints(facts: HostFacts, request: Request) -> tuple[str, ...]:
    remedies = tuple(remedy for engine in facts.engines or () for remedy in engine.remedy)
    return (*remedies, _command(request, NATIVE))
