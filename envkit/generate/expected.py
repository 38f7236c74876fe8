"""What an environment without an image expects of the system that it is installed on."""

import re

from envkit.errors import DataError, UnsatisfiableError
from envkit.model.lock import Lock
from envkit.model.plan import Plan
from envkit.model.text import strip_controls

# What Debian, Red Hat, SUSE and conda let names of packages be made of, at most.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_@/-]*")
_GLIBC = re.compile(r"manylinux_2_(\d+)_")
# Names of platforms from before they were called after the glibc version: PEP 513, PEP 571, PEP 599.
_OLD_NAMES = {"manylinux1_": 5, "manylinux2010_": 12, "manylinux2014_": 17}


def package_names(plan: Plan) -> str:
    """Return the names of the system packages, for a comment; raises `DataError` for what is no name."""
    for package in plan.system_packages:
        if _NAME.fullmatch(package.name) is None:
            message = f"not the name of a system package: {strip_controls(package.name)}"
            raise DataError(message)
    return " ".join(package.name for package in plan.system_packages)


def require_whole_lock(plan: Plan) -> None:
    """Raise `UnsatisfiableError` where the lock is not all: the base image brings what no index has."""
    if plan.base is not None and plan.brought:
        brought = ", ".join(f"{name} {version}" for name, version in sorted(plan.brought.items()))
        message = f"only an output with the base image {plan.base.image} has what that brings: {brought}"
        raise UnsatisfiableError(message, hints=("envkit generate --format dockerfile",))


def oldest_glibc(lock: Lock) -> str | None:
    """Return the oldest glibc on which every locked wheel can be installed, None where no wheel asks for one."""
    floors = [min(found) for package in lock.packages if (found := _floors(package.file.filename))]
    return f"2.{max(floors)}" if floors else None


def _floors(filename: str) -> list[int]:
    """Return the minor versions of glibc that the tags of a wheel name; any of them is enough."""
    old = [minor for name, minor in _OLD_NAMES.items() if name in filename]
    return [*map(int, _GLIBC.findall(filename)), *old]
