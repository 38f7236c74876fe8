"""What is locked: every profile of a project with its wish, its machine, and a readable account of what was asked."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from envkit.errors import UsageError
from envkit.model.host import HostFacts
from envkit.model.request import Mode
from envkit.model.sources import PackageSources
from envkit.model.value import Value, to_line
from envkit.project.reading import PROJECT_FILE, ProjectFile
from envkit.project.wishes import Typed, profile_facts, profile_table, profile_wish
from envkit.settle import Wish

DEFAULT_PROFILE = "default"  # of a project file without profiles: for this machine


class Machines(msgspec.Struct, frozen=True, kw_only=True):
    """How the facts of machines are read."""

    recorded: Callable[[str], HostFacts]  # of a file
    here: Callable[[], HostFacts]


class ProfileInput(Value):
    """One profile, as far as it is known without asking anybody."""

    name: str
    wish: Wish
    facts: HostFacts
    asked: dict[str, str]
    here: bool  # it is for this machine, whatever that is
    notes: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """Hash of all that the project file says of the profile."""
        return hashlib.sha256(to_line(self.asked).encode()).hexdigest()


def _named_machine(file: ProjectFile, profile: str | None, mode: Mode | None, machines: Machines) -> HostFacts | None:
    """Return the machine that a profile names; None: this one.

    A native environment for the processor rests on the Pythons of a machine, which `on: cpu` alone does not tell.
    """
    table = profile_table(file, profile)
    if profile is None or (mode is Mode.NATIVE and table.host is None and table.target is None):
        return None
    return profile_facts(file, profile, machines.recorded)


def profile_names(file: ProjectFile) -> tuple[str, ...]:
    """Return the names of a project's profiles, sorted."""
    return tuple(sorted(file.project.profiles)) or (DEFAULT_PROFILE,)


def profile_input(
    file: ProjectFile, name: str, typed: Typed, sources: PackageSources, machines: Machines
) -> ProfileInput:
    """Return what is locked for a profile; raises as `profile_wish` and `profile_facts` do."""
    profile = None if not file.project.profiles and name == DEFAULT_PROFILE else name
    made = profile_wish(file, profile, typed, sources)
    request = made.wish.request
    named = _named_machine(file, profile, request.mode, machines)
    if named is not None and request.mode is None:
        request = msgspec.structs.replace(request, mode=Mode.CONTAINER)
    wish = msgspec.structs.replace(made.wish, request=request)
    return ProfileInput(
        name=name,
        wish=wish,
        facts=machines.here() if named is None else named,
        asked=_asked(file, profile, wish, sources),
        here=named is None,
        notes=made.notes,
    )


def require_project(file: ProjectFile | None) -> ProjectFile:
    """Return the project file; raises `UsageError` where there is none."""
    if file is None:
        raise UsageError(f"there is no `{PROJECT_FILE}` here, which a lock is made from", hints=("envkit init",))
    return file


def _asked(file: ProjectFile, profile: str | None, wish: Wish, sources: PackageSources) -> dict[str, str]:
    request = wish.request
    table = profile_table(file, profile)
    own = wish.sources.constraints[len(sources.constraints) :]  # of the project's `requirements`, not of this machine
    asked = {
        "recipes": " ".join(map(str, request.specs)),
        "packages": "; ".join(request.packages),
        "system_packages": " ".join(package.name for package in wish.system_packages),
        "python": request.python or "",
        "on": request.on or "",
        "devices": "" if request.devices is None else ",".join(map(str, request.devices)),
        "engine": table.engine or "",
        "base": " ".join(filter(None, (request.base_image, request.os, request.flavor))),
        "allow": " ".join(request.allow),
        "target": table.target or "",
        "host": "" if table.host is None else f"{table.host} sha256:{_file_digest(file.directory / table.host)}",
        "constraints": " ".join(_file_digest(Path(constraint.value)) for constraint in own),
    }
    return {name: value for name, value in sorted(asked.items()) if value}


def _file_digest(path: Path) -> str:
    """Return the digest of a file's content, or of the names and contents in a folder of recordings."""
    digest = hashlib.sha256()
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for each in files:
        if each.is_file():
            digest.update(f"{each.relative_to(path)}\0".encode() if each != path else b"")
            digest.update(each.read_bytes())
    return digest.hexdigest()[:32]
