"""The public recordings of Intel's, Google's, AWS's and Apple's devices, compared with what each says that it shows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.model.host import Device

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "hosts"
pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the public recordings are not beside the checkout: {SHARED}"
)
PATTERNS = ("intel-*", "google-*", "aws-*", "apple-*")
FOLDERS = sorted(path for pattern in PATTERNS for path in SHARED.glob(pattern)) or [SHARED]

# Where envkit's answer differs on purpose: the field, envkit's value, and why.
DISAGREEMENTS = {
    ("intel-arc-b580-plus-igpu-lspci", "count"): (2, "`expect` names the graphics inside the processor apart"),
    ("intel-arc-b580-plus-igpu-lspci", "names"): (
        ["AlderLake-S GT1", "Arc B580"],
        "as above; for an id without a row, lspci's name is all there is",
    ),
    ("intel-arc-b580-plus-igpu-lspci", "ids"): (["8086:4680", "8086:e20b"], "as above"),
    ("intel-arc-b580-plus-igpu-lspci", "addresses"): (["00:02.0", "03:00.0"], "as above"),
}
# What the tables of `derived` say in words, as envkit names it.
ARCHITECTURES = {
    "12.60.7 (pvc)": "pvc",
    "20.1.0 (bmg-g21)": "bmg",
    "Gaudi (first generation, 32 GB)": "gaudi",
    "Trainium": "trn1",
    "TPU v6e chip": "v6e",
    "Apple M3 Max": "m3",
}


def expected_names(expect: dict, derived: dict) -> list | None:
    return expect.get("models") or derived.get("models")


def expected_memory(expect: dict, count: int) -> list[int | None] | None:
    """Return MiB; a recording may hold the memory of its first devices only, and the others' must not be guessed."""
    gigabytes = [size * 1024 for size in expect.get("memory_gb") or []]
    sizes = expect.get("memory_mib") or [size // 1024**2 for size in expect.get("memory_bytes") or []] or gigabytes
    return [*sizes, *[None] * (count - len(sizes))] if sizes else None


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_public_recording_gives_what_it_shows(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    expect, derived = host.document["expect"], host.document.get("derived") or {}
    facts = host.facts()
    devices: list[Device] = [device for device in facts.devices or () if device.vendor == expect["vendor"]]
    expected = {
        "count": expect["count"],
        "names": expected_names(expect, derived),
        "memory": expected_memory(expect, len(devices)),
        "ids": expect.get("pci_devices"),
        "addresses": [address[-7:] for address in expect.get("bus_ids") or ()] or None,
        "nodes": expect.get("dev_nodes"),
    }
    found = {
        "count": len(devices),
        "names": [device.name for device in devices],
        "memory": [device.memory_mib for device in devices],
        "ids": [device.pci_id for device in devices],
        "addresses": [(device.pci_address or "")[-7:] for device in devices],
        "nodes": [node for device in devices for node in device.nodes or ()],
    }
    argued = {field: value for (name, field), (value, _) in DISAGREEMENTS.items() if name == folder.name}
    told = {field: argued.get(field, value) for field, value in expected.items() if value is not None}
    assert {field: found[field] for field in told} == told
    assert len(devices) == len(facts.devices or ()), "no other vendor's device"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_architecture_of_a_public_recording(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    expect, derived = host.document["expect"], host.document.get("derived") or {}
    words = derived.get("ip_version") or derived.get("generation") or expected_names(expect, derived)[0]
    architectures = {device.architecture for device in host.facts().devices or ()}
    assert architectures - {None} == {ARCHITECTURES[words]}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_driver_and_diagnosis_of_a_public_recording(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    expect, diagnosis = host.document["expect"], host.document.get("diagnosis")
    facts = host.facts()
    stack = facts.stack(expect["vendor"])
    assert stack is not None
    assert stack.driver == expect.get("driver_version")
    # A listing of the bus says nothing of drivers, which is noted.
    found = [finding.id for finding in facts.findings if finding.id != "driver-unknown"]
    assert found == ([diagnosis["id"]] if diagnosis else [])
    if "libtpu_version" in expect:
        assert stack.runtimes == ()


def test_apples_gpu_computes_through_metal(recorded: Callable) -> None:
    host = recorded(SHARED / "apple-m3-max")
    assert [device.usable for device in host.facts().devices or ()] == [host.document["expect"]["metal"]]
