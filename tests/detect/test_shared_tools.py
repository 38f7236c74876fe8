"""The public recordings of vendors whose tools print tables: what envkit detects, compared with what each shows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.detect.pci import full_address
from envkit.model.host import Device, HostFacts

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "hosts"
pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the public recordings are not beside the checkout: {SHARED}"
)
VENDORS = ("ascend", "cambricon", "enflame", "hygon", "iluvatar", "kunlunxin", "metax", "mthreads", "thead")

# The architecture that a recording shows, where `expect` and `derived` have it in other words or not at all.
ARCHITECTURES: dict[str, tuple[str | None, str]] = {
    "thead-16x-ppu-zw810e-hgml": ("zw810e", "envkit's own spelling of the model"),
    "ascend-2x-910b2c": ("910b", "`cann_variant`"),
    "ascend-8x-910a-22.0": ("910", "`soc` Ascend910A is the first generation"),
    "ascend-8x-910b4-24.1": ("910b", "`cann_variant`"),
    "ascend-a3-16die-24.1": ("a3", "`cann_variant`; two chips per NPU that bear the family's name"),
    "ascend-atlas300i-4x310-20.2": ("310", "`soc` Ascend310"),
    "cambricon-2x-mlu370x8": ("mlu370", "envkit's own spelling of the generation"),
    "enflame-2x-s60": ("s60", "envkit's own spelling of the model"),
    "hygon-4x-z100-rocm-smi": (None, "the table names neither model nor target"),
    "hygon-k100-ai-dtk2404": ("gfx928", "`gfx`"),
    "iluvatar-2x-bi150": ("bi-v150", "envkit's own spelling of the model"),
    "kunlunxin-2x-r300": ("r300", "envkit's own spelling of the model"),
    "metax-8x-c550": ("c550", "envkit's own spelling of the model"),
    "mthreads-s80": ("s80", "envkit's own spelling of the model"),
}
# The runtime that a recording shows; where it has none, none may be made up.
RUNTIMES = {
    "kunlunxin-2x-r300": ("xre", "4.31"),
    "metax-8x-c550": ("maca", "2.32.0.6"),
}


FOLDERS = sorted(path for vendor in VENDORS for path in SHARED.glob(f"{vendor}-*"))


# Without the recordings one case stands for them all, and is skipped with the reason.
@pytest.fixture(params=FOLDERS or [SHARED], ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def devices_of(facts: HostFacts, vendor: str) -> list[Device]:
    return [device for device in facts.devices or () if device.vendor == vendor]


def test_vendor_count_and_names(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    facts = host.facts()
    expect, derived = host.document["expect"], host.document.get("derived") or {}
    devices = devices_of(facts, expect["vendor"])
    assert len(devices) == len(facts.devices or ()) == expect["count"], "no other vendor may claim one"
    names = expect.get("models") or derived.get("models") or [None] * expect["count"]
    names = names * expect["count"] if len(names) == 1 else names
    assert [device.name for device in devices] == names
    assert [device.index for device in devices] == list(range(expect["count"]))


def test_memory_addresses_and_nodes(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    expect = host.document["expect"]
    devices = devices_of(host.facts(), expect["vendor"])
    sizes = expect.get("memory_mib") or expect.get("memory_mb") or [None] * expect["count"]
    assert [device.memory_mib for device in devices] == sizes
    if "bus_ids" in expect:
        assert [device.pci_address for device in devices] == [full_address(address) for address in expect["bus_ids"]]
    if "dev_nodes" in expect:
        assert [device.nodes for device in devices] == [(node,) for node in expect["dev_nodes"]]
    if "pci_devices" in expect:
        assert [device.pci_id for device in devices] == expect["pci_devices"]


def test_architecture(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    expect, derived = host.document["expect"], host.document.get("derived") or {}
    architecture, reason = ARCHITECTURES[folder.name]
    assert {device.architecture for device in devices_of(host.facts(), expect["vendor"])} == {architecture}, reason
    assert derived.get("cann_variant", architecture) == architecture
    assert expect.get("gfx", [architecture]) == [architecture]


def test_driver_and_runtime(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    facts = host.facts()
    expect = host.document["expect"]
    assert [stack.vendor for stack in facts.stacks or ()] == [expect["vendor"]]
    stack = facts.stack(expect["vendor"])
    assert stack.driver == expect.get("driver_version")
    assert stack.runtime_ceiling is None, "an imitated CUDA version says nothing about a driver"
    runtimes = [(runtime.name, runtime.version) for runtime in stack.runtimes or ()]
    assert runtimes == ([RUNTIMES[folder.name]] if folder.name in RUNTIMES else [])
    assert [version for _, version in runtimes] == [expect[key] for key in ("runtime_version",) if key in expect]


def test_health(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    facts = host.facts()
    assert set(host.document["expect"].get("health", ["OK"])) == {"OK"}
    assert facts.findings == ()
    assert {device.usable for device in facts.devices or ()} == {True}
