"""The public recordings: what envkit detects, compared with what each says that it shows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.model.host import Device, HostFacts

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "hosts"
pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the public recordings are not beside the checkout: {SHARED}"
)

# Recordings that hold nothing which a detector of this vendor could read, and why.
NOTHING_TO_READ = {
    "nvidia-dgx-spark-gb10-sysfs": "no PCI, driver or NVML file; a board's DMI name is not a device",
}
# Where envkit's answer differs on purpose, and why.
DISAGREEMENTS = {
    ("nvidia-truncated-name-err-fan", "name"): "the recording's notes: a name that was cut is not an exact model",
    ("nvidia-wsl2-rtx4090-laptop", "name"): "cut as well; its beginning still tells the architecture",
    ("nvidia-a10-vm-lspci-only", "name"): "the device table's name for the id (A10) is preferred to lspci's",
}


def folders(*patterns: str) -> list[object]:
    found = sorted(path for pattern in patterns for path in SHARED.glob(pattern))
    # Without the recordings one case stands for them all, and is skipped with the reason.
    return [pytest.param(path, id=path.name) for path in found] or [pytest.param(SHARED, id="none")]


def whole_devices(facts: HostFacts, vendor: str) -> list[Device]:
    return [device for device in facts.devices or () if device.vendor == vendor and device.partition_of is None]


def expected_list(expect: dict, field: str, count: int) -> list:
    values = expect.get(field) or []
    return values * count if len(values) == 1 else values


@pytest.mark.parametrize("folder", folders("nvidia-*", "amd-*"))
def test_devices_of_a_public_recording(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    facts = host.facts()
    expect, derived = host.document["expect"], host.document.get("derived") or {}
    if folder.name in NOTHING_TO_READ:
        assert facts.devices is None, NOTHING_TO_READ[folder.name]
        return
    vendor = expect["vendor"]
    devices = whole_devices(facts, vendor)
    assert len(devices) == expect.get("count", 0)
    if (folder.name, "name") not in DISAGREEMENTS and expect.get("models"):
        assert [device.name for device in devices] == expected_list(expect, "models", len(devices))
    if expect.get("memory_mib") or expect.get("memory_bytes"):
        sizes = expect.get("memory_mib") or [size // 1024**2 for size in expect["memory_bytes"]]
        assert [device.memory_mib for device in devices] == sizes
    ids = expected_list(expect, "pci_devices", len(devices)) or [expect.get("pci_device")] * len(devices)
    if any(ids):
        assert [device.pci_id for device in devices] == ids
    if "bus_ids" in expect:
        short = [address.lower().split(":", address.count(":") - 1)[-1] for address in expect["bus_ids"]]
        assert [device.pci_address[5:] for device in devices] == short
    if "compute_capability" in derived:
        assert {device.architecture for device in devices} == {f"sm_{derived['compute_capability'].replace('.', '')}"}
    targets = expect.get("gfx") or [derived[key] for key in ("gfx",) if key in derived]
    if targets:
        assert {device.architecture for device in devices} == set(targets)


@pytest.mark.parametrize("folder", folders("nvidia-*", "amd-*"))
def test_driver_and_ceiling_of_a_public_recording(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    facts = host.facts()
    expect = host.document["expect"]
    stack = facts.stack(expect.get("vendor", ""))
    if folder.name in NOTHING_TO_READ:
        assert stack is None
        return
    assert stack is not None
    assert stack.driver == (expect.get("driver_version") or expect.get("kernel_module_version"))
    ceiling = None if stack.runtime_ceiling is None else stack.runtime_ceiling.version
    assert ceiling == (
        expect.get("driver_cuda_version") or ".".join((expect.get("runtime_version") or "").split(".")[:2]) or None
    )


@pytest.mark.parametrize(
    ("name", "finding", "usable"),
    [
        ("amd-kfd-permission-not-in-render", "nodes-inaccessible", []),
        ("nvidia-driver-library-mismatch-laptop", "driver-library-mismatch", [False]),
        ("nvidia-jetson-orin-nano-l4t36", "jetson-builds", [None]),
    ],
)
def test_diagnosis_of_a_public_recording(name: str, finding: str, usable: list, recorded: Callable) -> None:
    host = recorded(SHARED / name)
    facts = host.facts()
    assert [found.id for found in facts.findings] == [finding]
    assert [device.usable for device in whole_devices(facts, host.document["expect"]["vendor"])] == usable


def test_a_mismatch_names_the_version_of_the_library(recorded: Callable) -> None:
    (finding,) = recorded(SHARED / "nvidia-driver-library-mismatch-laptop").facts().findings
    assert "595.91" in finding.evidence


def test_a_card_in_mig_mode_works_only_through_its_instances(recorded: Callable) -> None:
    host = recorded(SHARED / "nvidia-a100-sxm4-80g-mig")
    card, *instances = host.facts().devices or ()
    expected = host.document["expect"]["mig"]["instances"]
    assert card.usable is False
    assert [(instance.partition_of, instance.memory_mib, instance.usable) for instance in instances] == [
        (0, row["memory_mib"], True) for row in expected
    ]


def test_a_graphics_processor_beside_a_card_is_a_device_of_unknown_architecture(recorded: Callable) -> None:
    facts = recorded(SHARED / "intel-arc-b580-plus-igpu-lspci").facts()
    assert [(device.pci_id, device.name, device.architecture) for device in facts.devices or ()] == [
        ("8086:4680", "AlderLake-S GT1", None),
        ("8086:e20b", "Arc B580", "bmg"),
    ]


@pytest.mark.parametrize("folder", folders("hygon-*", "iluvatar-*", "thead-*", "metax-*"))
def test_tools_that_imitate_another_vendor_make_no_device_of_it(folder: Path, recorded: Callable) -> None:
    facts = recorded(folder).facts()
    assert not whole_devices(facts, "nvidia")
    assert not whole_devices(facts, "amd")
    assert not {stack.vendor for stack in facts.stacks or ()} & {"nvidia", "amd"}


@pytest.mark.parametrize("folder", folders("os-*"))
def test_operating_system_of_a_public_recording(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    facts = host.facts()
    expect = host.document["expect"]["os"]
    assert facts.os is not None
    assert (facts.os.id, facts.os.version, facts.os.name) == (expect["id"], expect["version_id"], expect["pretty_name"])
    assert facts.os.id_like == tuple((expect.get("id_like") or "").split())
    assert facts.os.system == "linux"
    assert (facts.devices, facts.engines, facts.pythons) == (None, None, None), "not recorded is not none"


def test_a_board_with_shared_memory_is_read_from_its_files(recorded: Callable) -> None:
    host = recorded(SHARED / "nvidia-dgx-spark-gb10-sysfs")
    facts = host.facts()
    expect = host.document["expect"]
    assert facts.os is not None
    assert facts.cpu is not None
    assert facts.os.kernel == expect["kernel"]
    assert facts.cpu.architecture == expect["arch"]
    assert facts.memory_mib == expect["memory_total_kib"] // 1024


# What each `diagnosis` of the public recordings is here: the id of a finding, or why it is none.
DIAGNOSES = {
    "amd-kfd-permission": "nodes-inaccessible",
    "nvidia-driver-library-mismatch": "driver-library-mismatch",
    "jetson-wrong-wheel": "jetson-builds",
    "pci-present-driver-unknown": "driver-unknown",
    "tpu-libtpu-missing": "tpu-libtpu-missing",
}
ARGUED = {
    "amd-gfx-not-in-wheels": "what wheels hold is no fact of the host: the resolver refuses builds without gfx1031"
}


@pytest.mark.parametrize("folder", folders("*-*"))
def test_every_diagnosis_is_found_and_no_other(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    diagnosis = (host.document.get("diagnosis") or {}).get("id")
    found = {finding.id for finding in host.facts().findings}
    if diagnosis is None or diagnosis in ARGUED:
        # A listing of the bus, which says nothing of drivers, is the only other thing to note.
        assert found <= {"driver-unknown"}
    else:
        assert found == {DIAGNOSES[diagnosis]}
