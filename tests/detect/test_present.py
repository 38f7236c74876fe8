"""The screen for people."""

from envkit.detect.present import describe_host
from envkit.model.host import (
    ContainerEngine,
    Cpu,
    Device,
    Finding,
    Gap,
    HostFacts,
    Libc,
    OperatingSystem,
    Python,
    Runtime,
    Severity,
    Stack,
)


def card(index: int, **other: object) -> Device:
    facts = {"name": "NVIDIA H100 80GB HBM3", "architecture": "sm_90", "memory_mib": 81559, "kernel_driver": "nvidia"}
    address = f"0000:{index:02x}:00.0"
    return Device(**{"vendor": "nvidia", "index": index, "pci_address": address, "usable": True} | facts | other)


SERVER = HostFacts(
    os=OperatingSystem(system="linux", name="Ubuntu 24.04", kernel="6.8.0", libc=Libc(family="glibc", version="2.39")),
    cpu=Cpu(architecture="x86_64", model="Xeon", level="x86_64_v4", cores=16, threads=32, numa_nodes=2),
    memory_mib=131072,
    disk_free_mib=512000,
    devices=tuple(card(index, nodes=(f"/dev/nvidia{index}",)) for index in range(8)),
    stacks=(
        Stack(
            vendor="nvidia",
            driver="570.124.06",
            driver_kind="open",
            runtime_ceiling=Runtime(name="cuda", version="12.8"),
            runtimes=(Runtime(name="cuda", version="12.6"),),
        ),
    ),
    engines=(
        ContainerEngine(
            name="docker",
            version="28.3",
            builder="buildkit",
            cdi=True,
            cdi_devices=("nvidia.com/gpu=all",),
            usable=True,
        ),
        ContainerEngine(name="podman", version="4.3", usable=False, reason="no permission", remedy=("mend it",)),
    ),
    pythons=(Python(version="3.12.1", path="/usr/bin/python3.12"),),
)


def test_a_server_is_shown_with_equal_devices_in_one_line() -> None:
    assert describe_host(SERVER).splitlines() == [
        "os       Ubuntu 24.04, kernel 6.8.0, glibc 2.39",
        "cpu      Xeon, x86_64_v4, 16 cores, 32 threads, 2 NUMA nodes",
        "memory   128.0 GiB, disk free 500.0 GiB",
        "devices  nvidia 0-7: 8 \N{MULTIPLICATION SIGN} NVIDIA H100 80GB HBM3, sm_90, 79.6 GiB, nvidia, usable",
        "drivers  nvidia 570.124.06 (open), serves cuda up to 12.8, installed cuda 12.6",
        "engines  docker 28.3, buildkit, CDI nvidia.com/gpu=all, usable",
        "         podman 4.3, not usable: no permission; try: mend it",
        "pythons  3.12.1 (/usr/bin/python3.12)",
    ]


def test_unknown_and_none_are_different_words() -> None:
    unknown = describe_host(HostFacts())
    none = describe_host(HostFacts(devices=(), stacks=(), engines=(), pythons=()))
    assert [line.split(maxsplit=1)[1] for line in unknown.splitlines() if line.startswith(("dev", "eng", "pyth"))] == [
        "unknown"
    ] * 3
    assert [line.split(maxsplit=1)[1] for line in none.splitlines() if line.startswith(("dev", "eng", "pyth"))] == [
        "none"
    ] * 3


def test_different_devices_have_lines_of_their_own() -> None:
    facts = HostFacts(devices=(card(0), card(1, name=None, pci_id="10de:2330", architecture=None, usable=None)))
    lines = describe_host(facts).splitlines()
    assert "devices  nvidia 0: NVIDIA H100 80GB HBM3, sm_90, 79.6 GiB, nvidia, usable" in lines
    assert "         nvidia 1: nvidia device 10de:2330, architecture unknown, 79.6 GiB, nvidia, usable unknown" in lines


def test_partitions_are_numbered_within_their_device() -> None:
    parts = tuple(card(index, name=None, memory_mib=19968, partition_of=0) for index in range(4))
    text = describe_host(HostFacts(devices=(card(0, usable=False), *parts)))
    assert "nvidia 0/0-3: 4 \N{MULTIPLICATION SIGN} partition, sm_90, 19.5 GiB" in text


def test_a_finding_is_shown_once_with_the_devices_and_a_remedy_that_can_be_pasted() -> None:
    long = "sudo " + "x" * 120
    findings = tuple(
        Finding(
            id="driver-missing",
            severity=Severity.ERROR,
            fact=f"devices[{number}]",
            evidence="no driver bound",
            cause="not loaded",
            remedy=(long,),
        )
        for number in (0, 1)
    )
    lines = describe_host(HostFacts(devices=(card(0), card(1)), findings=findings)).splitlines()
    assert lines[-3:] == [
        "error[driver-missing] nvidia 0, nvidia 1: not loaded",
        "  seen: no driver bound",
        f"  try: {long}",
    ]


def test_gaps_are_counted() -> None:
    gap = Gap(fact="devices", source="nvml", reason="not found")
    assert describe_host(HostFacts(gaps=(gap,))).endswith("\n1 fact could not be read (see --json)\n")
    assert describe_host(HostFacts(gaps=(gap, gap))).endswith("\n2 facts could not be read (see --json)\n")
