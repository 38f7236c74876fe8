"""The command line with one command: making the parsers of all takes longer than most of them run."""

from copy import copy

import typer
from typer.models import CommandInfo, TyperInfo


def narrowed(app: typer.Typer, name: str) -> typer.Typer:
    """Return the application with no more than the command or group of this name; all of it where there is none."""
    commands = [command for command in app.registered_commands if command.name == name]
    groups = [group for group in app.registered_groups if _has(group, name)]
    if not commands and not groups:
        return app
    narrow = copy(app)
    narrow.registered_commands = commands
    narrow.registered_groups = groups
    return narrow


def _has(group: TyperInfo, name: str) -> bool:
    """Tell whether a group has a name, or, where it has none of its own, a command of it does."""
    instance = group.typer_instance
    if instance is None:
        return False
    own = group.name or instance.info.name
    commands: list[CommandInfo] = instance.registered_commands
    return own == name if isinstance(own, str) else any(command.name == name for command in commands)
