"""NVIDIA: cards on the bus, Jetson boards, and the virtual device of WSL."""

import msgspec

from envkit.detect.by_pci import with_tables
from envkit.detect.facts import Surroundings, VendorFacts
from envkit.detect.findings import make_finding
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
from envkit.detect.sources import nvidia_files
from envkit.detect.sources.nvidia import SERVING, VENDOR, NvidiaSeen, look_at_nvidia
from envkit.model.host import Device, Evidence, Finding, Runtime, Stack
from envkit.model.vendor import Vendor
from envkit.system.host import Host

_WSL_NODE = "/dev/dxg"
_CONTROL_NODE = "/dev/nvidiactl"
_PERSISTENCE_SOCKET = "/run/nvidia-persistenced/socket"
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
        findings=(
            *(finding for _, finding in judged if finding is not None),
            *_stack_findings(around, seen),
            *_persistence(around, seen, table, devices),
        ),
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
    finding = driver_finding(around, device, fact, unbound=None if card is None else card.unbound, serving=SERVING)
    if finding is not None:
        return finding
    if device.pci_address in _partitioned(seen) and not _has_partitions(seen, device):
        return make_finding(
            "mig-without-instances",
            fact,
            "MIG is enabled and no instance was found",
            system=around.system,
            index=str(device.index),
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


def _stack_findings(around: Surroundings, seen: NvidiaSeen) -> tuple[Finding, ...]:
    found = (check(around, seen) for check in (_mismatch, _library_missing, _jetson))
    return tuple(finding for finding in found if finding is not None)


def _mismatch(around: Surroundings, seen: NvidiaSeen) -> Finding | None:
    if seen.mismatch is None:
        return None
    loaded = first(seen.readings, "driver")
    module = "of another version" if loaded is None else f"{loaded[0]} ({loaded[1]})"
    library = nvidia_files.library_version(around.host)
    named = "" if library is None or library in seen.mismatch else f" (library {library})"
    evidence = f"{seen.mismatch}{named}; the loaded kernel module is {module}"
    return make_finding("driver-library-mismatch", "stacks[0].driver", evidence, system=around.system)


def _library_missing(around: Surroundings, seen: NvidiaSeen) -> Finding | None:
    if not seen.library_missing:
        return None
    evidence = "libnvidia-ml.so.1 was not found by the loader"
    return make_finding("driver-library-missing", "stacks[0]", evidence, system=around.system, device_flag=_DEVICE_FLAG)


def _jetson(around: Surroundings, seen: NvidiaSeen) -> Finding | None:
    if seen.tegra is None or int(seen.tegra.partition(".")[0]) >= _FIRST_SERVER_TEGRA:
        return None
    evidence = f"{nvidia_files.TEGRA_FILE}: {seen.tegra}"
    return make_finding("jetson-builds", "devices[0]", evidence, system=around.system)


def _persistence(
    around: Surroundings, seen: NvidiaSeen, table: Vendor | None, devices: tuple[Sourced, ...]
) -> tuple[Finding, ...]:
    """Return the note that data centre cards are initialised anew for each first user.

    Cards that draw a desktop stay initialised, and those of a laptop should not: only data centre cards count, and only
    where nvidia-persistenced is known not to run.
    """
    transient = [sourced.device for sourced in devices if sourced.device.pci_address in seen.transient]
    if around.contained or table is None or around.host.exists(_PERSISTENCE_SOCKET) is not False:
        return ()
    if not transient or not all(_is_for_data_centres(table, device) for device in transient):
        return ()
    evidence = f"NVML: persistence mode is off on {len(transient)} devices; {_PERSISTENCE_SOCKET} does not exist"
    return (make_finding("persistence-off", "stacks[0]", evidence, system=around.system),)


def _is_for_data_centres(table: Vendor, device: Device) -> bool:
    words = (device.name or "").replace("-", " ").split()
    return any(
        name in words
        for model in table.models
        if model.category == "datacenter" and model.architecture == device.architecture
        for name in model.names
    )
