from pathlib import Path

from envkit.detect.driver_files import with_files
from envkit.model.host import Device, Stack
from envkit.system.replay import FolderHost

NVIDIA = (Stack(vendor="nvidia", driver="570.1"),)
DEVICES = (Device(vendor="nvidia", index=0),)


def host(folder: Path, *answers: dict[str, object]) -> FolderHost:
    return FolderHost(folder, list(answers))


def test_nodes_and_files_of_the_driver_are_looked_for(tmp_path: Path) -> None:
    found = with_files(
        host(
            tmp_path,
            {"path": "/dev/nvidiactl", "exists": True},
            {"path": "/dev/nvidia-uvm", "exists": False},
            {"path": "/usr/lib/wsl", "exists": True},
        ),
        NVIDIA,
        DEVICES,
    )
    assert found[0].files == {"/dev/nvidiactl": True, "/dev/nvidia-uvm": False, "/usr/lib/wsl": True}


def test_what_cannot_be_looked_at_is_not_known(tmp_path: Path) -> None:
    assert with_files(host(tmp_path), NVIDIA, DEVICES) == NVIDIA


def test_a_driver_without_devices_is_not_looked_at(tmp_path: Path) -> None:
    answer = {"path": "/dev/nvidiactl", "exists": True}
    assert with_files(host(tmp_path, answer), NVIDIA, ()) == NVIDIA
    assert with_files(host(tmp_path, answer), NVIDIA, (Device(vendor="amd", index=0),)) == NVIDIA


def test_files_of_libraries_are_left_to_cdi(tmp_path: Path) -> None:
    answers = ({"path": "/usr/bin/nvidia-smi", "exists": True}, {"path": "/usr/local/dcmi", "exists": True})
    stacks = (*NVIDIA, Stack(vendor="ascend"))
    found = with_files(host(tmp_path, *answers), stacks, (*DEVICES, Device(vendor="ascend", index=0)))
    assert [stack.files for stack in found] == [{}, {"/usr/local/dcmi": True}]
