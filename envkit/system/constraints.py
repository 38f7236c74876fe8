"""Constraints files that the user's settings name."""

from pathlib import Path

from envkit.errors import DataError
from envkit.model.availability import Constraint
from envkit.model.sources import PackageSources


def read_constraints(sources: PackageSources) -> tuple[Constraint, ...]:
    """Return the requirements in the local constraints files, each with its file and line.

    Lines that are options of pip and files behind a URL are left to the package resolver, which reads them itself.
    Raises `DataError` with the setting that names a file which cannot be read.
    """
    found: list[Constraint] = []
    for setting in sources.constraints:
        if "://" in setting.value:
            continue
        try:
            text = Path(setting.value).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"a constraints file cannot be read: {setting.value}"
            raise DataError(message, facts=(f"named by {setting.origin}: {error}",)) from error
        found += _requirements(text, setting.value)
    return tuple(found)


def _requirements(text: str, path: str) -> list[Constraint]:
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        requirement = line.partition(" #")[0].strip()
        if requirement and not requirement.startswith(("#", "-")):
            found.append(Constraint(requirement=requirement, source=f"{path}:{number}"))
    return found
