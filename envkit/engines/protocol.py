"""What every engine can do, and the order in which it is asked.

A run is `build` → `start` → (verify) → `commit`. Up to `commit` the new environment is a candidate beside the one that
has the name: it can be executed in through the value that `start` returned, but `find` and `environments` do not show
it. `commit` puts it in place of the older one in a single atomic step and only then removes that; `discard` removes the
candidate. So an interrupted or failed run never replaces a good environment. Whatever a killed run left behind is
invisible, and removed by the next `build` or `commit` of the same name.

Whoever calls a method that changes something holds the environment's lock: `envkit.engines.hold_environment(name)`.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from envkit.model.artifact import Artifacts
from envkit.model.environment import Built, Environment
from envkit.model.plan import Plan
from envkit.model.sources import PackageSources
from envkit.system.command import Completed


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a long step reports: a line, or how far the step that the line names has come."""

    text: str
    done: int | None = None  # bytes
    total: int | None = None  # bytes; None: not known
    finished: bool = False  # the step that `text` names has ended


def ignore(_: object) -> None:
    """Take what nobody wants to be told."""


class BuildContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a build needs besides the plan; none of it changes the result."""

    sources: PackageSources
    log: str  # path of the file that gets every line of the build
    artifacts: Artifacts | None = None  # a Dockerfile with its files; None: generated as the builder takes them
    fresh: bool = False  # build anew even where the same was built before
    terminal: bool = False  # standard error is a terminal and the engine's own tool may draw its progress there
    builder: str | None = None  # its name, as `--builder` gave it; None: the best that there is
    progress: Callable[[Progress], None] = ignore
    note: Callable[[str], None] = ignore  # gets what explains the result: the builder used, and what it costs


class Engine(Protocol):
    """A place where environments are built and run."""

    @property
    def name(self) -> str:
        """The name for `--engine`, which is the name of the backend's module."""

    def build(self, plan: Plan, context: BuildContext) -> Built:
        """Make the image or directory, or find it made before.

        Raises `BuildError`, `StorageError`, `EngineNotReadyError`, and leaves nothing half-made.
        """

    def start(self, plan: Plan, built: Built, note: Callable[[str], None] = ignore) -> Environment:
        """Start what was built as a candidate, under a temporary name; raises `RunError`.

        `note` gets a sentence for everything that had to be done differently on this machine.
        """

    def commit(self, plan: Plan, environment: Environment) -> Environment:
        """Put a candidate in place of the environment that has its name, remove that one, return what now stands."""

    def discard(self, plan: Plan, built: Built) -> None:
        """Remove a build and every candidate started from it, unless it is what already stands under the name."""

    def find(self, name: str) -> Environment | None:
        """Return the environment that has this name, or None."""

    def environments(self) -> tuple[Environment, ...]:
        """Return all environments of this user, sorted by name."""

    def execute(
        self,
        environment: Environment,
        argv: tuple[str, ...],
        *,
        stdin: str | None = None,
        timeout_seconds: float,
    ) -> Completed:
        """Run a command inside and capture what it prints; one that cannot be started is a failure in the result."""

    def attach(self, environment: Environment, argv: tuple[str, ...], *, interactive: bool) -> int:
        """Run a command inside on the user's terminal, a shell when `argv` is empty, and return its exit status."""

    def resume(self, environment: Environment) -> Environment:
        """Start a stopped environment again; one that is ready is returned as it is; raises `RunError`."""

    def stop(self, environment: Environment) -> Environment:
        """Stop an environment so that `resume` can start it again; what has nothing to stop is returned as it is."""

    def remove(self, environment: Environment) -> None:
        """Remove an environment and everything that belongs only to it; an already removed one is no error."""
