"""The wheels of an image in layers, so that a change of one wheel costs little.

What is large is the ground of all others. The others are spread over a few layers that do not know of each other:
which one a wheel is in follows from its name alone, so that none moves when another comes, goes or gets a new version.
"""

from hashlib import sha256

from envkit.model.lock import LockedPackage
from envkit.model.plan import Plan

# Unpacking and storing what is below takes less time than an instruction more.
_LARGE = 16 << 20  # bytes of a wheel
# Each costs a start of pip when all are made, and each makes what a change repeats smaller.
_GROUPS = 8


def split_wheels(plan: Plan) -> tuple[tuple[LockedPackage, ...], tuple[LockedPackage, ...]]:
    """Return the large locked packages, and all others.

    Where sizes are not known, what the recipes asked for counts as large, and what brings the vendor's runtime.
    """
    large = tuple(package for package in plan.lock.packages if _is_large(package, plan))
    return large, tuple(package for package in plan.lock.packages if package not in large)


def wheel_groups(packages: tuple[LockedPackage, ...]) -> dict[int, tuple[LockedPackage, ...]]:
    """Return packages by the number of their group; the first number is 2, as the ground is the first layer."""
    groups: dict[int, tuple[LockedPackage, ...]] = {}
    for package in packages:
        number = sha256(package.name.encode()).digest()[0] % _GROUPS + 2
        groups[number] = (*groups.get(number, ()), package)
    return dict(sorted(groups.items()))


def _is_large(package: LockedPackage, plan: Plan) -> bool:
    if package.file.size is not None:
        return package.file.size >= _LARGE
    return package.name in plan.packages or package.name in plan.runtime_packages
