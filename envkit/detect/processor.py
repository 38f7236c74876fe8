"""The processor, its instruction set level, and memory."""

import re
from collections.abc import Set as AbstractSet

from envkit.model.host import Cpu
from envkit.system.host import Host

_CPUINFO = "/proc/cpuinfo"
_CPUINFO_BYTES = 8 * 1024 * 1024  # a large server's is 2 MB
_NODE = re.compile(r"node\d+")
_MEMORY = re.compile(r"^MemTotal:\s+(\d{1,15}) kB", re.MULTILINE)
# What the kernel calls the makers of processors that have numbers instead of names.
_IMPLEMENTERS = {
    "0x41": "ARM",
    "0x48": "HiSilicon",
    "0x4e": "NVIDIA",
    "0x61": "Apple",
    "0x70": "Phytium",
    "0xc0": "Ampere",
}

# archspec's name for what the kernel calls `pni`.
_IMPLIED = frozenset({"sse3"})


def detect_processor(host: Host) -> Cpu | None:
    """Return the processor, or None when its architecture is not known; archspec's tables name its level."""
    blocks = _blocks(host.read(_CPUINFO, limit=_CPUINFO_BYTES).text or "")
    first = blocks[0] if blocks else {}
    flags = frozenset((first.get("flags") or first.get("Features") or first.get("features") or "").split())
    architecture = host.machine().architecture or _architecture(first, flags)
    if architecture is None:
        return None
    level, features = _level(architecture, flags)
    nodes = host.names("/sys/devices/system/node")
    return Cpu(
        architecture=architecture,
        vendor=first.get("vendor_id") or _IMPLEMENTERS.get(first.get("CPU implementer", "")),
        model=first.get("model name"),
        level=level,
        features=features if flags else None,
        cores=_cores(blocks),
        threads=len(blocks) or None,
        numa_nodes=None if nodes is None else sum(1 for name in nodes if _NODE.fullmatch(name)) or None,
    )


def total_memory_mib(host: Host) -> int | None:
    """Return the memory of the machine in MiB, from /proc/meminfo."""
    match = _MEMORY.search(host.read("/proc/meminfo").text or "")
    return None if match is None else int(match[1]) // 1024


def _blocks(text: str) -> list[dict[str, str]]:
    """Return one mapping per logical processor."""
    blocks = []
    for block in text.split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines() if ":" in line)
        fields = {key.strip(): value.strip() for key, _, value in pairs}
        if "processor" in fields:
            blocks.append(fields)
    return blocks


def _architecture(first: dict[str, str], flags: frozenset[str]) -> str | None:
    if "CPU implementer" in first:
        return "aarch64"
    # `lm` is long mode, which makes an x86 processor a 64-bit one.
    return "x86_64" if "lm" in flags else None


def _cores(blocks: list[dict[str, str]]) -> int | None:
    cores = {(block["physical id"], block["core id"]) for block in blocks if {"physical id", "core id"} <= block.keys()}
    return len(cores) or None


def _level(architecture: str, flags: frozenset[str]) -> tuple[str | None, tuple[str, ...]]:
    """Return archspec's newest generic level whose features are all there, and the features that its tables know."""
    # Imported here: it takes 25 ms, which runs beside the processes that other probes wait for.
    from archspec.cpu import TARGETS

    family = [
        target for target in TARGETS.values() if architecture in {target.name, *(a.name for a in target.ancestors)}
    ]
    known = {feature for target in family for feature in target.features}
    generic = [target for target in family if target.vendor == "generic" and _serves(target.features, flags)]
    # A level that lists no feature (Arm's revisions) cannot be told from here: the architecture itself stands for it.
    newest = max(generic, key=lambda target: len(target.ancestors), default=None)
    level = architecture if newest is None else newest.name
    return level if flags else None, tuple(sorted(flags & known))


def _serves(features: AbstractSet[str], flags: frozenset[str]) -> bool:
    return bool(features) and features - _IMPLIED <= flags
