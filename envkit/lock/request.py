"""Locking what was resolved: exact packages with hashes, through `uv pip compile`."""

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from envkit.errors import EnvkitError, LockError
from envkit.lock.project import indexed_packages, project_text
from envkit.lock.target import Target
from envkit.model.lock import Lock
from envkit.model.request import Mode
from envkit.model.resolution import Chosen, Resolution
from envkit.model.sources import PackageSources
from envkit.model.value import Value
from envkit.system.command import Command, Completed, run_command
from envkit.system.directories import storage_error
from envkit.system.uv import (
    explain_failure,
    explanation,
    find_unreachable,
    plain_output,
    uv_cache_directory,
    uv_command,
)

_LOCK_SECONDS = 900.0
# How long a server that took the connection may stay silent, unless the user's settings say otherwise. uv gives a
# connection ten seconds by itself; more tries than one by envkit would only add to that.
_SILENCE_SECONDS = "8"
_QUICK_SECONDS = 4.0  # a failure that came sooner is worth a second try
_DOCUMENT = "pylock.toml"


class Earlier(Value):
    """A lock whose versions are preferred, but for the packages that are to be moved."""

    document: str  # PEP 751
    upgrade: tuple[str, ...] = ()  # names of packages


def lock_request(
    resolution: Resolution,
    sources: PackageSources,
    *,
    libc: str | None,
    cpu_architecture: str,
    cache_directory: str | os.PathLike[str] | None = None,
    earlier: Earlier | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> Lock:
    """Return the lock of what the resolution chose; raises `LockError`, `IndexUnreachableError`, `StorageError`.

    `libc` is the glibc version of the container's base or of this host, None where it is not known; `cache_directory`
    is uv's, by default the user's own. The versions of an `earlier` lock stay where they can. Only wheels are locked:
    building from source would need compilers that neither a slim image nor a user's machine has. Raises `ValueError`
    for a resolution without a choice.
    """
    if resolution.chosen is None:
        message = "nothing was chosen that could be locked"
        raise ValueError(message)
    from envkit.lock.document import read_packages

    target = _target(resolution.chosen, libc, cpu_architecture)
    try:
        with tempfile.TemporaryDirectory(prefix="envkit-lock-") as directory:
            cache = os.fspath(cache_directory or uv_cache_directory())
            limits = _own_limits(resolution.chosen, Path(directory))
            command = _command(target, sources, Path(directory), cache, (*limits, *_upgrades(earlier)))
            text = _compile(resolution.chosen, sources, command, earlier, log)
    except OSError as error:
        raise storage_error(error, Path(tempfile.gettempdir()), "cannot write temporary files") from error
    return Lock(
        python=target.python,
        platform=target.platform,
        packages=read_packages(text, target),
        pylock=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def _target(chosen: Chosen, libc: str | None, cpu_architecture: str) -> Target:
    interpreter = chosen.interpreter if chosen.mode is Mode.NATIVE else None
    return Target(python=chosen.python, cpu_architecture=cpu_architecture, glibc=libc, interpreter=interpreter)


def _compile(
    chosen: Chosen,
    sources: PackageSources,
    command: Command,
    earlier: Earlier | None,
    log: Callable[[str], None],
) -> str:
    """Return the PEP 751 document, after as many runs as it takes to learn which indexed packages others need."""
    directory = Path(command.directory or "")
    indexed = indexed_packages(chosen)
    routed: frozenset[str] = frozenset()
    document = directory / _DOCUMENT
    while True:
        (directory / "pyproject.toml").write_text(project_text(chosen, sources, routed), encoding="utf-8")
        document.unlink(missing_ok=True)
        if earlier is not None:  # uv prefers the versions of the document that it is about to replace
            document.write_text(earlier.document, encoding="utf-8")
        completed = _run(command, log)
        text = document.read_text(encoding="utf-8") if completed.ok else ""
        needed = _needed(text or plain_output(completed.stderr), indexed - routed)
        if not needed:
            break
        log(f"served by an index of their own: {', '.join(sorted(needed))}")
        routed |= needed
    if not completed.ok:
        raise _failure(completed)
    return text


def _upgrades(earlier: Earlier | None) -> tuple[str, ...]:
    return tuple(part for name in (earlier.upgrade if earlier else ()) for part in ("--upgrade-package", name))


def _own_limits(chosen: Chosen, directory: Path) -> tuple[str, ...]:
    """Write what is held back for the chosen devices, and what the base image brings; returns uv's options for it.

    Others may need what the image brings, without its being locked.
    """
    options: list[str] = []
    for option, lines in (("constraints", chosen.constraints), ("excludes", tuple(chosen.brought))):
        if lines:
            path = directory / f"{option}.txt"
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            options += [f"--{option}", str(path)]
    return tuple(options)


def _command(
    target: Target, sources: PackageSources, directory: Path, cache_directory: str, further: tuple[str, ...]
) -> Command:
    options = ["--python", target.interpreter or sys.executable]
    if target.interpreter is None:
        options += ["--python-version", target.python.removesuffix("t")]
    if target.uv_platform is not None:
        options += ["--python-platform", target.uv_platform]
    for constraint in sources.constraints:
        options += ["--constraints", constraint.value]
    variables = {"UV_HTTP_RETRIES": "0"}
    if sources.timeout_seconds is None:
        variables["UV_HTTP_TIMEOUT"] = _SILENCE_SECONDS
    if sources.no_index:
        # Not `--no-index`, which would take the wheelhouses with it that are written as explicit indexes.
        empty = directory / "no-index"
        empty.mkdir()
        variables["UV_DEFAULT_INDEX"] = empty.as_uri()
    return uv_command(
        (
            *("pip", "compile", "pyproject.toml", "--format", "pylock.toml", "--output-file", _DOCUMENT),
            *("--only-binary", ":all:", "--no-header", "--no-progress", "--cache-dir", cache_directory),
            *options,
            *further,
        ),
        sources,
        timeout_seconds=_LOCK_SECONDS,
        extra=variables,
        directory=str(directory),
    )


def _run(command: Command, log: Callable[[str], None]) -> Completed:
    log(f"+ {command}")
    completed = run_command(command)
    for line in plain_output(completed.stderr).splitlines():
        log(line)
    if completed.ok or completed.seconds > _QUICK_SECONDS or find_unreachable(plain_output(completed.stderr)) is None:
        return completed
    log("a second try")
    again = run_command(command)
    for line in plain_output(again.stderr).splitlines():
        log(line)
    return again


def _needed(text: str, indexed: frozenset[str]) -> frozenset[str]:
    """Return the indexed packages that a document locks, or that an explanation of uv says are needed."""
    return frozenset(name for name in indexed if re.search(rf"(?<![\w/.-]){re.escape(name)}(?![\w/-])", text))


def _failure(completed: Completed) -> EnvkitError:
    if completed.failure is not None:
        return LockError(f"the package resolver did not run to its end: {completed.failure}")
    output = plain_output(completed.stderr)
    return explain_failure(output) or LockError("the packages cannot be locked together", facts=explanation(output))
