"""Parsers of Intel's, AWS's, Google's, Qualcomm's and Apple's tools: forms that no recorded host holds."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.detect import detect_host
from envkit.detect.pci import parse_named, parse_numbered, scan_pci
from envkit.detect.reading import Reading
from envkit.detect.sources import apple_tools, hl_smi, neuron, qaic_util, tpu_info, xpu_smi
from envkit.system.command import Command, Completed
from envkit.system.replay import FolderHost

Parser = Callable[[str, str], Reading]
PARSERS = (
    xpu_smi.parse_discovery,
    hl_smi.parse_csv,
    hl_smi.parse_table,
    neuron.parse_json,
    neuron.parse_table,
    tpu_info.parse_table,
    qaic_util.parse_query,
    apple_tools.parse_displays,
    apple_tools.parse_sysctl,
)
# Words of these tools, so that texts of them come near to what they print.
PIECES = ("|", "│", "\n", ",", "QID 0\n", "  Status:", "HL-225", "name, ", "/dev/vfio/0", "TPU v6e chip", "0", "32 GB")
PIECES += ('{"device_list": [', '"device_id": 1e400', "[{", "}]", '"neuron_device": -1', "memory.total [MiB]\n", "²")


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: f"{parse.__module__.rpartition('.')[2]}.{parse.__name__}")
@given(text=st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_any_text_is_read_or_refused_with_a_reason(parse: Parser, text: str) -> None:
    reading = parse(text, "a tool")
    assert bool(reading.devices) or bool(reading.driver) or bool(reading.failure)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: f"{parse.__module__.rpartition('.')[2]}.{parse.__name__}")
def test_an_error_sentence_is_the_reason_why_nothing_was_read(parse: Parser) -> None:
    sentence = "No such device; is the driver loaded?"
    reading = parse(f"{sentence}\nand more\n", "a tool")
    assert reading.devices == ()
    assert sentence in (reading.failure or "")


def test_xpu_smi_of_windows_writes_ids_without_a_prefix_and_unknown_values_as_zero() -> None:
    gpu = {"device_id": 3, "device_name": "", "pci_device_id": "56C0", "memory_physical_size_byte": "0"}
    (device,) = xpu_smi.parse_discovery(json.dumps({"device_list": [gpu]}), "xpu-smi").devices
    assert (device.index, device.name, device.pci_id, device.memory_mib) == (3, None, "8086:56c0", None)


def test_an_error_as_json_is_no_device() -> None:
    reading = xpu_smi.parse_discovery('{"error": "No device discovered", "errno": 2}', "xpu-smi")
    assert reading.devices == ()
    assert "No device discovered" in (reading.failure or "")


def test_columns_of_hl_smi_are_known_by_their_names() -> None:
    reading = hl_smi.parse_csv(
        "driver_version, memory.total [MiB], surprise, bus_id, name, index\n"
        "1.24.1-b336d5e, 131072 MiB, x, 0000:3b:00.0, HL-325L, 7\n"
        "N/A, N/A, x, N/A, N/A, N/A\n"
        "cut off, 131",
        "hl-smi",
    )
    full, empty = reading.devices
    assert (full.index, full.name, full.memory_mib, full.pci_address) == (7, "HL-325L", 131072, "0000:3b:00.0")
    assert (empty.name, empty.memory_mib, empty.pci_address) == (None, None, None)
    assert reading.driver == "1.24.1"


def test_an_old_table_of_hl_smi_spells_its_unit_another_way() -> None:
    reading = hl_smi.parse_table(
        "| Driver Version:                                      1.4.0-d8f95f4          |\n"
        "|   0  HL-205              N/A  | 0000:20:1d.0     N/A |                   0  |\n"
        "| N/A   35C   N/A   102W / 350W |    512Mib / 32768Mib |     2%           N/A |\n",
        "hl-smi",
    )
    assert [(device.name, device.memory_mib) for device in reading.devices] == [("HL-205", 32768)]
    assert reading.driver == "1.4.0"


def test_a_newer_neuron_ls_wraps_its_list_and_adds_columns() -> None:
    chip = {"neuron_device": 0, "nc_count": 4, "memory_size": 103079215104, "neuroncore_ids": [0, 1], "bdf": "cc:00.0"}
    wrapped = neuron.parse_json(json.dumps({"neuron_devices": [chip]}), "neuron-ls -j")
    assert wrapped == neuron.parse_json(json.dumps([chip]), "neuron-ls -j")
    table = neuron.parse_table(
        "instance-type: trn2n.48xlarge\n"
        "| NEURON | NEURON |  NEURON  | NEURON | CONNECTED |     PCI      | NUMA |\n"
        "| DEVICE | CORES  | CORE IDS | MEMORY |  DEVICES  |     BDF      | NODE |\n"
        "| 0      | 4      | 0-3      | 96 GB  | 12, 3     | 0000:cc:00.0 | 1    |\n",
        "neuron-ls",
    )
    (device,) = table.devices
    assert (device.architecture, device.memory_mib, device.pci_address) == ("trn2", 98304, "0000:cc:00.0")
    assert [device.memory_mib for device in wrapped.devices] == [98304]


def test_a_status_that_is_missing_leaves_a_card_unknown() -> None:
    reading = qaic_util.parse_query("QID 4\n    PCI Address:0000:03:00.0\n", "qaic-util -q")
    assert [(device.index, device.usable, device.pci_id) for device in reading.devices] == [(4, None, None)]


def test_the_gpu_of_a_virtual_mac_has_no_known_chip() -> None:
    reading = apple_tools.parse_sysctl("machdep.cpu.brand_string: Apple M1 (Virtual)\nhw.memsize: 7516192768\n", "x")
    assert [(device.name, device.memory_mib) for device in reading.devices] == [("Apple M1 (Virtual)", 7168)]


def test_lspci_without_a_name_names_nothing() -> None:
    numbered = parse_numbered(
        "19:00.0 Processing accelerators [1200]: Habana Labs Ltd. Device [1da3:1020] (rev 01)\n"
        "1a:00.0 Processing accelerators [1200]: Huawei Technologies Co., Ltd. Ascend 910 [19e5:d801]\n"
    )
    assert [device.name for device in numbered] == [None, "Ascend 910"]
    (named,) = parse_named("19:00.0 Processing accelerators: Habana Labs Ltd. Device 1020 (rev 01)\n")
    assert (named.pci_id, named.name) == ("1da3:1020", None)


def test_lspci_is_not_asked_where_the_bus_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "sys/bus/pci/devices").mkdir(parents=True)
    (tmp_path / "lspci.txt").write_text("4d:00.0 Display controller [0380]: Intel Corporation Device [8086:0bda]\n")
    recordings = [{"file": "lspci.txt", "command": "lspci -nn"}]
    assert scan_pci(FolderHost(tmp_path, recordings)) == ((), ())
    (tmp_path / "sys/bus/pci/devices").rmdir()
    found, _ = scan_pci(FolderHost(tmp_path, recordings))
    assert [function.pci_id for function in found or ()] == ["8086:0bda"]


class WatchedHost(FolderHost):
    """A recording that remembers what was run."""

    def run(self, command: Command) -> Completed:
        self.asked = [*getattr(self, "asked", []), Path(command.argv[0]).name]
        return super().run(command)


@pytest.mark.parametrize(
    ("uevent", "asked"),
    [
        (None, set()),
        ("DRIVER=i915\nPCI_CLASS=30000\nPCI_ID=8086:56A0\n", {"xpu-smi"}),
        ("PCI_CLASS=30000\nPCI_ID=8086:56A0\n", set()),
        ("DRIVER=habanalabs\nPCI_CLASS=120000\nPCI_ID=1DA3:1020\n", {"hl-smi"}),
        ("DRIVER=qaic\nPCI_CLASS=120000\nPCI_ID=17CB:A100\n", {"qaic-util"}),
        ("DRIVER=neuron\nPCI_CLASS=120000\nPCI_ID=1D0F:7264\n", {"neuron-ls"}),
        ("DRIVER=vfio-pci\nPCI_CLASS=ff0000\nPCI_ID=1AE0:006F\n", set()),
        ("DRIVER=gasket\nPCI_CLASS=ff0000\nPCI_ID=1AE0:0027\n", {"tpu-info"}),
    ],
)
def test_a_tool_is_asked_only_for_a_device_that_its_driver_serves(
    tmp_path: Path, uevent: str | None, asked: set[str]
) -> None:
    (tmp_path / "sys/bus/pci/devices").mkdir(parents=True)
    if uevent is not None:
        (tmp_path / "sys/bus/pci/devices/0000:03:00.0").mkdir()
        (tmp_path / "sys/bus/pci/devices/0000:03:00.0/uevent").write_text(uevent)
    tools = {"xpu-smi", "hl-smi", "neuron-ls", "tpu-info", "qaic-util", "sysctl", "system_profiler", "lspci"}
    host = WatchedHost(tmp_path, [{"command": tool, "failure": "timed out after 10 s"} for tool in sorted(tools)])
    detect_host(host, data_directory="/x")
    assert tools.intersection(host.asked) == asked
