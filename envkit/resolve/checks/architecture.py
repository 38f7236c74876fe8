"""Which device runs the machine code or PTX of a wheel."""

import re
from enum import StrEnum
from functools import lru_cache

from msgspec.structs import replace

from envkit.model.host import Runtime
from envkit.model.matrix import Build
from envkit.resolve.checks.judgement import Gulf, Judgement, failed, passed, unknown
from envkit.resolve.devices import Accelerator
from envkit.resolve.options import Option
from envkit.resolve.situation import Situation

RULE = "device-architecture"
_SM = re.compile(r"sm_(\d+)(\d)([a-z]?)")
_LISTED = 4  # a longer list is shown by its ends where the device lies outside of them


class Match(StrEnum):
    """How a device is served by a wheel."""

    CODE = "machine code"
    PTX = "PTX"
    NONE = "none"
    UNKNOWN = "unknown"


def device_architecture(option: Option, situation: Situation) -> Judgement | None:
    """Every chosen device needs machine code for its architecture in the wheel, or PTX that its driver compiles."""
    build = option.build
    if build.vendor == "cpu" or situation.vendor_name == "cpu" or not situation.devices:
        return None
    served: list[tuple[Accelerator, Match]] = [
        (device, match_device(build, device, situation)) for device in situation.devices
    ]
    facts = tuple(f"devices[{device.position}].architecture" for device in situation.devices)
    sources = (build.source,)
    refused = [device for device, match in served if match is Match.NONE]
    if refused:
        return _refusal(build, refused, sources)
    open_devices = [device for device, match in served if match is Match.UNKNOWN]
    if open_devices:
        return unknown(RULE, _missing(build, open_devices), facts=facts, sources=sources)
    ways = sorted({match for _, match in served})
    names = ", ".join(sorted({device.architecture or "" for device in situation.devices}))
    return passed(RULE, f"the wheel serves {names} with {' and '.join(ways)}", facts=facts, sources=sources)


def companion_device(option: Option, situation: Situation) -> Judgement | None:
    """Require the same of the builds of companions, as far as their rows tell."""
    for build in option.companions.route.builds:
        served = [(device, match_device(build, device, situation)) for device in situation.devices]
        refused = [device for device, match in served if match is Match.NONE]
        if refused and build.vendor == situation.vendor_name:
            refusal = _refusal(build, refused, (build.source,))
            reason = f"{build.package} {build.release}+{build.variant}: {refusal.check.reason}"
            return replace(refusal, check=replace(refusal.check, reason=reason))
    return None


def match_device(build: Build, device: Accelerator, situation: Situation) -> Match:
    """Tell how a wheel serves a device.

    Code for sm_Xy runs on X.z for z >= y, and neither across majors nor between embedded boards and the rest; code for
    `sm_90a` and the like on exactly that device; PTX for X.y on every later device. Other vendors' code is exact.
    Source: CUDA C++ Programming Guide, Binary Compatibility and PTX Compatibility.
    """
    architecture = device.architecture
    if build.architectures is None or architecture is None:
        return Match.UNKNOWN
    if architecture in build.architectures:
        return Match.CODE
    tables = situation.vendor
    if tables is None or tables.architecture_rule == "exact":
        return Match.NONE
    return _match_code(build.architectures, build.ptx, architecture, situation.embedded)


def needs_exact_driver(build: Build, situation: Situation) -> bool:
    """Tell whether a device is served through PTX only, which minor-version compatibility does not cover."""
    return any(match_device(build, device, situation) is Match.PTX for device in situation.devices)


def runtime_text(runtime: Runtime) -> str:
    """Name a runtime: `cuda 12.8`."""
    return f"{runtime.name} {runtime.version}"


@lru_cache(maxsize=256)
def _parse(architecture: str) -> tuple[int, int, str] | None:
    match = _SM.fullmatch(architecture)
    return (int(match[1]), int(match[2]), match[3]) if match else None


@lru_cache(maxsize=1024)
def _match_code(
    architectures: tuple[str, ...], ptx: tuple[str, ...], architecture: str, embedded: frozenset[str]
) -> Match:
    if any(_runs(code, architecture, embedded) for code in architectures):
        return Match.CODE
    return Match.PTX if any(_compiles(code, architecture) for code in ptx) else Match.NONE


def _runs(code: str, architecture: str, embedded: frozenset[str]) -> bool:
    ours, theirs = _parse(code), _parse(architecture)
    if ours is None or theirs is None or ours[2] or code in embedded or architecture in embedded:
        return ours is not None and theirs is not None and ours[:2] == theirs[:2]
    return ours[0] == theirs[0] and ours[1] <= theirs[1]


def _compiles(code: str, architecture: str) -> bool:
    ours, theirs = _parse(code), _parse(architecture)
    if ours is None or theirs is None or ours[2]:
        return False
    return ours[:2] <= theirs[:2]


def _refusal(build: Build, refused: list[Accelerator], sources: tuple[str, ...]) -> Judgement:
    listed = _list_text(build.architectures or (), tuple(device.architecture or "" for device in refused))
    seen = "; ".join(f"{device.label} is {device.architecture}" for device in refused)
    group = ",".join(sorted({device.architecture or "" for device in refused}))
    return failed(
        RULE,
        f"wheel has {listed}; {seen}",
        Gulf(seen=seen, needed=listed, group=group),
        facts=tuple(f"devices[{device.position}].architecture" for device in refused),
        sources=sources,
    )


def _missing(build: Build, devices: list[Accelerator]) -> str:
    if build.architectures is None:
        return f"what the wheel was compiled for is not known; assumed that it serves {devices[0].label}"
    labels = ", ".join(device.label for device in devices)
    return f"the architecture of {labels} is not known; assumed that the wheel serves it"


@lru_cache(maxsize=1024)
def _list_text(architectures: tuple[str, ...], outside: tuple[str, ...]) -> str:
    if not architectures:
        return "no device code"
    parsed = sorted((_parse(name) or (0, 0, name), name) for name in architectures)
    names = [name for _, name in parsed]
    wanted = [_parse(name) for name in outside]
    first, last = parsed[0][0], parsed[-1][0]
    beyond = all(number is not None and (number < first or number > last) for number in wanted)
    return f"{names[0]}…{names[-1]}" if len(names) > _LISTED and beyond else " ".join(names)
