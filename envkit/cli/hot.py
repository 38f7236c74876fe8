"""The commands that start before typer is loaded, as long as nothing unusual is asked of them.

Whatever is not understood here, `--help` included, is left to the full command line, which knows the same commands.
"""

import msgspec

from envkit.cli.output import Output


class HotFlags(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments that the hot commands understand."""

    as_json: bool = False
    record: str | None = None
    host: str | None = None


def parse_hot(command: str, arguments: tuple[str, ...]) -> HotFlags | None:
    """Return the flags of a hot command, or None when the full command line must look at it."""
    as_json = False
    files: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        name, separator, value = argument.partition("=")
        if argument == "--json":
            as_json = True
        elif command == "detect" and name in ("--record", "--host") and (separator or rest):
            files[name] = value if separator else rest.pop(0)
        else:
            return None
    return HotFlags(as_json=as_json, record=files.get("--record"), host=files.get("--host"))


def run_hot(command: str, arguments: tuple[str, ...], output: Output) -> int | None:
    """Run a hot command and return its exit status, or None when the full command line must run it."""
    flags = parse_hot(command, arguments)
    if flags is None:
        return None
    if command == "detect":
        from envkit.cli.commands.detect import show_host

        return show_host(output, as_json=flags.as_json, record=flags.record, host=flags.host)
    from envkit.cli.commands.environments import list_environments

    return list_environments(output, as_json=flags.as_json)
