"""Starting environments, and reaching those that stand."""

from collections.abc import Callable
from difflib import get_close_matches

from envkit.engines import load_engine
from envkit.engines.ladder import NATIVE, usable_engines
from envkit.engines.protocol import Engine, ignore
from envkit.errors import UnknownEnvironmentError
from envkit.model.environment import Built, Environment
from envkit.model.host import ContainerEngine
from envkit.model.plan import Plan


def run_environment(engine: Engine, plan: Plan, built: Built, note: Callable[[str], None] = ignore) -> Environment:
    """Start what was built as a candidate beside the environment that has the name; raises `RunError`.

    `note` gets a sentence for everything that had to be done differently on this machine.
    """
    return engine.start(plan, built, note)


def standing_environments(engines: tuple[ContainerEngine, ...]) -> tuple[tuple[Engine, Environment], ...]:
    """Return the environments of this user on all usable engines, sorted by name."""
    found = [
        (engine, environment)
        for engine in (load_engine(name) for name in (NATIVE, *usable_engines(engines)))
        for environment in engine.environments()
    ]
    return tuple(sorted(found, key=lambda pair: pair[1].name))


def find_environment(name: str, engines: tuple[ContainerEngine, ...]) -> tuple[Engine, Environment]:
    """Return the environment of this name with its engine; raises `UnknownEnvironmentError` with similar names."""
    for engine in (load_engine(engine) for engine in (NATIVE, *usable_engines(engines))):
        environment = engine.find(name)
        if environment is not None:
            return engine, environment
    names = [environment.name for _, environment in standing_environments(engines)]
    close = get_close_matches(name, names, n=3)
    hints = tuple(f"did you mean `{similar}`?" for similar in close) or ("envkit ls",)
    message = f"no environment has this name: {name}"
    raise UnknownEnvironmentError(message, hints=hints)
