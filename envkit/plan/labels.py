"""Labels of images and containers: what OCI names, and what envkit needs to find an environment again."""

from envkit.model.lock import Lock
from envkit.model.matrix import Matrix
from envkit.model.resolution import Chosen, Resolution
from envkit.model.value import to_line

PREFIX = "dev.envkit."
_OCI = "org.opencontainers.image."


def plan_labels(
    resolution: Resolution, chosen: Chosen, lock: Lock, matrix: Matrix, *, name: str, fingerprint: str
) -> dict[str, str]:
    """Return the labels of an environment, sorted by key; none of them names a time, a user or a machine.

    The OCI keys are those of https://github.com/opencontainers/image-spec/blob/main/annotations.md
    """
    labels = {
        f"{_OCI}title": " ".join(chosen.recipes),
        f"{_OCI}description": _description(chosen, matrix),
        f"{PREFIX}name": name,
        f"{PREFIX}fingerprint": fingerprint,
        f"{PREFIX}recipes": ",".join(chosen.recipes),
        f"{PREFIX}vendor": chosen.vendor,
        f"{PREFIX}variant": chosen.variant,
        f"{PREFIX}python": chosen.python,
        f"{PREFIX}packages": to_line(locked_pins(chosen, lock)),
        f"{PREFIX}matrix": resolution.matrix.revision,
        f"{PREFIX}lock": lock.sha256,
    }
    if chosen.base is not None:
        labels[f"{_OCI}base.name"] = chosen.base.image
        if chosen.base.digest is not None:
            labels[f"{_OCI}base.digest"] = chosen.base.digest
    return dict(sorted(labels.items()))


def locked_pins(chosen: Chosen, lock: Lock) -> dict[str, str]:
    """Return the packages that were chosen, with their locked versions (`2.9.1+cu128`), sorted by name.

    What the base image brings is among them, with its release.
    """
    locked = {package.name: package.version for package in lock.packages}
    return {name: version for name, version in sorted((chosen.brought | locked).items()) if name in chosen.packages}


def _description(chosen: Chosen, matrix: Matrix) -> str:
    """Return a sentence such as `PyTorch (torch 2.9.1) for cu128 on Python 3.12`."""
    parts = []
    for name in chosen.recipes:
        recipe = matrix.recipe(name)
        title, package = (name, name) if recipe is None else (recipe.title, recipe.package)
        version = chosen.packages.get(package)
        parts.append(title if version is None else f"{title} ({package} {version})")
    return f"{', '.join(parts)} for {chosen.variant} on Python {chosen.python}"
