"""What holds for one vendor: its tables speak of the same architectures."""

from collections.abc import Iterator

from envkit.data.checking.report import Problem
from envkit.model.vendor import Vendor


def known_architectures(vendor: Vendor) -> frozenset[str]:
    """Return the architectures that a vendor's devices have; none where its devices are not listed."""
    listed = {row.architecture for row in vendor.architectures} | {row.architecture for row in vendor.models}
    return frozenset(listed | {name for row in vendor.pci_ranges for name in row.architectures})


def vendor_problems(vendor: Vendor) -> Iterator[Problem]:
    """Say what is wrong with a vendor beyond its single rows."""
    known = known_architectures(vendor)
    for place, row in enumerate(vendor.kernel_floors):
        if row.architecture not in known:
            yield _unknown(("kernel_floors", place, "architecture"), vendor, row.architecture)
    for place, cap in enumerate(vendor.package_caps):
        for inner, name in enumerate(cap.architectures):
            if name not in known:
                yield _unknown(("package_caps", place, "architectures", inner), vendor, name)
    for place, model in enumerate(vendor.models):
        for inner, pci_id in enumerate(model.pci_ids):
            if pci_id[:4] not in vendor.pci_vendors:
                text = f"not an id of this vendor ({', '.join(vendor.pci_vendors)}), found {pci_id!r} in"
                yield Problem(("models", place, "pci_ids", inner), "pci-id", text)


def _unknown(path: tuple[str | int, ...], vendor: Vendor, name: str) -> Problem:
    return Problem(path, "architecture", f"no device of {vendor.name} has it, found {name!r} in")
