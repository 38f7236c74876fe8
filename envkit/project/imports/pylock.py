"""`pylock.toml`, the lock of PEP 751: exact versions of all packages."""

from packaging.pylock import Package, Pylock, PylockValidationError

from envkit.errors import DataError
from envkit.model.address import display_url
from envkit.model.availability import PUBLIC_INDEX
from envkit.project.drafts import Draft, LeftOut, Line, Read, make_lines
from envkit.project.imports import Role
from envkit.project.toml import parse_toml

NAMES = ("pylock.toml", "pylock.*.toml")
RANK = 50
ROLE: Role = "requirements"


def import_file(text: str, path: str, read: Read) -> Draft:  # noqa: ARG001 - of all importers; nothing is included here
    """Make a draft of a lock; raises `DataError`."""
    try:
        lock = Pylock.from_dict(parse_toml(text, path))
    except PylockValidationError as error:
        raise DataError(f"not a lock as PEP 751 has it ({error}): {path}") from error
    places = _places(text, path)
    listed = [
        (package, places[number] if number < len(places) else path) for number, package in enumerate(lock.packages)
    ]
    pinned = [(_requirement(package), place) for package, place in listed if package.version is not None]
    return Draft(
        source=path,
        python=None if lock.requires_python is None else str(lock.requires_python),
        lines=make_lines(pinned),
        extra_indexes=_indexes(listed),
        left_out=(
            *_hashes(pinned, path),
            *(_unversioned(package, place) for package, place in listed if package.version is None),
        ),
    )


def _requirement(package: Package) -> str:
    marker = "" if package.marker is None else f"; {package.marker}"
    return f"{package.name}=={package.version}{marker}"


def _indexes(listed: list[tuple[Package, str]]) -> tuple[Line, ...]:
    """Return the indexes beside PyPI that packages are locked from, each with the place of its first package."""
    found = {display_url(package.index).rstrip("/"): place for package, place in reversed(listed) if package.index}
    found.pop(PUBLIC_INDEX, None)
    return tuple(Line(text=address, place=place) for address, place in reversed(found.items()))


def _hashes(pinned: list[tuple[str, str]], path: str) -> tuple[LeftOut, ...]:
    if not pinned:
        return ()
    reason = "hashes are written anew by envkit's own lock, from the index"
    return (LeftOut(what=f"files and hashes of {len(pinned)} packages", place=path, reason=reason, lost=False),)


def _unversioned(package: Package, place: str) -> LeftOut:
    reason = "it comes from a repository or directory, and only packages of an index are installed"
    return LeftOut(what=f"`{package.name}`", place=place, reason=reason)


def _places(text: str, path: str) -> list[str]:
    """Return where each package stands."""
    lines = enumerate(text.splitlines(), start=1)
    return [f"{path}:{number}" for number, line in lines if line.strip() == "[[packages]]"]
