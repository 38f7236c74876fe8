"""What an image leaves out because the wheels bring it: no second copy of the vendor's runtime below them."""

from envkit.model.plan import Plan
from envkit.model.value import Value
from envkit.model.vendor import Vendor

_GIB = 1 << 30
_MIB = 1 << 20


class Saving(Value):
    """The vendor's runtime that locked wheels bring, and which an image of the vendor would bring once more."""

    title: str  # of the vendor
    runtime: str | None  # cuda 12.8; None: not known
    packages: tuple[str, ...]  # of the lock
    size: int | None  # bytes of their wheels, which is less than they take unpacked; None: not known of all


def find_saving(plan: Plan, vendor: Vendor | None) -> Saving | None:
    """Return what a plan saves against the vendor's own base image; None where that is its base, or wheels bring none.

    `vendor` is that of the plan's devices, with the names of the packages that carry its runtime.
    """
    if vendor is None or plan.base is None or _is_of_vendor(plan.base.image, vendor):
        return None
    found = tuple(package for package in plan.lock.packages if vendor.is_runtime(package.name))
    if not found:
        return None
    sizes = tuple(package.file.size for package in found)
    known = tuple(size for size in sizes if size is not None)
    return Saving(
        title=vendor.title,
        runtime=None if plan.runtime is None else f"{plan.runtime.name} {plan.runtime.version}",
        packages=tuple(sorted(package.name for package in found)),
        size=sum(known) if len(known) == len(sizes) else None,
    )


def describe_saving(saving: Saving) -> str:
    """Say in a sentence what is saved, for who generates or builds."""
    first, others = saving.packages[0], len(saving.packages) - 1
    wheels = f"{first} brings" if not others else f"{first} and {others} more bring"
    runtime = f"the runtime of {saving.title}" if saving.runtime is None else saving.runtime
    amount = "the same again" if saving.size is None else f"at least {_amount(saving.size)} to store and to pull"
    return f"{runtime} is in the image once: {wheels} it; a base image of {saving.title} would add {amount}"


def _is_of_vendor(image: str, vendor: Vendor) -> bool:
    named = image.partition("@")[0]
    rows = (row.image.partition("{")[0] for row in vendor.bases)
    return any(named.startswith(beginning) for beginning in rows)


def _amount(size: int) -> str:
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size // _MIB} MiB"
