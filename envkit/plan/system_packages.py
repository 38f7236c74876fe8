"""Which packages of its distribution an image gets beside those that were asked for."""

from envkit.model.package_manager import PackageManager
from envkit.model.plan import SystemPackage
from envkit.model.resolution import Base


def needed_packages(
    base: Base | None, manager: PackageManager | None, asked: tuple[SystemPackage, ...]
) -> tuple[SystemPackage, ...]:
    """Return what has to be added to a base image, sorted by name: Python, libraries, compilers, what was asked for.

    A package that was asked for, or locked, keeps its version; on the host itself nothing is added but what was asked.
    """
    own: tuple[str, ...] = ()
    if base is not None:
        own = base.own_packages
        if base.flavor == "devel" and not base.compilers and manager is not None:
            own = (*own, *manager.compilers)
    packages = {name: SystemPackage(name=name) for name in own} | {package.name: package for package in asked}
    return tuple(packages[name] for name in sorted(packages))
