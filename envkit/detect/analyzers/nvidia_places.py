"""NVIDIA: where the environment does not go with the machine that it runs on."""

import re

from envkit.detect.findings import make_finding
from envkit.detect.models import known_vendor
from envkit.detect.situation import Situation
from envkit.model.host import Finding
from envkit.model.vendor import ArchitectureRow
from envkit.model.version import VendorVersion

_VENDOR = "nvidia"
_WSL_LIBRARIES = "/usr/lib/wsl/lib"
_SHADOWS = (
    "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
    "/usr/lib/aarch64-linux-gnu/libcuda.so.1",
    "/usr/lib64/libcuda.so.1",
    "/usr/lib/libcuda.so.1",
)
_TEGRA_KERNEL = re.compile(r"(?P<line>\d+\.\d+)\.\d+-tegra")
_REQUIREMENT = "NVIDIA_REQUIRE_CUDA"
_NOT_REQUIRED = "NVIDIA_DISABLE_REQUIRE"
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_TERM = re.compile(r"(?P<name>cuda|driver)(?P<how>>=|<=|!=|=|<|>)(?P<version>\d[\d.]*)")


def check_windows(situation: Situation) -> tuple[Finding, ...]:
    """Return what is wrong with the card that Windows lends to WSL: its driver is that of Windows, not one of Linux."""
    if situation.system is None or not situation.system.wsl or situation.contained:
        return ()
    host, fact = situation.host, situation.stack(_VENDOR)
    shadows = (path for path in _SHADOWS if host.exists(path))
    shadow = next((path for path in shadows if not (host.real_path(path) or path).startswith(_WSL_LIBRARIES)), None)
    if shadow is not None:
        evidence = f"{shadow} exists beside {_WSL_LIBRARIES}/libcuda.so.1"
        return (make_finding("wsl-linux-driver", fact, evidence, system=situation.system),)
    if any(True for _ in situation.devices(_VENDOR)):
        return ()
    failure = next((gap.reason for gap in situation.facts.gaps if gap.source == "nvml"), None)
    node = "" if host.exists("/dev/dxg") is not False else "; /dev/dxg does not exist"
    if failure in (None, "not recorded") and not node:
        return ()
    evidence = f"NVML: {failure}{node}"
    return (make_finding("wsl-card-unavailable", fact, evidence, system=situation.system),)


def check_board_release(situation: Situation) -> tuple[Finding, ...]:
    """Return that a container was made for another release of Jetson Linux than the kernel it runs on belongs to."""
    stack = situation.facts.stack(_VENDOR)
    kernel = None if situation.system is None else _TEGRA_KERNEL.match(situation.system.kernel or "")
    board = next((runtime for runtime in (stack and stack.runtimes) or () if runtime.name == "l4t"), None)
    if not situation.contained or kernel is None or board is None:
        return ()
    table = known_vendor(_VENDOR)
    release = None if table is None else table.board_kernels.get(kernel["line"])
    if release is None or release == board.version.partition(".")[0]:
        return ()
    evidence = f"{board.path}: {board.version}; kernel {kernel[0]} is that of Jetson Linux {release}"
    here = situation.stack(_VENDOR)
    return (make_finding("jetson-container-release", here, evidence, system=situation.system, release=release),)


def check_requirement(situation: Situation) -> tuple[Finding, ...]:
    """Return that the image of this container asks for a newer driver than its host has."""
    required = situation.host.variable(_REQUIREMENT) if situation.contained else None
    stack = situation.facts.stack(_VENDOR)
    if not required or stack is None or situation.host.variable(_NOT_REQUIRED):
        return ()
    ceiling = None if stack.runtime_ceiling is None else stack.runtime_ceiling.version
    known = {"cuda": ceiling, "driver": stack.driver}
    if any(_is_met(alternative, known) for alternative in required.split()):
        return ()
    evidence = f"{_REQUIREMENT}={required[:120]}; the driver {stack.driver} serves CUDA up to {ceiling}"
    here = situation.stack(_VENDOR)
    return (make_finding("container-needs-newer-driver", here, evidence, system=situation.system),)


def _is_met(alternative: str, known: dict[str, str | None]) -> bool:
    """Tell whether the conditions of one alternative may all hold; one about something that is not known may.

    cuda>=12.8 brand=tesla,driver>=535,driver<536
    """
    terms = map(_TERM.fullmatch, alternative.split(","))
    return all(term is None or _may_hold(term, known[term["name"]]) for term in terms)


def _may_hold(term: re.Match[str], value: str | None) -> bool:
    if value is None or not _NUMBER.fullmatch(value):
        return True
    # `driver<536` is about branches: what the condition does not name does not count.
    length = term["version"].count(".") + 1
    seen, wanted = VendorVersion(".".join(value.split(".")[:length])), VendorVersion(term["version"])
    return {
        ">=": seen >= wanted,
        "<=": seen <= wanted,
        "=": seen == wanted,
        "!=": seen != wanted,
        "<": seen < wanted,
        ">": seen > wanted,
    }[term["how"]]


def check_generations(situation: Situation) -> tuple[Finding, ...]:
    """Return the note which CUDA releases serve all cards, where one keeps the others from the driver's newest."""
    stack = situation.facts.stack(_VENDOR)
    ceiling = None if stack is None or stack.runtime_ceiling is None else stack.runtime_ceiling.version
    found = {device.architecture for _, device in situation.devices(_VENDOR)}
    table = known_vendor(_VENDOR) if len(found) > 1 else None
    rows = [row for row in table.architectures if row.architecture in found] if table is not None else []
    alike = len({row.last_runtime for row in rows}) <= 1
    if alike or len(rows) < len(found) or ceiling is None or not _NUMBER.fullmatch(ceiling):
        return ()
    first, last = _common(rows)
    # What the driver does not serve is out of reach for every card.
    if VendorVersion(ceiling) <= VendorVersion(last):
        return ()
    if VendorVersion(first) > VendorVersion(last):
        window = f"none: one needs {first} or newer, another {last} or older"
    else:
        window = f"CUDA {first} to {last}"
    evidence = ", ".join(
        f"{device.name or device.pci_id} is {device.architecture}" for _, device in situation.devices(_VENDOR)
    )
    here = situation.stack(_VENDOR)
    return (make_finding("devices-differ", here, evidence, system=situation.system, window=window),)


def _common(rows: list[ArchitectureRow]) -> tuple[str, str]:
    """Return the first and the last CUDA release that serve all of these architectures, some of which have a last."""
    starts = [VendorVersion(row.first_runtime) for row in rows if row.first_runtime is not None]
    ends = [VendorVersion(row.last_runtime) for row in rows if row.last_runtime is not None]
    return str(max(starts, default=VendorVersion("0"))), str(min(ends))


ANALYZERS = (check_windows, check_board_release, check_requirement, check_generations)
