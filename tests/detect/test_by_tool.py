"""When a vendor's tool is run, and what becomes of its answers."""

import sys
from pathlib import Path

import pytest

from envkit.detect.by_pci import PciSigns
from envkit.detect.by_tool import Told, facts_by_tool
from envkit.detect.facts import PciDevice, Surroundings
from envkit.detect.host import vendor_detectors
from envkit.detect.reading import Reading, Trouble
from envkit.detect.vendors import ascend, hygon, kunlunxin
from envkit.model.host import Device, Severity
from envkit.system.command import Command, Completed
from envkit.system.replay import FolderHost

NPU = PciDevice(address="0000:c1:00.0", vendor="19e5", device="d802", device_class="1200", driver="devdrv")
XPU = PciDevice(address="0000:53:00.0", vendor="1d22", device="3684", device_class="1200", driver="kunlun")
TABLE = """\
| npu-smi 24.1.rc3                 Version: 24.1.rc3                                             |
| 0     910B4               | OK            | 85.0        36                0    / 0             |
| 0                         | 0000:C1:00.0  | 0           0    / 0          22283/ 32768         |
"""


class WatchedHost(FolderHost):
    """A recording that remembers which commands were run, and of children which library they ask."""

    def __init__(self, root: Path, recordings: object) -> None:
        super().__init__(root, recordings)
        self.ran: list[str] = []

    def run(self, command: Command) -> Completed:
        self.ran.append(Path(command.argv[-1]).name if command.argv[0] == sys.executable else str(command))
        return super().run(command)


@pytest.fixture
def host(tmp_path: Path) -> WatchedHost:
    (tmp_path / "table.txt").write_text(TABLE)
    return WatchedHost(tmp_path, [{"file": "table.txt", "command": "npu-smi info"}])


def around(host: WatchedHost, *functions: PciDevice) -> Surroundings:
    return Surroundings(host, None, functions)


def test_no_tool_is_run_where_the_bus_has_no_device_of_the_vendor(host: WatchedHost) -> None:
    assert ascend.detect(around(host, XPU)).devices == ()
    assert host.ran == []


def test_no_tool_is_run_for_a_device_without_driver(host: WatchedHost) -> None:
    unbound = PciDevice(address=NPU.address, vendor="19e5", device="d802", device_class="1200", unbound=True)
    facts = ascend.detect(around(host, unbound))
    assert host.ran == []
    assert [finding.id for finding in facts.findings] == ["driver-missing"]
    assert [device.usable for device in facts.devices] == [False]


def test_asking_ends_when_names_memory_and_driver_are_known(host: WatchedHost) -> None:
    facts = ascend.detect(around(host, NPU))
    assert [line.rpartition("/")[2] for line in host.ran] == ["dcmi.py", "npu-smi info"]
    (device,) = facts.devices
    assert (device.name, device.memory_mib, device.pci_id, device.usable) == ("910B4", 32768, "19e5:d802", True)
    assert [(row.fact, row.source) for row in facts.evidence if row.fact.endswith(("name", "driver"))] == [
        ("devices[0].name", "npu-smi info"),
        ("stacks[0].driver", "npu-smi info"),
    ]


def test_where_the_bus_could_not_be_read_the_tool_is_the_sign(host: WatchedHost) -> None:
    facts = ascend.detect(Surroundings(host, None, None))
    assert [device.name for device in facts.devices] == ["910B4"]
    assert hygon.detect(Surroundings(host, None, None)).devices == ()
    assert host.ran == ["npu-smi info"]


def test_a_tool_that_is_not_there_is_one_gap(tmp_path: Path) -> None:
    host = WatchedHost(tmp_path, [])
    facts = ascend.detect(around(host, NPU))
    gaps = [(gap.source, gap.reason) for gap in facts.gaps if gap.fact == "stacks[0]"]
    assert gaps == [("libdcmi.so", "not recorded"), ("npu-smi", "not found")]
    assert [line.rpartition("/")[2] for line in host.ran] == ["dcmi.py"]
    assert [device.usable for device in facts.devices] == [None]


def test_after_a_tool_that_hangs_no_other_is_asked(tmp_path: Path) -> None:
    late = "timed out after 10 s"
    host = WatchedHost(tmp_path, [{"command": "xpu-smi", "failure": late}, {"command": "xpu_smi", "failure": late}])
    facts = kunlunxin.detect(around(host, XPU))
    assert [line.rpartition("/")[2] for line in host.ran] == ["xpuml.py", "xpu-smi"]
    assert [gap.reason for gap in facts.gaps if gap.fact == "stacks[0]"] == ["not recorded", late]
    assert [device.pci_id for device in facts.devices] == ["1d22:3684"]


def test_a_tool_that_crashes_is_a_gap_with_its_signal_and_the_next_is_asked(tmp_path: Path) -> None:
    crashes = [{"command": tool, "exit_code": -11} for tool in ("xpu-smi", "xpu_smi")]
    facts = kunlunxin.detect(around(WatchedHost(tmp_path, crashes), XPU))
    gaps = [(gap.source, gap.reason) for gap in facts.gaps if gap.fact == "stacks[0]"]
    assert [gap for gap in gaps if "xpu" in gap[0] and "signal" in gap[1]] == [
        ("xpu-smi", "ended by signal 11"),
        ("xpu_smi", "ended by signal 11"),
    ]


def test_what_files_tell_is_not_asked_of_a_tool() -> None:
    folder = Path(__file__).resolve().parents[1] / "hosts" / "hygon-k100-ai-topology"
    memory = "hy-smi -i --showmeminfo vram --json"
    host = WatchedHost(folder, [{"file": "hy-smi.json", "command": memory}])
    card = PciDevice(address="0000:0f:00.0", vendor="1d94", device="6210", device_class="0b40", driver="hycu")
    facts = hygon.detect(around(host, card))
    assert host.ran == ["rocm_smi.py", memory]
    assert facts.stack is not None
    assert (facts.stack.driver, facts.devices[0].architecture) == ("6.2.17a-V1.0.5", "gfx928")


def test_a_fault_that_the_tool_of_any_vendor_tells_is_a_finding_with_a_step(tmp_path: Path) -> None:
    modules = (sys.modules[detector.__module__] for detector in vendor_detectors())
    names = sorted(module._SIGNS.vendor for module in modules if hasattr(module, "facts_by_tool"))  # noqa: SLF001 - how a module names its vendor
    assert {"ascend", "cambricon", "hygon", "mthreads"} <= set(names)
    for vendor in names:
        told = Reading(
            source="library",
            devices=(Device(vendor=vendor, index=0, name="x"),),
            troubles=(Trouble(index=0, said="not well", severity=Severity.WARNING, values={"npu": "0", "chip": "0"}),),
        )
        around_none = Surroundings(FolderHost(tmp_path), None, None)
        (finding,) = facts_by_tool(around_none, (), PciSigns(vendor=vendor), Told(tools=(told,))).findings
        assert finding.id == "device-unhealthy"
        assert finding.remedy, vendor
