"""A wheel's METADATA: what it requires, for which target."""

from email.errors import MessageError
from email.parser import HeaderParser
from fnmatch import fnmatchcase

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envkit.errors import DataError

_FIELD_LIMIT = 2000  # characters of a requirement: a version with more digits cannot be computed with


def read_requirements(text: str, name: str) -> tuple[str, ...]:
    """Return the `Requires-Dist` fields of a METADATA text as they are; raises `DataError`, naming `name`."""
    try:
        headers = HeaderParser().parsestr(text)
    except (MessageError, RecursionError) as error:
        raise DataError(f"the METADATA cannot be read ({error}): {name}") from error
    if headers.get("Name") is None:
        raise DataError(f"the METADATA has no name: {name}")
    fields = (str(value) for value in headers.get_all("Requires-Dist", []))
    return tuple(" ".join(field.split()) for field in fields if len(field) <= _FIELD_LIMIT)


def requirements_for(
    requirements: tuple[str, ...], *, architecture: str, python: str, extra: str = ""
) -> tuple[Requirement, ...]:
    """Return the requirements that hold on Linux for a processor architecture and Python, with an extra.

    What is no requirement is left out, as it could not be installed anyway.
    """
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": architecture,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python.rstrip('t')}.99",
        "python_version": python.rstrip("t"),
        "sys_platform": "linux",
        "extra": extra,
    }
    found: list[Requirement] = []
    for text in requirements:
        try:
            requirement = Requirement(text)
            holds = requirement.marker is None or requirement.marker.evaluate(environment)
        except (InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
            continue
        if holds:
            found.append(requirement)
    return tuple(found)


def find_requirement(requirements: tuple[Requirement, ...], package: str) -> SpecifierSet | None:
    """Return the range that is required of a package, None when it is not required."""
    name = canonicalize_name(package)
    found = [requirement.specifier for requirement in requirements if canonicalize_name(requirement.name) == name]
    return found[0] if found else None


def exact_pins(requirements: tuple[Requirement, ...], patterns: tuple[str, ...]) -> dict[str, str]:
    """Return what is required exactly, of packages whose names fit a pattern: {nvidia-cudnn-cu13: 9.26.0.51}."""
    pins: dict[str, str] = {}
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        exact = [part.version for part in requirement.specifier if part.operator == "=="]
        if len(exact) == 1 and any(fnmatchcase(name, pattern) for pattern in patterns):
            pins[name] = exact[0]
    return pins
