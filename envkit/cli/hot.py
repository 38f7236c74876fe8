"""The commands that start before typer is loaded, as long as nothing unusual is asked of them.

Whatever is not understood here, `--help` included, is left to the full command line, which knows the same commands.
"""

import msgspec

from envkit.cli.output import Output

_FILES = ("--record", "--replay", "--host")


class HotFlags(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments that the hot commands understand."""

    as_json: bool = False
    fresh: bool = False
    files: dict[str, str] = {}


def parse_hot(command: str, arguments: tuple[str, ...]) -> HotFlags | None:
    """Return the flags of a hot command, or None when the full command line must look at it."""
    as_json = fresh = False
    files: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        name, separator, value = argument.partition("=")
        if argument == "--json":
            as_json = True
        elif command == "detect" and argument == "--fresh":
            fresh = True
        elif command == "detect" and name in _FILES and (separator or rest):
            files[name] = value if separator else rest.pop(0)
        else:
            return None
    return HotFlags(as_json=as_json, fresh=fresh, files=files)


def run_hot(command: str, arguments: tuple[str, ...], output: Output) -> int | None:
    """Run a hot command and return its exit status, or None when the full command line must run it."""
    flags = parse_hot(command, arguments)
    if flags is None:
        return None
    if command == "detect":
        from envkit.cli.commands.detect import Wanted, show_host

        record, replay, host = map(flags.files.get, _FILES)
        wanted = Wanted(as_json=flags.as_json, record=record, replay=replay, host=host, fresh=flags.fresh)
        return show_host(output, wanted)
    from envkit.cli.commands.environments import list_environments

    return list_environments(output, as_json=flags.as_json)
