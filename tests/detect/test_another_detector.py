"""What another detector printed counts where nothing else can be read, and nowhere else."""

import json
from pathlib import Path

import pytest

from envkit.detect import detect_host
from envkit.system.replay import FolderHost

ROW = {
    "manufacturer": "nvidia",
    "index": 0,
    "name": "NVIDIA GeForce RTX 5090 D",
    "driver_version": "595.84",
    "runtime_version": "13.2",
    "compute_capability": "12.0",
    "memory": 32607,
    "appendix": {"bdf": "0000:01:00.0"},
}


def detected(folder: Path, text: str) -> object:
    (folder / "printed").write_text(text)
    rows = [{"command": "gpustack-runtime detect --format json", "file": "printed", "exit_code": 0}]
    return detect_host(FolderHost(folder, rows), data_directory="/x")


def test_its_devices_are_taken_with_driver_and_ceiling(tmp_path: Path) -> None:
    facts = detected(tmp_path, json.dumps([ROW, ROW | {"index": 1, "appendix": None, "memory": None}]))
    assert [(device.architecture, device.memory_mib, device.pci_address) for device in facts.devices] == [
        ("sm_120", 32607, "0000:01:00.0"),
        ("sm_120", None, None),
    ]
    (stack,) = facts.stacks
    assert (stack.driver, stack.runtime_ceiling.version) == ("595.84", "13.2")


def test_a_number_that_looks_like_nvidias_makes_no_nvidia_of_another_vendor(tmp_path: Path) -> None:
    row = ROW | {"manufacturer": "thead", "name": "PPU-ZW810E", "compute_capability": "8.0"}
    facts = detected(tmp_path, json.dumps([row]))
    assert [(device.vendor, device.architecture) for device in facts.devices] == [("thead", "zw810e")]
    assert facts.stacks[0].runtime_ceiling is None


def test_a_bus_that_can_be_read_is_believed_alone(tmp_path: Path) -> None:
    (tmp_path / "sys/bus/pci/devices").mkdir(parents=True)
    assert detected(tmp_path, json.dumps([ROW])).devices == ()


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "[1]", '[{"manufacturer": 1}]', '[{"manufacturer": "../x", "index": 0}]']
)
def test_anything_else_is_no_device(tmp_path: Path, text: str) -> None:
    assert detected(tmp_path, text).devices is None
