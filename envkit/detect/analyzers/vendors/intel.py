"""Intel's GPUs: what is missing to compute with them, a kernel before their time, a small window into their memory."""

import re

from envkit.detect.analyzers.kernels import older_kernel
from envkit.detect.findings import make_finding
from envkit.detect.situation import Situation
from envkit.model.host import Device, Finding

_VENDOR = "intel"
_SERVING = ("i915", "xe")
_RUNTIME = "compute-runtime"
# Where the graphics inside of a processor always is.
_INSIDE = "0000:00:02.0"
_RANGE = re.compile(r"0x(?P<start>[0-9a-f]{1,16}) 0x(?P<end>[0-9a-f]{1,16}) 0x[0-9a-f]{1,16}")
_MIB = 1024 * 1024
_SMALL_WINDOW_MIB = 256  # what a card asks for where its window cannot be resized


def compute_runtime_missing(situation: Situation) -> tuple[Finding, ...]:
    """Report a served card on a host without the library that Level Zero drives it with."""
    stack = situation.facts.stack(_VENDOR)
    if stack is None or stack.runtimes is None or not any(_served_cards(situation)):
        return ()
    if any(runtime.name == _RUNTIME for runtime in stack.runtimes):
        return ()
    evidence = "libze_intel_gpu.so is in none of the system's library folders"
    fact = f"{situation.stack(_VENDOR)}.runtimes"
    return (make_finding("compute-runtime-missing", fact, evidence, system=situation.system),)


def kernel_too_old(situation: Situation) -> tuple[Finding, ...]:
    """Report cards that no driver serves because the kernel is older than they are."""
    return older_kernel(situation, _VENDOR)


def small_window(situation: Situation) -> tuple[Finding, ...]:
    """Report a served card whose largest window into its memory is what a firmware without resizable BAR gives it."""
    return tuple(
        make_finding(
            "resizable-bar-off",
            fact,
            f"/sys/bus/pci/devices/{device.pci_address}/resource: the largest range is {_SMALL_WINDOW_MIB} MiB",
            system=situation.system,
        )
        for fact, device in _served_cards(situation)
        if _window_mib(situation, device) == _SMALL_WINDOW_MIB
        and (device.memory_mib is None or device.memory_mib > _SMALL_WINDOW_MIB)
    )


def _served_cards(situation: Situation) -> list[tuple[str, Device]]:
    return [
        (fact, device)
        for fact, device in situation.devices(_VENDOR)
        if device.kernel_driver in _SERVING and device.pci_address != _INSIDE
    ]


def _window_mib(situation: Situation, device: Device) -> int | None:
    """Return the size of the largest range of addresses of a device; lines of zeros are unused.

    0x0000006000000000 0x000000600fffffff 0x000000000014220c
    """
    text = situation.host.read(f"/sys/bus/pci/devices/{device.pci_address}/resource").text or ""
    ranges = [(int(match["start"], 16), int(match["end"], 16)) for match in _RANGE.finditer(text)]
    return max(((end - start + 1) // _MIB for start, end in ranges if end), default=None)


ANALYZERS = (compute_runtime_missing, kernel_too_old, small_window)
