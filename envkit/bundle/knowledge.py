"""The compatibility data in a bundle: the recipes in use, and a site's own rows over them."""

import hashlib
import re
from pathlib import Path

from envkit.bundle.archive import Entry
from envkit.data.places import MERGED, SINGLE, DataFile, find_files, overlay_directory
from envkit.errors import StorageError
from envkit.model.bundle import Bundle
from envkit.model.value import Value
from envkit.system.directories import ensure_directory, storage_error
from envkit.system.files import write_atomically

RECIPES = "recipes"
OVERLAY = "overlay"
_DECIDING = ("foundations", "package_managers", "systems")  # what of SINGLE decides plans; mirrors are a user's own
_PLACE = re.compile(rf"(?:(?:{'|'.join(MERGED)})/[a-z0-9][a-z0-9_-]*|{'|'.join(_DECIDING)})\.yaml")


class Knowledge(Value):
    """What a bundle brings of compatibility data, compared with what is in use on this machine."""

    missing: tuple[str, ...] = ()  # files that are to be put into the overlay, as the bundle names them
    different: tuple[str, ...] = ()  # files of the overlay that say something else here
    other: tuple[str, ...] = ()  # recipes that this version of envkit has otherwise


def knowledge_entries(recipes: frozenset[str], vendors: frozenset[str]) -> tuple[Entry, ...]:
    """Return the recipes' files, and of the overlay what recipes, vendors and all plans depend on."""
    return tuple(entry for file in find_files() for entry in _entries(file, recipes, vendors))


def compare_knowledge(bundle: Bundle) -> Knowledge:
    """Compare the data of a verified bundle with those in use here; raises `DataError`, `StorageError`."""
    here = overlay_directory()
    known = {file.name: Path(file.path) for file in find_files() if file.kind == "recipes"}
    brought = {file.path: file.sha256 for file in bundle.files}
    missing: list[str] = []
    different: list[str] = []
    other: list[str] = []
    for path, sha256 in brought.items():
        kind, _, place = path.partition("/")
        if kind == OVERLAY and _PLACE.fullmatch(place):
            found = _digest(here / place)
            (different if found else missing).extend((path,) if found != sha256 else ())
        elif kind == RECIPES and _PLACE.fullmatch(path) and f"{OVERLAY}/{path}" not in brought:
            own = known.get(place.removesuffix(".yaml"))
            (missing if own is None else other).extend((path,) if own is None or _digest(own) != sha256 else ())
    return Knowledge(missing=tuple(missing), different=tuple(different), other=tuple(other))


def install_knowledge(paths: tuple[str, ...], directory: Path) -> tuple[Path, ...]:
    """Put files of an extracted bundle into this user's overlay and return them; raises `StorageError`."""
    written = []
    for path in paths:
        target = overlay_directory() / path.removeprefix(f"{OVERLAY}/")
        ensure_directory(target.parent)
        try:
            text = (directory / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(f"cannot read the compatibility data of the bundle: {path}") from error
        write_atomically(target, text)
        written.append(target)
    return tuple(written)


def _entries(file: DataFile, recipes: frozenset[str], vendors: frozenset[str]) -> tuple[Entry, ...]:
    wanted = {"recipes": recipes, "vendors": vendors}.get(file.kind, frozenset(_DECIDING))
    if file.name not in wanted or file.kind not in {*MERGED, *SINGLE}:
        return ()
    over = overlay_directory()
    entries = []
    if file.kind == RECIPES and not Path(file.path).is_relative_to(over):
        entries.append(Entry(path=f"{RECIPES}/{file.name}.yaml", source=Path(file.path)))
    paths = (Path(path) for path in (file.path, file.overlay) if path is not None)
    own = (path for path in paths if path.is_relative_to(over))
    return (*entries, *(Entry(path=f"{OVERLAY}/{path.relative_to(over)}", source=path) for path in own))


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file, None where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(error, path, "cannot read") from error
