"""The forms of values: which fields hold dates, versions, ranges and so on, and what these look like."""

import re
from collections.abc import Callable, Iterator
from datetime import date

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.data.checking.report import Problem
from envkit.data.faults import Path
from envkit.model.access import PciRange
from envkit.model.address import is_web_address
from envkit.model.deriving import DeriveRow
from envkit.model.host import Runtime
from envkit.model.matrix import Foundations
from envkit.model.provenance import Source
from envkit.model.recipe import BrokenRow, Denied, HostWindow, IndexRow, ReleaseRow, VariantRow
from envkit.model.recorded import Recorded, RecordedBuild, RecordedRelease
from envkit.model.vendor import (
    AdmissionRow,
    ArchitectureRow,
    BaseRow,
    DeviceModel,
    DriverBranch,
    DriverFloor,
    DriverRow,
    ForwardRow,
    KernelFloor,
    PackageCap,
    RuntimeDrivers,
)
from envkit.model.version import VendorVersion

# Digits and words joined by one mark each: `580.65.06`, `8.2.RC1`, `25.0.rc1.1`, `5.10.0-60`. No part is longer than a
# date without dashes: what is longer was not meant.
_VENDOR_VERSION = re.compile(r"[0-9]{1,8}(?:[._+-][0-9]{1,8}|[._+-]?[A-Za-z]{1,8}[0-9]{0,8})*")
_PYTHON = re.compile(r"[23]\.[0-9]{1,2}t?")
_LIBC = re.compile(r"2\.[0-9]{1,2}")
_PCI_ID = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")
_DEVICE_ID = re.compile(r"[0-9a-f]{4}")
_WINDOW = re.compile(r"(?:>=|<=|==|!=|>|<)\s*(?P<version>.+)")
_OS = re.compile(r"[a-z0-9][a-z0-9._-]*-(?:[A-Za-z0-9._]+|\*)")


def release_fault(text: str) -> str | None:
    """Return what is wrong with a version of a Python package; None: nothing."""
    try:
        Version(text)
    except ValueError:  # `InvalidVersion`, and numbers of thousands of digits
        return f"not a version as PEP 440 has them, found {text!r}"
    return None


def range_fault(text: str) -> str | None:
    """Return what is wrong with a range of versions of Python packages; None: nothing."""
    try:
        SpecifierSet(text).contains("1")
    except ValueError:  # `InvalidSpecifier`, and numbers of thousands of digits
        return f"not a range as PEP 440 has them, found {text!r}"
    return None


def vendor_version_fault(text: str) -> str | None:
    """Return what is wrong with a driver's or runtime's version; None: nothing."""
    if not _VENDOR_VERSION.fullmatch(text):
        return f"not a version of a driver or runtime, found {text!r}"
    try:
        VendorVersion(text)
    except ValueError:
        return f"not a version of a driver or runtime, found {text!r}"
    return None


def date_fault(text: str) -> str | None:
    """Return what is wrong with a date; None: nothing."""
    try:
        is_date = date.fromisoformat(text).isoformat() == text
    except ValueError:
        is_date = False
    return None if is_date else f"not a date such as 2026-01-31, found {text!r}"


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str | None]:
    return lambda text: None if pattern.fullmatch(text) else f"not {what}, found {text!r}"


_python = _matching(_PYTHON, "a Python such as 3.12 or 3.14t")
_libc = _matching(_LIBC, "a glibc version such as 2.28")
_pci_id = _matching(_PCI_ID, "a PCI id such as 10de:2330")
_device_id = _matching(_DEVICE_ID, "a device id of four hexadecimal digits")


def _address(text: str) -> str | None:
    fits = is_web_address(text.replace("{variant}", "x"))
    return None if fits else f"not an address by http or https, found {text!r}"


Form = tuple[str, Callable[[str], str | None]]
_DATE: Form = ("date", date_fault)
_MONTH: Form = ("date", lambda text: date_fault(f"{text}-01") and date_fault(text))  # some tables name the month alone
_RANGE: Form = ("range", range_fault)
_RELEASE: Form = ("version", release_fault)
_RUNTIME: Form = ("version", vendor_version_fault)

