"""The wheels of an image in layers: what is large and rarely changes first, so that a change of the rest is cheap."""

from envkit.model.lock import LockedPackage
from envkit.model.plan import Plan

# Unpacking and storing what is below takes less time than an instruction more.
_LARGE = 16 << 20  # bytes of a wheel


def wheel_layers(plan: Plan) -> tuple[tuple[LockedPackage, ...], ...]:
    """Return the locked packages in the order of their layers, at least one layer.

    The first holds large wheels, and where sizes are not known, what the recipes asked for; the last one all others.
    """
    large = tuple(package for package in plan.lock.packages if _is_large(package, plan))
    rest = tuple(package for package in plan.lock.packages if package not in large)
    return (large, rest) if large and rest else (large or rest,)


def _is_large(package: LockedPackage, plan: Plan) -> bool:
    return package.name in plan.packages if package.file.size is None else package.file.size >= _LARGE
