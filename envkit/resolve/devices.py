"""Devices as the rules see them, which of them look usable, and which of them a vendor's environment is made for."""

from envkit.model.host import Device, Stack
from envkit.model.request import Mode
from envkit.model.value import Value
from envkit.model.vendor import ArchitectureRow, Vendor
from envkit.resolve.models import model_of_device
from envkit.resolve.problem import Problem

_EMBEDDED_MODULE = "nvgpu"
_INTEGRATED = "integrated"


class Accelerator(Value):
    """A device with what the vendor's tables add to it."""

    device: Device
    position: int  # in the host facts
    index: int  # as the request names it
    architecture: str | None  # as read, else as the model table has it
    row: ArchitectureRow | None
    embedded: bool  # on a board whose drivers are numbered on their own
    usable_looking: bool
    category: str | None = None  # of the model, where the table has it
    hidden: bool = False  # by a variable of the shell, from every program that inherits it

    @property
    def label(self) -> str:
        """Name the device for people: `device 0 (GeForce RTX 5090)`."""
        return f"device {self.index} ({self.device.name})" if self.device.name else f"device {self.index}"


def accelerators(problem: Problem, vendor: str) -> tuple[Accelerator, ...]:
    """Return all devices of a vendor, by index, then by address.

    A device looks usable when detection did not find it unusable and one of these holds: its architecture, as read or
    by its name or PCI id in the model table, is in the vendor's tables; the vendor's driver names the runtime that it
    serves, or is of a branch that serves one; detection found it usable and knows its architecture, and the matrix has
    no tables for its vendor, so that nothing speaks against it. A model that the tables call `integrated` never counts,
    nor does an integrated graphics unit of which they know nothing: leaving one unused is a note and does not degrade.
    A device that a variable hides from the programs of the shell is hidden from a native environment.
    """
    tables = problem.matrix.vendor(vendor)
    found = [
        (device, position) for position, device in enumerate(problem.facts.devices or ()) if device.vendor == vendor
    ]
    found.sort(key=lambda entry: (entry[0].index is None, entry[0].index or 0, entry[0].pci_address or "", entry[1]))
    serves = _driver_serves(problem.facts.stack(vendor), tables)
    visible = problem.facts.visible(vendor) if problem.mode is Mode.NATIVE else None
    return tuple(
        _accelerator(device, position, order, tables=tables, driver_serves=serves, visible=visible)
        for order, (device, position) in enumerate(found)
    )


def vendor_names(problem: Problem) -> tuple[str, ...]:
    """Return the vendors of all devices of the host, sorted."""
    return tuple(sorted({device.vendor for device in problem.facts.devices or ()}))


def embedded_architectures(tables: Vendor | None) -> frozenset[str]:
    """Return the architectures that only embedded boards have: machine code does not cross to or from them."""
    if tables is None:
        return frozenset()
    return frozenset(row.architecture for row in tables.architectures if row.tegra)


def _driver_serves(stack: Stack | None, tables: Vendor | None) -> bool:
    if stack is None or stack.runtime_ceiling is not None:
        return stack is not None
    branch = (stack.driver or "").partition(".")[0]
    return tables is not None and any(str(row.branch) == branch for row in tables.driver_branches)


def _accelerator(
    device: Device,
    position: int,
    order: int,
    *,
    tables: Vendor | None,
    driver_serves: bool,
    visible: tuple[int, ...] | None,
) -> Accelerator:
    index = device.index if device.index is not None else order
    architecture = device.architecture.partition(":")[0] if device.architecture else None
    model = model_of_device(device, tables) if tables is not None else None
    if architecture is None and model is not None:
        architecture = model.architecture
    row = None
    if tables is not None and architecture is not None:
        row = next((row for row in tables.architectures if row.architecture == architecture), None)
    if tables is None:
        looks = device.usable is True and architecture is not None
    else:
        listed = row is not None or any(
            other.architecture == architecture and other.category != _INTEGRATED for other in tables.models
        )
        integrated = model is not None and model.category == _INTEGRATED
        looks = device.usable is not False and (listed or driver_serves) and not integrated
    return Accelerator(
        device=device,
        position=position,
        index=index,
        architecture=architecture,
        row=row,
        embedded=device.kernel_driver == _EMBEDDED_MODULE or (row is not None and row.tegra),
        usable_looking=looks,
        category=model.category if model is not None else None,
        hidden=visible is not None and index not in visible,
    )
