"""Installing a lock into a directory with uv, and removing such directories."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from envkit.engines.backends.native_requirements import constraint_lines, project_text
from envkit.engines.protocol import BuildContext, Progress
from envkit.errors import BuildError
from envkit.model.plan import Plan
from envkit.system.command import Command, attach_command, stream_command
from envkit.system.directories import ensure_directory, storage_error
from envkit.system.files import write_atomically
from envkit.system.signals import Terminated
from envkit.system.uv import explain_failure, explanation, plain_output, uv_cache_directory, uv_command

ASIDE = ".removed-"  # how the name of an installation begins that is being removed
_INSTALL_SECONDS = 4 * 3600.0  # gigabytes over a slow line
_PROJECT = "pyproject.toml"
_SIGNAL_BASE = 128  # `attach_command` shows the end by a signal as 128 and its number


def install_lock(plan: Plan, context: BuildContext, generation: Path) -> None:
    """Make the virtual environment of a plan in `generation`, with exactly the wheels of its lock.

    Raises `BuildError`, `IndexUnreachableError` or `StorageError`, and `KeyboardInterrupt` when the user ended uv.
    """
    venv = ensure_directory(generation) / "venv"
    document = generation / "pylock.toml"
    write_atomically(document, plan.lock.pylock)
    cache = ("--cache-dir", str(uv_cache_directory()))
    _run(
        (
            *("venv", "--quiet", "--no-project", "--python", plan.interpreter or plan.python),
            *("--prompt", plan.name, *cache, str(venv)),
        ),
        context,
        "making the virtual environment failed",
        terminal=False,
    )
    # Bytecode is not compiled here: all of torch takes 17 s, and the verification that follows leaves the bytecode of
    # what it imports.
    install = _by_name(plan, context, generation) if plan.lock.portable else _by_address(document)
    _run(
        (
            *("pip", *install, "--python", str(venv / "bin" / "python")),
            *("--only-binary", ":all:", "--require-hashes", *cache),
        ),
        context,
        "installing the packages failed",
        terminal=context.terminal,
    )
    (generation / _PROJECT).unlink(missing_ok=True)  # addresses in it may hold credentials


def _by_address(document: Path) -> tuple[str, ...]:
    return ("sync", "--preview-features", "pylock", str(document))


def _by_name(plan: Plan, context: BuildContext, generation: Path) -> tuple[str, ...]:
    project, constraints = generation / _PROJECT, generation / "constraints.txt"
    write_atomically(project, project_text(plan, context.sources))
    write_atomically(constraints, constraint_lines(plan))
    places = sorted({str(Path(each.file.path).parent) for each in plan.lock.packages if each.file.path is not None})
    return (
        *("install", "--no-deps", "--requirements", str(project), "--constraints", str(constraints)),
        *(part for place in places for part in ("--find-links", place)),
        *(("--no-index",) if context.sources.no_index else ()),
    )


def remove_tree(path: Path) -> None:
    """Remove a directory and everything in it; raises `StorageError`, but not when it is gone already."""
    if not path.exists():
        return
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise storage_error(error, path, "cannot remove") from error


def remove_generation(path: Path) -> None:
    """Remove an installation, moved aside first: what is cut short then cannot be taken for whole.

    An installer that a killed envkit left behind finds its directory gone and ends.
    """
    if not path.exists():
        return
    aside = path if path.name.startswith(ASIDE) else path.with_name(f"{ASIDE}{os.urandom(4).hex()}")
    try:
        path.rename(aside)
    except OSError as error:
        raise storage_error(error, path, "cannot remove") from error
    remove_tree(aside)


def _run(arguments: tuple[str, ...], context: BuildContext, failed: str, *, terminal: bool) -> None:
    command = uv_command(arguments, context.sources, timeout_seconds=_INSTALL_SECONDS)
    keep = _log_to(Path(context.log))
    keep(f"+ {command}")
    # Where uv draws on the terminal it says nothing that could be kept. When that fails it is run again without
    # drawing: what it fetched is in its cache, a passing failure is mended, and a lasting one gets into the log.
    if terminal and _draw(command):
        return
    lines: list[str] = []

    def show(line: str) -> None:
        plain = plain_output(line)
        lines.append(plain)
        keep(plain)
        context.progress(Progress(text=plain))

    _stream(command, show, failed, lines, context.log)


def _log_to(path: Path) -> Callable[[str], None]:
    """Return what adds a line to a log; it raises `StorageError`."""
    ensure_directory(path.parent)

    def keep(line: str) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as log:
                log.write(line + "\n")
        except OSError as error:
            raise storage_error(error, path, "cannot write the log") from error

    return keep


def _draw(command: Command) -> bool:
    status = attach_command(command)
    if status == _SIGNAL_BASE + signal.SIGINT:
        raise KeyboardInterrupt
    if status in (_SIGNAL_BASE + signal.SIGTERM, _SIGNAL_BASE + signal.SIGHUP):
        raise Terminated(status - _SIGNAL_BASE)
    return status == 0


def _stream(command: Command, keep: Callable[[str], None], failed: str, lines: list[str], log: str) -> None:
    completed = stream_command(command, keep)
    if completed.ok:
        return
    output = "\n".join(lines)
    known = explain_failure(output)
    if known is not None:
        raise known
    reason = completed.failure or f"uv ended with status {completed.status}"
    message = f"{failed}: {reason}"
    raise BuildError(message, facts=(*explanation(output), f"log: {log}"), hints=(f"less {log}",))
