"""Packages of the distribution as lines that its package manager takes."""

import re

from envkit.errors import DataError, UnsatisfiableError
from envkit.model.plan import Plan
from envkit.model.text import strip_controls

# Debian policy 5.6.1 and 5.6.12, and what rpm takes for names, versions and releases: no name ends in `-`, which tells
# apt to remove, or begins with a sign of an option, a group or a path.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9+._-]*[A-Za-z0-9+])?(?::[a-z0-9]+)?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~:^_-]*")
_MAX_LENGTH = 255  # characters


def system_package_lines(plan: Plan) -> str:
    """Return one package to a line, in the order of their names, at its exact version where that is locked.

    Raises `DataError` for other text, and `UnsatisfiableError` where the base's package manager is not known.
    """
    manager = plan.package_manager
    if manager is None:
        image = plan.base.image if plan.base is not None else plan.name
        message = f"system packages cannot be added, because the base image's package manager is not known: {image}"
        raise UnsatisfiableError(message)
    lines = []
    for package in sorted(plan.system_packages, key=lambda package: package.name):
        line = _checked(package.name, _NAME, "name")
        if package.version is not None:
            line += manager.version_mark + _checked(package.version, _VERSION, "version")
        lines.append(f"{line}\n")
    return "".join(dict.fromkeys(lines))


def _checked(value: str, pattern: re.Pattern[str], what: str) -> str:
    if len(value) > _MAX_LENGTH or pattern.fullmatch(value) is None:
        message = f"not the {what} of a system package: {strip_controls(value[:80])}"
        raise DataError(message)
    return value
