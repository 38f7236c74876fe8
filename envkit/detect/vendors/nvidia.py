"""NVIDIA: cards on the bus, Jetson boards, and the virtual device of WSL."""

import msgspec

from envkit.detect.by_pci import with_tables
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.models import known_vendor, newest_runtime
from envkit.detect.obstacles import driver_finding, node_finding
from envkit.detect.reading import (
    Reading,
    Sourced,
    combine,
    device_evidence,
    device_gaps,
    failures,
    first,
    placed_partitions,
)
from envkit.detect.remedies import nvidia_driver
from envkit.detect.sources import nvidia_files
from envkit.detect.sources.nvidia import SERVING, VENDOR, NvidiaSeen, look_at_nvidia
from envkit.model.host import Device, Evidence, Finding, Runtime, Severity, Stack
from envkit.model.matrix import Vendor
from envkit.system.host import Host

_WSL_NODE = "/dev/dxg"
_CONTROL_NODE = "/dev/nvidiactl"
# From this release of Jetson Linux on, boards take the same builds as servers.
_FIRST_SERVER_TEGRA = 38
_DEVICE_FLAG = "--device nvidia.com/gpu=all"


def detect(around: Surroundings) -> VendorFacts:
    """Return NVIDIA's devices, driver and CUDA runtimes.

    Sources, in order: 1. the bus and files of the driver; 2. NVML in a child process; 3. nvidia-smi; 4. lspci's names,
    where lspci was read; 5. the device and driver tables. Each is asked only for what is still unknown.
    """
    seen = look_at_nvidia(around)
    if seen is None:
        return VendorFacts()
    table = known_vendor(VENDOR)
    readings = with_tables(seen.readings, seen.cards, VENDOR, table, board=seen.tegra is not None)
    devices = combine(readings)
    judged = tuple(_judged(around, seen, place, sourced) for place, sourced in enumerate(devices))
    stack, stack_evidence = _stack(around.host, seen, readings, table)
    return VendorFacts(
        devices=(*(device for device, _ in judged), *placed_partitions(readings, devices)),
        stack=stack,
        findings=(*(finding for _, finding in judged if finding is not None), *_stack_findings(seen)),
        evidence=(*device_evidence(devices), *stack_evidence),
        gaps=(*failures(readings), *device_gaps(devices)),
    )


def _judged(around: Surroundings, seen: NvidiaSeen, place: int, sourced: Sourced) -> tuple[Device, Finding | None]:
    """Return the device with its nodes and whether it can be used, and what is in the way."""
    # A name that nvidia-smi cut has told its architecture, but it is not the device's name.
    cut = (sourced.device.name or "").endswith("...")
    device = msgspec.structs.replace(
        sourced.device,
        name=None if cut else sourced.device.name,
        nodes=(_WSL_NODE,) if seen.wsl else sourced.device.nodes,
    )
    finding = _obstacle(around, seen, f"devices[{place}]", device)
    usable: bool | None = None
    if finding is not None or seen.mismatch or device.pci_address in _partitioned(seen):
        usable = False
    elif _answers(seen, device):
        usable = True
    return msgspec.structs.replace(device, usable=usable), finding


def _obstacle(around: Surroundings, seen: NvidiaSeen, fact: str, device: Device) -> Finding | None:
    card = next((card for card in seen.cards if card.address == device.pci_address), None)
    finding = driver_finding(
        device,
        fact,
        unbound=None if card is None else card.unbound,
        serving=SERVING,
        remedy=nvidia_driver(around.system),
    )
    if finding is not None:
        return finding
    if device.pci_address in _partitioned(seen) and not _has_partitions(seen, device):
        return Finding(
            id="mig-without-instances",
            severity=Severity.WARNING,
            fact=fact,
            evidence="MIG is enabled and no instance was found",
            cause="a card in MIG mode computes only through its instances",
            remedy=(f"sudo nvidia-smi mig -i {device.index} -lgip", f"sudo nvidia-smi -i {device.index} -mig 0"),
        )
    if _answers(seen, device) or seen.wsl or seen.tegra or device.kernel_driver not in SERVING:
        return None
    return node_finding(around, fact, (_CONTROL_NODE, *(device.nodes or ())), device_flag=_DEVICE_FLAG)


