"""`envkit ls`, `exec`, `shell`, `down`, `rm`: environments that stand."""

import sys

from envkit.cli.output import Output
from envkit.detect.engines import detect_engines
from envkit.detect.probe_state import kept_host
from envkit.engines import hold_environment
from envkit.engines.protocol import Engine
from envkit.errors import EngineNotReadyError, UsageError
from envkit.model.environment import Environment, State
from envkit.model.host import ContainerEngine
from envkit.model.value import Value, to_json
from envkit.run import find_environment, standing_environments
from envkit.run.records import forget_records


class Listing(Value, tag_field="format", tag="envkit-list/1"):
    """What `envkit ls --json` prints."""

    environments: tuple[Environment, ...]


class Removed(Value, tag_field="format", tag="envkit-removed/1"):
    """What `envkit rm --json` prints."""

    name: str
    engine: str


def engines() -> tuple[ContainerEngine, ...]:
    """Return the container engines of this machine."""
    return detect_engines(kept_host()) or ()


def list_environments(output: Output, *, as_json: bool) -> int:
    """Print the environments of this user."""
    found = tuple(environment for _, environment in standing_environments(engines()))
    if as_json:
        output.data(to_json(Listing(environments=found)))
        return 0
    if not found:
        output.line("no environments yet; make one: envkit up pytorch")
        return 0
    rows = [("NAME", "ENGINE", "STATE", "VARIANT", "PYTHON", "PACKAGES", "CREATED")]
    rows += [
        (
            environment.name,
            environment.engine,
            environment.state.value,
            environment.variant,
            environment.python,
            " ".join(f"{name}={version}" for name, version in environment.packages.items()),
            environment.created[:16].replace("T", " "),
        )
        for environment in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        output.data("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def execute_in(output: Output, name: str, argv: tuple[str, ...]) -> int:
    """Run a command in an environment on this terminal and return its exit status."""
    if not argv:
        raise UsageError("no command to run", hints=(f"envkit exec {name} -- python", f"envkit shell {name}"))
    engine, environment = _ready(output, name)
    return engine.attach(environment, argv, interactive=sys.stdin.isatty() and sys.stdout.isatty())


def open_shell(output: Output, name: str) -> int:
    """Open a shell in an environment and return its exit status."""
    engine, environment = _ready(output, name)
    return engine.attach(environment, (), interactive=sys.stdin.isatty() and sys.stdout.isatty())


def stop_environment(output: Output, name: str, *, as_json: bool) -> int:
    """Stop an environment; what has nothing to stop is left as it is."""
    engine, environment = find_environment(name, engines())
    with hold_environment(name):
        stopped = engine.stop(environment)
    if stopped.state is State.READY:
        output.stage("Down", f"{name} is native: it has no process of its own to stop")
    else:
        output.stage("Down", f"{name}; start it again with `envkit exec {name} -- …` or the same `envkit up`")
    if as_json:
        output.data(to_json(stopped))
    return 0


def remove_environment(output: Output, name: str, *, confirmed: bool, as_json: bool) -> int:
    """Remove an environment for good."""
    engine, environment = find_environment(name, engines())
    if not confirmed and not output.confirm(f"Remove the {environment.engine} environment {name}?"):
        raise UsageError(f"not removed without a yes: {name}", hints=(f"envkit rm {name} -y",))
    with hold_environment(name):
        engine.remove(environment)
        forget_records(name)
    output.stage("Removed", name)
    if as_json:
        output.data(to_json(Removed(name=name, engine=environment.engine)))
    return 0


def _ready(output: Output, name: str) -> tuple[Engine, Environment]:
    engine, environment = find_environment(name, engines())
    require_whole(environment)
    if environment.state is State.STOPPED:
        output.stage("Starting", name)
    return engine, engine.resume(environment)


def require_whole(environment: Environment) -> None:
    """Raise `EngineNotReadyError` for an environment whose files are not all there, with the commands that mend it."""
    if environment.state is not State.BROKEN:
        return
    again = (f"envkit up {' '.join(environment.recipes)} --name {environment.name}",) if environment.recipes else ()
    raise EngineNotReadyError(
        f"the environment's files are not complete: {environment.name}",
        facts=(f"looked for: {environment.reference}",),
        hints=(*again, f"envkit rm {environment.name} -y"),
    )
