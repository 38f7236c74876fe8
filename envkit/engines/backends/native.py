"""Native environments: virtual environments under `$XDG_DATA_HOME/envkit/envs`, made by uv from a lock.

```text
envs/NAME/generations/ID/venv    one complete installation; ID follows from the lock and the interpreter
envs/NAME/generations/ID/complete    holds the path that it was made for
envs/NAME/current -> generations/ID
envs/NAME/record.json            the environment that stands; without it there is none
```
A generation is written where it stays, since virtual environments cannot be moved, and marked complete at the end.
"""

import math
import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

import msgspec

from envkit.engines.protocol import BuildContext, ignore
from envkit.errors import RunError, UsageError
from envkit.model.environment import Built, Environment, State
from envkit.model.plan import Plan
from envkit.model.value import to_json
from envkit.system.command import Command, Completed, attach_command, run_command
from envkit.system.directories import data_directory, ensure_directory, storage_error
from envkit.system.files import write_atomically

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_COMPLETE = "complete"
_RECORD = "record.json"
_CURRENT = "current"
_DEFAULT_SHELL = "/bin/sh"
_WRITE_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}  # Python takes an empty value for none


class NativeEngine:
    """Environments as directories of this user; `directory` holds one directory for each."""

    name = "native"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def build(self, plan: Plan, context: BuildContext) -> Built:
        """Install the lock into a new generation, or find the generation that holds it already.

        Raises `BuildError` with the last lines of uv, or `StorageError`; what was half-made is removed, also when the
        command is interrupted.
        """
        # Imported here: installing is not on the path of `envkit ls`.
        from envkit.engines.backends.native_install import ASIDE, install_lock, remove_generation

        generations = ensure_directory(self._home(plan.name) / "generations")
        for leftover in generations.iterdir():
            if leftover.name.startswith(ASIDE) or not (_is_complete(leftover) or self._stands(plan.name, leftover)):
                remove_generation(leftover)
        same = sorted(generations.glob(f"{_generation_id(plan)}*"))
        whole = sorted(filter(_is_complete, same), key=lambda found: not self._stands(plan.name, found))
        if whole and not context.fresh:
            return Built(engine=self.name, reference=str(whole[0]), reused=True)
        generation = _unused(generations / _generation_id(plan))
        try:
            install_lock(plan, context, generation)
            write_atomically(generation / _COMPLETE, f"{generation}\n")
        except BaseException:
            remove_generation(generation)
            _remove_empty(generations, self._home(plan.name))
            raise
        return Built(engine=self.name, reference=str(generation), log=context.log)

    def start(self, plan: Plan, built: Built, note: Callable[[str], None] = ignore) -> Environment:  # noqa: ARG002 - a native environment is not started
        """Return the built generation as a candidate: a native environment needs no start."""
        return Environment(
            name=plan.name,
            engine=self.name,
            state=State.READY,
            reference=str(Path(built.reference) / "venv"),
            fingerprint=plan.fingerprint,
            python=plan.python,
            vendor=plan.vendor,
            variant=plan.variant,
            recipes=tuple(smoke.recipe for smoke in plan.smoke),
            packages=plan.packages,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            variables={**plan.network_environment, **plan.run.environment},
        )

    def commit(self, plan: Plan, environment: Environment) -> Environment:
        """Put a candidate in place: link, record, and only then remove the generations before it."""
        from envkit.engines.backends.native_install import remove_generation

        generation = Path(environment.reference).parent
        home = self._home(plan.name)
        _switch_link(home / _CURRENT, generation.relative_to(home))
        write_atomically(home / _RECORD, to_json(environment))
        for other in generation.parent.iterdir():
            if other != generation:
                remove_generation(other)
        return environment

    def discard(self, plan: Plan, built: Built) -> None:
        """Remove a generation, unless it is the one that stands."""
        from envkit.engines.backends.native_install import remove_generation

        generation = Path(built.reference)
        if not self._stands(plan.name, generation):
            remove_generation(generation)
            _remove_empty(generation.parent, generation.parent.parent)

    def find(self, name: str) -> Environment | None:
        """Return the environment of this name, broken when its interpreter is gone; None without a record."""
        return _read_record(self._home(name)) if _NAME.fullmatch(name) else None

    def environments(self) -> tuple[Environment, ...]:
        """Return all environments, sorted by name."""
        try:
            homes = sorted(self._directory.iterdir())
        except OSError:
            # Not there yet, or nobody may look: in both cases this user has none.
            return ()
        return tuple(found for home in homes if (found := _read_record(home)) is not None)

    def execute(
        self,
        environment: Environment,
        argv: tuple[str, ...],
        *,
        stdin: str | None = None,
        timeout_seconds: float,
    ) -> Completed:
        """Run a command with the environment activated and capture what it prints.

        Python writes the bytecode of what it imports, whatever the user's variables say: the first command here is the
        verification, and every start after it is faster for that.
        """
        argv = (_own_program(environment, argv[0]), *argv[1:])
        command = _activated(environment, argv, stdin=stdin, timeout_seconds=timeout_seconds)
        return run_command(msgspec.structs.replace(command, environment={**command.environment, **_WRITE_BYTECODE}))

    def attach(self, environment: Environment, argv: tuple[str, ...], *, interactive: bool) -> int:  # noqa: ARG002 - a native command has the user's terminal in any case
        """Run a command, or the user's shell, on this terminal with the environment activated; raises `RunError`."""
        from shutil import which

        command = _activated(environment, argv or (os.environ.get("SHELL") or _DEFAULT_SHELL,))
        if which(command.argv[0], path=command.environment["PATH"]) is None:
            message = f"no such command in `{environment.name}`: {command.argv[0]}"
            raise RunError(message)
        return attach_command(command)

    def resume(self, environment: Environment) -> Environment:
        """Return the environment: it never stops."""
        return environment

    def stop(self, environment: Environment) -> Environment:
        """Return the environment: nothing of it runs."""
        return environment

    def remove(self, environment: Environment) -> None:
        """Remove the record first, so that an interrupted removal leaves no environment that looks whole."""
        from envkit.engines.backends.native_install import remove_tree

        home = self._home(environment.name)
        try:
            (home / _RECORD).unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, home, "cannot remove") from error
        remove_tree(home)

    def _home(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            message = f"not a name for an environment: `{name}`"
            raise UsageError(message, facts=("letters, digits, `.`, `_` and `-`, at most 63, a letter or digit first",))
        return self._directory / name

    def _stands(self, name: str, generation: Path) -> bool:
        standing = self.find(name)
        return standing is not None and Path(standing.reference).parent == generation


def make_engine() -> NativeEngine:
    """Return the engine for this user's environments."""
    return NativeEngine(data_directory() / "envs")


def _activated(
    environment: Environment, argv: tuple[str, ...], *, stdin: str | None = None, timeout_seconds: float = math.inf
) -> Command:
    """Return a command as it runs after `activate`: the command itself is looked up in the environment first."""
    variables = {
        **{name: value for name, value in environment.variables.items() if name not in os.environ},
        "VIRTUAL_ENV": environment.reference,
        "VIRTUAL_ENV_PROMPT": environment.name,
        "PATH": os.pathsep.join((f"{environment.reference}/bin", os.environ.get("PATH", os.defpath))),
    }
    if "PYTHONHOME" in os.environ:
        # It would lead the interpreter to another standard library; Python takes an empty value for none.
        variables["PYTHONHOME"] = ""
    return Command(argv=argv, environment=variables, stdin=stdin, timeout_seconds=timeout_seconds)


def _own_program(environment: Environment, program: str) -> str:
    """Return the path of an environment's Python, there or not: another Python must not answer for it."""
    return f"{environment.reference}/bin/{program}" if program == "python" else program


def _generation_id(plan: Plan) -> str:
    import hashlib

    identity = "\n".join((plan.lock.sha256, plan.interpreter or "", plan.python))
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _is_complete(generation: Path) -> bool:
    """Tell whether an installation was finished, at this path: programs in it name the path they were made for."""
    try:
        made_for = (generation / _COMPLETE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return made_for == str(generation) and (generation / "venv" / "bin" / "python").exists()


def _remove_empty(*directories: Path) -> None:
    """Remove directories that hold nothing, the inner one first."""
    for directory in directories:
        with suppress(OSError):  # something is in it that stays
            directory.rmdir()


def _unused(generation: Path) -> Path:
    """Return the path, or the first with a number after it that nothing has yet."""
    numbered = (generation.with_name(f"{generation.name}.{number}") for number in count(2))
    return next(path for path in chain((generation,), numbered) if not path.exists())


def _switch_link(link: Path, target: Path) -> None:
    temporary = link.with_name(f".{link.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(link)
    except OSError as error:
        raise storage_error(error, link, "cannot write") from error


def _read_record(home: Path) -> Environment | None:
    try:
        environment = msgspec.json.decode((home / _RECORD).read_bytes(), type=Environment)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.DecodeError):
        # It stands under this name but says no more: broken, and all the rest not known.
        return Environment(
            name=home.name,
            engine=NativeEngine.name,
            state=State.BROKEN,
            reference=str(home / _CURRENT / "venv"),
            fingerprint="",
            python="",
            vendor="",
            variant="",
            recipes=(),
            packages={},
            created="",
        )
    # The link to the interpreter dangles when the interpreter was removed or upgraded away.
    works = (Path(environment.reference) / "bin" / "python").exists()
    return environment if works else msgspec.structs.replace(environment, state=State.BROKEN)
