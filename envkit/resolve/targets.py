"""Named targets: host facts for hardware that nobody recorded, from a line like `h100*8,driver=570.124.06`."""

import re
from difflib import get_close_matches

from envkit.errors import UsageError
from envkit.model.host import Cpu, Device, Evidence, HostFacts, Libc, OperatingSystem, Python, Stack
from envkit.model.matrix import Matrix, OsRow
from envkit.model.reserved import CPU
from envkit.model.version import VendorVersion
from envkit.resolve.models import find_model

_PART = re.compile(r"(?P<key>[a-z]+)\s*(?:>?=)\s*(?P<value>\S+)")
_DEVICE = re.compile(r"(?P<name>[^*=<>]+?)\s*(?:\*\s*(?P<count>\d{1,4}))?")
_KEYS = ("arch", "driver", "os", "python")
_FORM = (
    "a target is written `h100*8,driver=570.124.06,os=ubuntu-24.04`, with several kinds of devices `v100+a100*2`;"
    " `cpu` is a machine without accelerator"
)
_SOURCE = "--target"
_DARWIN = "macos"


def target_facts(text: str, matrix: Matrix) -> HostFacts:
    """Return the facts that a target names; everything else stays unknown.

    Devices of several kinds are joined by `+` or listed one by one. Keys are `driver` (`driver>=535` counts as 535),
    `os`, `arch` and `python`. A distribution brings its libc and its Python from the matrix. Raises `UsageError`.
    """
    settings: dict[str, str] = {}
    names: list[str] = []
    for part in (piece.strip() for piece in text.split(",")):
        match = _PART.fullmatch(part)
        if match is None:
            names += _separate(part, matrix)
        elif match["key"] in _KEYS:
            settings[match["key"]] = match["value"]
        else:
            message = f"a target has no such key: {match['key']}"
            raise UsageError(message, hints=(*_near(match["key"], _KEYS), _FORM))
    devices = () if names == [CPU] else _devices(names, text, matrix)
    tables = [vendor for device in devices if (vendor := matrix.vendor(device.vendor)) is not None]
    darwin = any(vendor.system == "darwin" for vendor in tables)
    system = None if darwin else _system(settings.get("os"), matrix)
    usual = next((vendor.cpu_architectures[0] for vendor in tables if vendor.cpu_architectures), "x86_64")
    architecture = settings.get("arch", usual)
    features = matrix.foundations.target_features.get(architecture)
    return HostFacts(
        os=_darwin(settings.get("os")) if darwin else _operating_system(settings.get("os"), system),
        cpu=Cpu(architecture=architecture, features=features),
        devices=devices,
        stacks=_stacks(devices, settings.get("driver")),
        pythons=_pythons(settings.get("python") or (system.python if system else None)),
        evidence=tuple(Evidence(fact=fact, source=_SOURCE, raw=text) for fact in _stated(devices, settings)),
    )


def _separate(part: str, matrix: Matrix) -> list[str]:
    """Take `v100+a100*2` apart; a `+` that stands in a listed name, as in `Ryzen AI Max+ 395`, separates nothing."""
    listed = (name.lower() for vendor in matrix.vendors for model in vendor.models for name in model.names)
    if any("+" in name and name in part.lower() for name in listed):
        return [part]
    return [piece.strip() for piece in part.split("+")]


def _stated(devices: tuple[Device, ...], settings: dict[str, str]) -> tuple[str, ...]:
    facts = [f"devices[{device.index}].architecture" for device in devices]
    facts += [f"stacks.{vendor}.driver" for vendor in sorted({device.vendor for device in devices})]
    paths = {"os": ("os.libc",), "arch": ("cpu.architecture",)}
    facts += [path for key, named in paths.items() if key in settings for path in named]
    return (*facts, "pythons") if settings.keys() & {"os", "python"} else tuple(facts)


def _devices(names: list[str], text: str, matrix: Matrix) -> tuple[Device, ...]:
    devices: list[Device] = []
    for name in names:
        match = _DEVICE.fullmatch(name)
        if match is None or match["count"] == "0":
            message = f"not a target: {text}"
            raise UsageError(message, hints=(_FORM,))
        if name == CPU:
            message = f"`{CPU}` stands for a machine without accelerator and goes with no device: {text}"
            raise UsageError(message, hints=(_FORM,))
        vendor, model, listed = find_model(match["name"], matrix.vendors)
        for _ in range(int(match["count"] or 1)):
            devices.append(
                Device(
                    vendor=vendor.name,
                    index=sum(device.vendor == vendor.name for device in devices),
                    name=listed,
                    architecture=model.architecture,
                    memory_mib=model.memory_mib,
                )
            )
    return tuple(devices)


def _stacks(devices: tuple[Device, ...], driver: str | None) -> tuple[Stack, ...] | None:
    vendors = sorted({device.vendor for device in devices})
    if driver is None:
        return None if vendors else ()
    if len(vendors) != 1:
        message = f"`driver` needs the devices of one vendor, not of {len(vendors)}: {driver}"
        raise UsageError(message, hints=(_FORM,))
    try:
        VendorVersion(driver)
    except ValueError as error:
        message = f"not a driver version: {driver}"
        raise UsageError(message, hints=(_FORM,)) from error
    return (Stack(vendor=vendors[0], driver=driver),)


def _system(text: str | None, matrix: Matrix) -> OsRow | None:
    if text is None:
        return None
    known = {
        f"{name}-{row.version}".lower().replace(" ", "-"): row
        for row in matrix.foundations.distributions
        for name in (row.os,)
    }
    for row in matrix.foundations.distributions:
        known |= {alias.lower().replace(" ", "-"): row for alias in row.aliases}
    found = known.get(text.lower())
    if found is None:
        message = f"the matrix has no such distribution: {text}"
        raise UsageError(message, hints=_near(text.lower(), tuple(sorted(known))))
    return found


def _operating_system(text: str | None, row: OsRow | None) -> OperatingSystem:
    if text is None or row is None:
        return OperatingSystem(system="linux", wsl=False)
    name, _, number = text.rpartition("-")
    libc = _libc(row)
    return OperatingSystem(system="linux", id=name, version=number, libc=libc, wsl=False)


def _darwin(text: str | None) -> OperatingSystem:
    """Return the system of a target that runs macOS; `os=macos-15.1` names its version."""
    name, _, number = (text or _DARWIN).partition("-")
    if name != _DARWIN:
        message = f"the devices of the target are for macOS: {text}"
        raise UsageError(message, hints=("write `os=macos-15.1`",))
    return OperatingSystem(system="darwin", id=_DARWIN, version=number or None, wsl=False)


def _libc(row: OsRow) -> Libc | None:
    if row.libc is None:
        return None
    family, _, number = row.libc.rpartition("-")
    if row.libc == "musl":
        return Libc(family="musl")
    return Libc(family=family or "glibc", version=number)


def _pythons(text: str | None) -> tuple[Python, ...] | None:
    return None if text is None else (Python(version=text, path="python3"),)


def _near(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"did you mean `{name}`?" for name in get_close_matches(text, known, n=3, cutoff=0.5))
