"""What of a lock is kept when a project is locked again, and what is to move."""

from difflib import get_close_matches

import msgspec
from packaging.utils import canonicalize_name

from envkit.errors import UsageError
from envkit.model.lock import Lock
from envkit.model.matrix import Matrix
from envkit.model.project_lock import LockedProfile, ProjectLock
from envkit.model.recipe import Recipe
from envkit.model.request import Spec
from envkit.model.resolution import Chosen
from envkit.model.value import Value
from envkit.settle import Wish


class Upgrade(Value):
    """What may move although the project file does not ask for it."""

    everything: bool = False
    packages: tuple[str, ...] = ()  # normalised names


def make_upgrade(texts: tuple[str, ...], *, everything: bool, locks: tuple[Lock, ...], matrix: Matrix) -> Upgrade:
    """Return what is to move; a recipe stands for its main package. Raises `UsageError` for what is not locked."""
    names = []
    locked = {package.name for lock in locks for package in lock.packages}
    for text in texts:
        recipe = matrix.recipe(text)
        name = canonicalize_name(text if recipe is None else recipe.package)
        if locked and name not in locked:
            near = get_close_matches(name, locked, n=3)
            raise UsageError(
                f"no profile has this package locked: {text}",
                hints=tuple(f"envkit lock --upgrade {one}" for one in near),
            )
        names.append(str(name))
    return Upgrade(everything=everything, packages=tuple(dict.fromkeys(names)))


def moves(packages: Lock, upgrade: Upgrade) -> bool:
    """Tell whether an upgrade is about the profile with these packages."""
    return upgrade.everything or any(package.name in upgrade.packages for package in packages.packages)


def pinned_wish(wish: Wish, profile: LockedProfile, matrix: Matrix, upgrade: Upgrade) -> Wish:
    """Return a wish for what is locked already, as far as it is not to move."""
    chosen = profile.resolution.chosen
    if chosen is None:
        return wish
    specs = tuple(_pinned(spec, chosen, matrix, upgrade) for spec in wish.request.specs)
    python = f"=={chosen.python}.*" if wish.request.python is None and not chosen.python.endswith("t") else None
    request = msgspec.structs.replace(wish.request, specs=specs, python=python or wish.request.python)
    return msgspec.structs.replace(wish, request=request)


def without_profiles(lock: ProjectLock | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of locked profiles that are not among `names`."""
    return () if lock is None else tuple(each.name for each in lock.profiles if each.name not in names)


def _pinned(spec: Spec, chosen: Chosen, matrix: Matrix, upgrade: Upgrade) -> Spec:
    recipe = matrix.recipe(spec.recipe)
    if recipe is None:
        return spec
    name, version = _main_version(recipe, chosen)
    if version is None or name in upgrade.packages:
        return spec
    release = version.partition("+")[0]
    return msgspec.structs.replace(spec, range=",".join(filter(None, (spec.range, f"=={release}"))))


def _main_version(recipe: Recipe, chosen: Chosen) -> tuple[str, str | None]:
    """Return the main package under the name that it has in the chosen variant, and its version."""
    names = dict.fromkeys((recipe.package, *(row.package for row in recipe.variants if row.package is not None)))
    found = ((name, chosen.packages[name]) for name in names if name in chosen.packages)
    return next(found, (recipe.package, None))
