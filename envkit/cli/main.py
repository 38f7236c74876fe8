"""The entry of the `envkit` command; imports only what the command that was typed needs."""

import gc
import sys

from envkit import __version__

_INTERRUPTED = 130  # `ExitStatus.INTERRUPTED`, which is not loaded yet
_NEW_OBJECTS = 100_000  # between two searches for garbage
_GLOBAL_FLAGS = {"-v": "verbose", "--verbose": "verbose", "-q": "quiet", "--quiet": "quiet", "--debug": "debug"}


def main() -> None:
    """Run the command line of this process and exit with its status."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["version"]) and sys.stdout is not None:
        # No import may slow this down: scripts ask for the version all the time.
        sys.stdout.write(f"envkit {__version__}\n")
        try:
            sys.stdout.flush()
        except OSError:
            from envkit.cli.streams import flush_stdout

            sys.exit(flush_stdout(0, failed=4))
        return
    # Nearly all that a command makes lives until it ends: looking for garbage as often as Python does is a tenth of it.
    gc.set_threshold(_NEW_OBJECTS)
    try:
        from envkit.cli.session import run_session
        from envkit.system.signals import ignore_signals

        status = run_session(*split_global_flags(arguments))
        # The command has ended and said so: a signal that comes while the interpreter shuts down changes nothing.
        ignore_signals()
    except KeyboardInterrupt:
        status = _INTERRUPTED
    sys.exit(status)


def split_global_flags(arguments: list[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the arguments without the flags that every command knows, and the names of those that were there.

    What follows `--`, or the environment's name in `exec NAME COMMAND`, belongs to the command that is run there.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    words = [position for position, argument in enumerate(arguments[:end]) if not argument.startswith("-")]
    if len(words) > 1 and arguments[words[0]] == "exec":
        end = words[1] + 1
    flags = frozenset(_GLOBAL_FLAGS[argument] for argument in arguments[:end] if argument in _GLOBAL_FLAGS)
    rest = [argument for argument in arguments[:end] if argument not in _GLOBAL_FLAGS]
    return (*rest, *arguments[end:]), flags