def _has_partitions(seen: NvidiaSeen, device: Device) -> bool:
    return any(part.pci_address == device.pci_address for reading in seen.opened for part in reading.partitions)


def _answers(seen: NvidiaSeen, device: Device) -> bool:
    """Tell whether NVML or nvidia-smi talked to this device."""
    return any(
        other.pci_address == device.pci_address if other.pci_address else other.index == device.index
        for reading in seen.opened
        for other in reading.devices
    )


def _partitioned(seen: NvidiaSeen) -> tuple[str, ...]:
    return tuple(address for reading in seen.opened for address in reading.partitioned)


def _stack(
    host: Host, seen: NvidiaSeen, readings: tuple[Reading, ...], table: Vendor | None
) -> tuple[Stack, tuple[Evidence, ...]]:
    driver, kind, ceiling = (first(readings, field) for field in ("driver", "driver_kind", "ceiling"))
    if ceiling is None and driver is not None and table is not None and seen.tegra is None:
        newest = newest_runtime(table, driver[0])
        ceiling = None if newest is None else (newest, "driver branch table")
    runtimes = nvidia_files.read_runtimes(host)
    if seen.tegra is not None:
        tegra = Runtime(name="l4t", version=seen.tegra, path=nvidia_files.TEGRA_FILE)
        runtimes = (tegra, *(runtimes or ()))
    stack = Stack(
        vendor=VENDOR,
        driver=None if driver is None else driver[0],
        driver_kind=None if kind is None else kind[0],
        runtime_ceiling=None if ceiling is None else Runtime(name="cuda", version=ceiling[0]),
        runtimes=runtimes,
    )
    told = {"driver": driver, "driver_kind": kind, "runtime_ceiling": ceiling}
    return stack, tuple(
        Evidence(fact=f"stacks[0].{field}", source=found[1], raw=found[0])
        for field, found in told.items()
        if found is not None
    )


def _stack_findings(seen: NvidiaSeen) -> tuple[Finding, ...]:
    found = (_mismatch(seen), _library_missing(seen), _hangs(seen), _jetson(seen))
    return tuple(finding for finding in found if finding is not None)


def _mismatch(seen: NvidiaSeen) -> Finding | None:
    if seen.mismatch is None:
        return None
    loaded = first(seen.readings, "driver")
    module = "of another version" if loaded is None else f"{loaded[0]} ({loaded[1]})"
    return Finding(
        id="driver-library-mismatch",
        severity=Severity.ERROR,
        fact="stacks[0].driver",
        evidence=f"{seen.mismatch}; the loaded kernel module is {module}",
        cause="the driver was upgraded under the running kernel module",
        remedy=("sudo reboot",),
    )


def _library_missing(seen: NvidiaSeen) -> Finding | None:
    if not seen.library_missing:
        return None
    return Finding(
        id="driver-library-missing",
        severity=Severity.WARNING,
        fact="stacks[0]",
        evidence="libnvidia-ml.so.1 was not found by the loader",
        cause="the driver's libraries are not installed, or were not handed to this container",
        remedy=("install the libraries of the driver's version", f"in a container: start it with `{_DEVICE_FLAG}`"),
    )


def _hangs(seen: NvidiaSeen) -> Finding | None:
    if not seen.hung:
        return None
    return Finding(
        id="driver-hangs",
        severity=Severity.WARNING,
        fact="stacks[0]",
        evidence=f"NVML: {next((reading.failure for reading in seen.opened if reading.failure), '')}",
        cause="the driver starts anew for each process, or a device no longer answers",
        remedy=("sudo nvidia-smi -pm 1", "sudo dmesg | grep -i xid"),
    )


def _jetson(seen: NvidiaSeen) -> Finding | None:
    if seen.tegra is None or int(seen.tegra.partition(".")[0]) >= _FIRST_SERVER_TEGRA:
        return None
    return Finding(
        id="jetson-builds",
        severity=Severity.NOTE,
        fact="devices[0]",
        evidence=f"{nvidia_files.TEGRA_FILE}: {seen.tegra}",
        cause="this release of Jetson Linux needs builds of its own: those for servers find no device",
        remedy=("use wheels or containers made for this release of Jetson Linux",),
    )
