"""Shared memory and memory that may be locked."""

import re

from envkit.diagnose.examination import Answer, Examination, unknown
from envkit.model.host import Severity

_SHARED = "/dev/shm"  # noqa: S108 - the path that is looked at
_LIMITS = "/proc/self/limits"
_SIZE = re.compile(r"(?:^|,)size=(?P<amount>\d{1,15})(?P<unit>[kmg%]?)(?:,|$)")
_KIB = {"": 1 / 1024, "k": 1, "m": 1024, "g": 1024 * 1024}
_LOCKED = re.compile(r"^Max locked memory\s+(?P<soft>\S{1,20})\s", re.MULTILINE)
_CAPABILITIES = re.compile(r"^CapEff:\s+(?P<mask>[0-9a-fA-F]{1,16})\b", re.MULTILINE)
_IPC_LOCK = 14  # CAP_IPC_LOCK of capabilities(7): the limit does not apply
_RDMA = "/sys/class/infiniband"


def check_shared_memory(examination: Examination) -> Answer:
    """Look at the size of /dev/shm: it matters most where several processes feed a device."""
    mib = _shared_mib(examination)
    if mib is None:
        return unknown("size not known", "/proc/mounts")
    seen = f"{mib} MiB shared"
    threshold = examination.threshold("shared-memory")
    if threshold.warning is None or mib >= threshold.warning:
        return Answer(seen, "/proc/mounts")
    severity = Severity.WARNING if examination.accelerators else None
    evidence = f"/proc/mounts gives {_SHARED} {mib} MiB, less than {threshold.warning} MiB"
    return Answer(
        seen, "/proc/mounts", examination.finding("shared-memory-small", "memory_mib", evidence, severity=severity)
    )


def check_locked_memory(examination: Examination) -> Answer:
    """Look at the limit of locked memory, where a device or a network card needs it."""
    limits = _LOCKED.search(examination.host.read(_LIMITS).text or "")
    if limits is None:
        return unknown("limit of locked memory not known", _LIMITS)
    seen = f"{_amount(limits['soft'])} may be locked"
    reason = _needed_by(examination)
    threshold = examination.threshold("locked-memory")
    if reason is None or not _below(limits["soft"], threshold.warning) or _exempt(examination):
        return Answer(seen, _LIMITS)
    evidence = f"{_LIMITS} says {_amount(limits['soft'])}, less than {threshold.warning} MiB; {reason}"
    return Answer(seen, _LIMITS, examination.finding("locked-memory-small", "memory_mib", evidence))


def _shared_mib(examination: Examination) -> int | None:
    """Return the size of the mounted file system; one without the option `size` has half of the memory.

    A line is `shm /dev/shm tmpfs rw,nosuid,relatime,size=65536k 0 0`; the last mount covers those before.
    """
    rows = map(str.split, (examination.host.read("/proc/mounts").text or "").splitlines())
    options = [fields[3] for fields in rows if len(fields) > 3 and fields[1] == _SHARED]  # noqa: PLR2004 - as above
    total = examination.facts.memory_mib
    if not options:
        return None
    size = _SIZE.search(options[-1])
    if size is None:
        return None if total is None else total // 2
    if size["unit"] == "%":
        return None if total is None else total * int(size["amount"]) // 100
    return int(int(size["amount"]) * _KIB[size["unit"]]) // 1024


def _needed_by(examination: Examination) -> str | None:
    vendors = examination.threshold("locked-memory").vendors
    device = next((device for device in examination.accelerators if device.vendor in vendors), None)
    if device is not None:
        return f"the driver of {device.vendor} locks buffers"
    cards = examination.host.names(_RDMA)
    return f"{_RDMA} has {' '.join(cards)}" if cards and examination.accelerators else None


def _below(soft: str, mib: int | None) -> bool:
    return mib is not None and soft.isdecimal() and int(soft) < mib * 1024 * 1024


def _amount(soft: str) -> str:
    return f"{int(soft) // 1024} KiB" if soft.isdecimal() else soft


def _exempt(examination: Examination) -> bool:
    mask = _CAPABILITIES.search(examination.host.read("/proc/self/status").text or "")
    return mask is not None and bool(int(mask["mask"], 16) >> _IPC_LOCK & 1)


CHECKS = (check_shared_memory, check_locked_memory)