# By row type and field; for a list or mapping the form is that of its values.
FORMS: dict[tuple[type, str], Form] = {
    (AdmissionRow, "runtime"): _RUNTIME,
    (ArchitectureRow, "first_driver"): _RUNTIME,
    (ArchitectureRow, "first_runtime"): _RUNTIME,
    (ArchitectureRow, "last_driver"): _RUNTIME,
    (ArchitectureRow, "last_runtime"): _RUNTIME,
    (BaseRow, "libc"): ("version", _libc),
    (BaseRow, "packages"): _RELEASE,
    (BaseRow, "pythons"): ("version", _python),
    (BrokenRow, "releases"): _RANGE,
    (Denied, "versions"): _RANGE,
    (DeriveRow, "releases"): _RANGE,
    (DeviceModel, "pci_ids"): ("pci-id", _pci_id),
    (DriverBranch, "ceiling"): _RUNTIME,
    (DriverBranch, "end_of_life"): _MONTH,
    (DriverBranch, "newest"): _RUNTIME,
    (DriverFloor, "minimum"): _RUNTIME,
    (DriverFloor, "minimum_windows"): _RUNTIME,
    (DriverRow, "minimum"): _RUNTIME,
    (DriverRow, "runtime"): _RUNTIME,
    (ForwardRow, "runtime"): _RUNTIME,
    (Foundations, "python_preference"): ("version", _python),
    (IndexRow, "url"): ("address", _address),
    (KernelFloor, "minimum"): _RUNTIME,
    (PackageCap, "allowed"): _RANGE,
    (PciRange, "first"): ("pci-id", _device_id),
    (PciRange, "last"): ("pci-id", _device_id),
    (Recorded, "retrieved"): _DATE,
    (RecordedBuild, "libc"): ("version", _libc),
    (RecordedRelease, "libc"): ("version", _libc),
    (RecordedRelease, "packages"): _RELEASE,
    (RecordedRelease, "packages_pythons"): ("version", _python),
    (RecordedRelease, "pythons"): ("version", _python),
    (RecordedRelease, "released"): _DATE,
    (RecordedRelease, "requires"): _RANGE,
    (RecordedRelease, "version"): _RELEASE,
    (ReleaseRow, "libc"): ("version", _libc),
    (ReleaseRow, "packages"): _RELEASE,
    (ReleaseRow, "packages_pythons"): ("version", _python),
    (ReleaseRow, "pythons"): ("version", _python),
    (ReleaseRow, "pythons_by_architecture"): ("version", _python),
    (ReleaseRow, "released"): _DATE,
    (ReleaseRow, "requires"): _RANGE,
    (ReleaseRow, "version"): _RELEASE,
    (Runtime, "version"): _RUNTIME,
    (RuntimeDrivers, "minimum"): _RUNTIME,
    (RuntimeDrivers, "newest"): _RUNTIME,
    (RuntimeDrivers, "runtime"): _RUNTIME,
    (Source, "retrieved"): _DATE,
    (VariantRow, "libc"): ("version", _libc),
    (VariantRow, "pins"): _RELEASE,
    (VariantRow, "pythons"): ("version", _python),
    (VariantRow, "releases"): _RANGE,
}


def form_problems(row: msgspec.Struct, path: Path) -> Iterator[Problem]:
    """Say which values of one row have not the form that they must have."""
    for field in row.__struct_fields__:
        form = FORMS.get((type(row), field))
        if form is not None:
            for place, text in _texts(getattr(row, field), (*path, field)):
                problem = form[1](text)
                if problem is not None:
                    yield Problem(place, form[0], f"{problem} in")
    if isinstance(row, HostWindow):
        yield from _window_problems(row, path)


def _texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    match value:
        case str():
            yield path, value
        case tuple():
            for place, item in enumerate(value):
                yield from _texts(item, (*path, place))
        case dict():
            for key, item in value.items():
                yield from _texts(item, (*path, key))
        case _:
            return


def _window_problems(row: HostWindow, path: Path) -> Iterator[Problem]:
    for place, text in enumerate(row.allowed):
        if not (_OS.fullmatch(text) if row.fact == "os" else _is_window(text)):
            yield Problem((*path, "allowed", place), "window", f"not a window of `{row.fact}`, found {text!r} in")


def _is_window(text: str) -> bool:
    matches = [_WINDOW.fullmatch(part.strip()) for part in text.split(",")]
    versions = [
        match["version"].strip() if match else part.strip()
        for match, part in zip(matches, text.split(","), strict=True)
    ]
    return all(vendor_version_fault(version.removesuffix(".*").removesuffix(".x")) is None for version in versions)
