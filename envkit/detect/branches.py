"""The branch of a driver that serves all cards of a host."""

import re
from typing import Literal

from envkit.detect.facts import Surroundings
from envkit.detect.models import known_vendor, model_by_pci_id
from envkit.model.host import Device
from envkit.model.value import Value
from envkit.model.vendor import ArchitectureRow, DriverBranch, Vendor

Kind = Literal["open", "proprietary"]
# Branches that are kept up for production, in NVIDIA's words: production and long-term support branch.
_PRODUCTION = frozenset({"PB", "LTSB"})
_DEVICE_NUMBER = re.compile(r"[0-9a-f]{4}")
_PASSTHROUGH = "vfio-pci"  # the card belongs to a virtual machine


class DriverChoice(Value):
    """A driver branch and the kind of its kernel modules that serve some architectures."""

    branch: int
    kind: Kind
    end_of_life: str | None = None  # the month: 2028-06
    ended: bool = False  # it was no longer kept up when the table was read


class NoDriver(Value):
    """Why no branch serves all architectures."""

    reason: str


def choose_driver(vendor: Vendor, architectures: tuple[str, ...]) -> DriverChoice | NoDriver | None:
    """Return the branch to install for some architectures, why there is none, or None when it is not known.

    Of the branches that serve every architecture the newest production branch that is still kept up is taken, then the
    newest whose end is not known, then the newest. What is still kept up is judged by the day the table was read on.
    """
    rows = tuple(row for row in vendor.architectures if row.architecture in architectures)
    if not vendor.driver_branches or not rows or len(rows) < len(set(architectures)):
        return None
    boards = [row for row in rows if row.tegra]
    if boards:
        names = ", ".join(row.architecture for row in boards)
        return NoDriver(reason=f"an embedded board gets its driver with its system image, not as a package: {names}")
    kinds = {row.driver_kind for row in rows} & {"open", "proprietary"}
    if len(kinds) > 1:
        return NoDriver(reason=f"no kind of kernel modules serves all: {_needs(rows)}")
    # Where both kinds serve NVIDIA suggests the open modules, and new branches have no others.
    unstated_old = any(row.driver_kind is None and row.last_driver is not None for row in rows)
    kind: Kind = "proprietary" if "proprietary" in kinds or unstated_old else "open"
    read = max(source.retrieved for source in vendor.sources.values())[:7]
    serving = [branch for branch in vendor.driver_branches if all(_serves(row, branch.branch) for row in rows)]
    if not serving:
        return NoDriver(reason=f"no branch serves all: {_needs(rows)}")
    best = max(serving, key=lambda branch: (-_rank(branch, read), branch.branch))
    return DriverChoice(branch=best.branch, kind=kind, end_of_life=best.end_of_life, ended=_ended(best, read))


def driver_serves(vendor: Vendor, architecture: str | None, driver: str | None) -> bool | None:
    """Tell whether the branch of an installed driver is one that serves an architecture; None when not known."""
    row = next((row for row in vendor.architectures if row.architecture == architecture), None)
    branch = (driver or "").partition(".")[0]
    if row is None or row.tegra or not branch.isdecimal() or (row.first_driver is None and row.last_driver is None):
        return None
    return _serves(row, int(branch))


def modules_serve(vendor: Vendor, architecture: str | None, kind: str | None) -> bool | None:
    """Tell whether an architecture works with the kind of kernel modules that is installed; None when not known."""
    row = next((row for row in vendor.architectures if row.architecture == architecture), None)
    if row is None or row.driver_kind is None or kind not in ("open", "proprietary"):
        return None
    return row.driver_kind in (kind, "either")


def driver_remedy(around: Surroundings, device: Device) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the remedy that installs the driver of a device, and its values: the branch serves all cards on the bus.

    Where no branch does, or the cards are not known, the remedy comes without a branch.
    """
    vendor = known_vendor(device.vendor)
    name = f"{device.vendor}-driver"
    own = () if vendor is None else possible_architectures(vendor, device.architecture, device.pci_id)
    if vendor is None or not own:
        return (name,), {}
    cards = (card for card in around.pci or () if card.driver != _PASSTHROUGH)
    found = {each for card in cards for each in possible_architectures(vendor, None, card.pci_id)}
    return driver_values(device.vendor, choose_driver(vendor, tuple(sorted(found | set(own)))))


def possible_architectures(vendor: Vendor, architecture: str | None, pci_id: str | None) -> tuple[str, ...]:
    """Return the architecture of a card, or those that its PCI id leaves open; none when nothing is known of it."""
    if architecture is not None:
        return (architecture,)
    model = model_by_pci_id(vendor, pci_id)
    if model is not None:
        return (model.architecture,)
    maker, _, number = (pci_id or "").partition(":")
    if maker not in vendor.pci_vendors or not _DEVICE_NUMBER.fullmatch(number):
        return ()
    fitting = (row for row in vendor.pci_ranges if row.first <= number <= row.last)
    return next((row.architectures for row in fitting), ())


def driver_values(vendor: str, choice: DriverChoice | NoDriver | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the remedy that installs a choice, and its values."""
    if not isinstance(choice, DriverChoice):
        return (f"{vendor}-driver",), {}
    suffix = "" if choice.kind == "open" else f"-{choice.kind}"
    return (f"{vendor}-driver{suffix}",), {"branch": str(choice.branch)}


def _serves(row: ArchitectureRow, branch: int) -> bool:
    too_old = row.first_driver is not None and branch < int(row.first_driver.partition(".")[0])
    too_new = row.last_driver is not None and branch > int(row.last_driver.partition(".")[0])
    return not (too_old or too_new)


def _rank(branch: DriverBranch, read: str) -> int:
    if _ended(branch, read):
        return 2
    return 0 if branch.kind in _PRODUCTION and branch.end_of_life is not None else 1


def _ended(branch: DriverBranch, read: str) -> bool:
    return branch.end_of_life is not None and branch.end_of_life < read


def _needs(rows: tuple[ArchitectureRow, ...]) -> str:
    return "; ".join(f"{row.architecture} needs {_need(row)}" for row in rows)


def _need(row: ArchitectureRow) -> str:
    bounds = [f">={row.first_driver}"] if row.first_driver else []
    bounds += [f"<={row.last_driver}"] if row.last_driver else []
    kind = f", {row.driver_kind} modules" if row.driver_kind in ("open", "proprietary") else ""
    return f"driver {' and '.join(bounds) or 'of any branch'}{kind}"
