"""Engines by name; a backend is the module `backends/NAME.py`, found by its file name."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from envkit.errors import UsageError
from envkit.system.directories import state_directory
from envkit.system.files import lock_directory

if TYPE_CHECKING:
    from envkit.engines.protocol import Engine

_BACKENDS = Path(__file__).parent / "backends"


def engine_names() -> tuple[str, ...]:
    """Return the names of all engines; a module with an underscore in its name is a part of a backend."""
    return tuple(sorted(path.stem for path in _BACKENDS.glob("*.py") if "_" not in path.stem))


def load_engine(name: str) -> "Engine":
    """Return the engine of this name, made by its module's `make_engine()`; raises `UsageError` when there is none."""
    if name not in engine_names():
        message = f"no such engine: `{name}`"
        raise UsageError(message, hints=tuple(f"--engine {known}" for known in engine_names()))
    module = import_module(f"envkit.engines.backends.{name}")
    return cast("Engine", module.make_engine())


@contextmanager
def hold_environment(name: str, *, timeout_seconds: float = 5.0) -> Iterator[None]:
    """Keep other envkit commands of this user from changing the environment.

    Raises `EnvironmentBusyError` when one of them does so for longer than `timeout_seconds`.
    """
    with lock_directory(state_directory() / "locks" / name, timeout_seconds=timeout_seconds):
        yield
