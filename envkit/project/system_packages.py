"""The packages of a distribution that an installation adds to an image, asked of the image's own package manager."""

import os
import re
from shutil import which

import msgspec

from envkit.data import load_mirrors
from envkit.engines.builders.mirrors import mirrored_image, system_sources
from envkit.errors import EngineNotReadyError, LockError, NetworkError
from envkit.model.package_manager import PackageManager
from envkit.model.plan import SystemPackage
from envkit.model.resolution import Base
from envkit.model.sources import PackageSources
from envkit.model.text import strip_controls
from envkit.system.command import Command, Completed, run_command

_CLIENTS = ("docker", "podman")
_SECONDS = 1800.0  # the image may have to be pulled
_QUICK_SECONDS = 30.0
_SHOWN_LINES = 12
_WITHOUT = "envkit lock --no-system-packages"


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """An installation that is only played through."""

    base: Base
    platform: str  # linux/amd64
    manager: PackageManager
    names: tuple[str, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        """What decides its outcome: the same for profiles that share their base and what they add to it."""
        return (self.base.image, self.base.digest or "", self.platform, self.manager.name, *self.names)


def container_client() -> str:
    """Return the first client of a container engine that answers; raises `EngineNotReadyError`."""
    said = []
    for name in _CLIENTS:
        path = which(name)
        if path is None:
            said.append(f"{name}: not found")
            continue
        completed = run_command(Command(argv=(path, "version"), timeout_seconds=_QUICK_SECONDS))
        if completed.ok:
            return path
        said.append(f"{name}: {_reason(completed)}")
    raise EngineNotReadyError(
        "the system packages cannot be locked, since that takes a container of the base image, and no engine answers",
        facts=tuple(said),
        hints=(_WITHOUT, "envkit doctor"),
    )


def simulate_installation(simulation: Simulation, client: str, sources: PackageSources) -> tuple[SystemPackage, ...]:
    """Return all packages that would be added to the image, with exact versions, sorted by name.

    Raises `LockError` with the package manager's words when it cannot, or when envkit does not know how to ask it, and
    `NetworkError` when no server of packages answers.
    """
    manager = simulation.manager
    if manager.simulate is None or manager.listed is None:
        raise LockError(
            f"system packages cannot be locked with this package manager: {manager.name}", hints=(_WITHOUT,)
        )
    name = f"envkit-lock-{os.urandom(6).hex()}"
    command = _command(simulation, client, name, sources)
    try:
        completed = run_command(command)
    except BaseException:
        _remove(client, name)
        raise
    if completed.failure is not None:
        _remove(client, name)
    found = parse_listing(completed.stdout, manager)
    if not completed.ok and not found:
        if re.search(manager.unreachable or r"(?!)", completed.stdout + completed.stderr):
            raise NetworkError(
                f"a server of system packages did not answer the package manager: {manager.name}",
                facts=_last_words(completed),
                hints=("envkit mirror test", _WITHOUT),
            )
        raise LockError(
            f"the system packages cannot be installed together: {' '.join(simulation.names)}",
            facts=_last_words(completed),
            hints=(_WITHOUT,),
        )
    return found


def parse_listing(text: str, manager: PackageManager) -> tuple[SystemPackage, ...]:
    """Return the packages that a simulated installation lists; versions of rpm get their architecture.

    ```text
    Inst git-man (1:2.39.5-0+deb12u2 Debian:12.11/stable [all])
    Inst git [1:2.39.2-1.1] (1:2.39.5-0+deb12u2 Debian:12.11/stable [amd64])
    ```
    """
    found: dict[str, str] = {}
    for match in re.finditer(manager.listed or r"(?!)", text, re.MULTILINE):
        parts = match.groupdict()
        found[parts["name"]] = ".".join(filter(None, (parts["version"], parts.get("architecture"))))
    return tuple(SystemPackage(name=name, version=version) for name, version in sorted(found.items()))


def _command(simulation: Simulation, client: str, name: str, sources: PackageSources) -> Command:
    given = {f"{scheme}_proxy": setting.value for scheme, setting in sorted(sources.proxies.items())}
    packages = system_sources(simulation.base.os, sources, load_mirrors())
    given |= {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    given |= {} if packages is None else {"ENVKIT_SOURCES": packages}
    argv = (
        *(client, "run", "--rm", "--name", name, "--user", "0", "--entrypoint", "/bin/sh"),
        *("--platform", simulation.platform, *_network(client)),
        # By name alone: the values may hold credentials, and everybody on the machine can read arguments.
        *(part for variable in given for part in ("--env", variable)),
        *(_image(simulation.base, sources), "-c", simulation.manager.simulate or "", "sh", *simulation.names),
    )
    return Command(argv=argv, environment=given, timeout_seconds=_SECONDS)


def _image(base: Base, sources: PackageSources) -> str:
    """Return the image by its digest, at the mirror of its registry where one is set: the engine need not know it."""
    named = base.image.partition("@")[0]
    image = base.image if base.digest is None else f"{named}@{base.digest}"
    return mirrored_image(image, sources) or image


def _network(client: str) -> tuple[str, ...]:
    """Return the option for an engine that was started without its usual network."""
    names = ("bridge", "podman")
    asked = (Command(argv=(client, "network", "inspect", name), timeout_seconds=_QUICK_SECONDS) for name in names)
    return () if any(run_command(command).ok for command in asked) else ("--network=host",)


def _remove(client: str, name: str) -> None:
    run_command(Command(argv=(client, "rm", "--force", name), timeout_seconds=_QUICK_SECONDS))


def _reason(completed: Completed) -> str:
    return completed.failure or (completed.stderr.strip().splitlines() or [f"exit status {completed.status}"])[-1]


def _last_words(completed: Completed) -> tuple[str, ...]:
    lines = [strip_controls(line) for line in (completed.stdout + completed.stderr).splitlines() if line.strip()]
    return (*lines[-_SHOWN_LINES:], *((completed.failure,) if completed.failure else ()))
