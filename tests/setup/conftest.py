"""Hosts on which something is missing, made of a system and a card."""

from collections.abc import Callable

import pytest

from envkit.model.host import ContainerEngine, Cpu, Device, Finding, HostFacts, OperatingSystem, Severity, Stack

SYSTEMS = {
    "ubuntu-24.04": OperatingSystem(system="linux", id="ubuntu", id_like=("debian",), version="24.04"),
    "debian-12": OperatingSystem(system="linux", id="debian", version="12"),
    "fedora-44": OperatingSystem(system="linux", id="fedora", version="44"),
    "rhel-9.4": OperatingSystem(system="linux", id="rhel", id_like=("fedora",), version="9.4"),
    "rocky-8.10": OperatingSystem(system="linux", id="rocky", id_like=("rhel", "centos", "fedora"), version="8.10"),
    "rhel-10.0": OperatingSystem(system="linux", id="rhel", id_like=("centos", "fedora"), version="10.0"),
    "amazon-2023": OperatingSystem(system="linux", id="amzn", id_like=("fedora",), version="2023"),
    "anolis-8.8": OperatingSystem(
        system="linux", id="anolis", id_like=("rhel", "fedora", "centos"), version="8.8", name="Anolis OS 8.8"
    ),
    "opencloudos-9.2": OperatingSystem(system="linux", id="opencloudos", id_like=("opencloudos",), version="9.2"),
    "keyarchos-5.8": OperatingSystem(system="linux", id="kos", id_like=("rhel", "fedora", "centos"), version="5.8"),
    "openeuler-24.03": OperatingSystem(system="linux", id="openEuler", version="24.03"),
    "kylin-V10": OperatingSystem(system="linux", id="kylin", version="V10"),
    "sles-15.6": OperatingSystem(system="linux", id="sles", id_like=("suse",), version="15.6"),
    "arch": OperatingSystem(system="linux", id="arch"),
    "nixos-25.05": OperatingSystem(system="linux", id="nixos", version="25.05"),
}
CARDS = {
    "nvidia-blackwell": Device(vendor="nvidia", index=0, pci_id="10de:2b85", architecture="sm_120", usable=False),
    "nvidia-pascal": Device(vendor="nvidia", index=0, pci_id="10de:1b06", architecture="sm_61", usable=False),
    "amd": Device(vendor="amd", index=0, architecture="gfx942", usable=False),
    "intel": Device(vendor="intel", index=0, architecture="bmg", usable=False),
    "intel-npu": Device(vendor="intel-npu", index=0, usable=False),
    "intel-gaudi": Device(vendor="intel-gaudi", index=0, architecture="gaudi2", usable=False),
    "ascend": Device(vendor="ascend", index=0, architecture="910b", usable=False),
    "cambricon": Device(vendor="cambricon", index=0, architecture="mlu370", usable=False),
    "hygon": Device(vendor="hygon", index=0, architecture="gfx928", usable=False),
    "mthreads": Device(vendor="mthreads", index=0, architecture="s4000", usable=False),
    "metax": Device(vendor="metax", index=0, architecture="c550", usable=False),
    "iluvatar": Device(vendor="iluvatar", index=0, architecture="bi150", usable=False),
    "kunlunxin": Device(vendor="kunlunxin", index=0, architecture="p800", usable=False),
    "enflame": Device(vendor="enflame", index=0, architecture="s60", usable=False),
    "thead": Device(vendor="thead", index=0, usable=False),
    "aws-neuron": Device(vendor="aws-neuron", index=0, architecture="trn2", usable=False),
    "google-tpu": Device(vendor="google-tpu", index=0, architecture="v6e", usable=False),
    "qualcomm": Device(vendor="qualcomm", index=0, usable=False),
}
DOCKER = ContainerEngine(name="docker", usable=True, cdi=True, cdi_devices=(), runtimes=("runc",))


def _host(
    system: str = "ubuntu-24.04",
    *devices: Device | str,
    driver: str | None = None,
    missing: bool = True,
    engine: ContainerEngine | None = DOCKER,
) -> HostFacts:
    found = tuple(CARDS[device] if isinstance(device, str) else device for device in devices)
    findings = tuple(
        Finding(
            id="driver-missing",
            severity=Severity.ERROR,
            fact=f"devices[{place}]",
            evidence=f"/sys/bus/pci/devices/0000:0{place}:00.0 has no driver bound",
            cause="no driver",
        )
        for place in range(len(found))
        if missing
    )
    return HostFacts(
        os=SYSTEMS[system],
        cpu=Cpu(architecture="x86_64"),
        devices=found,
        stacks=() if driver is None else (Stack(vendor=found[0].vendor, driver=driver),),
        engines=() if engine is None else (engine,),
        findings=findings,
    )


@pytest.fixture
def make_host() -> Callable[..., HostFacts]:
    return _host


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def cards() -> tuple[str, ...]:
    return tuple(CARDS)
