"""Who may open a device node, and what mends it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.detect.nodes import Process, group_names, read_process, with_node_groups
from envkit.model.host import Device, Finding
from envkit.system.live import LiveHost
from envkit.system.replay import FolderHost

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
STATUS = "Name:\tx\nUid:\t1000\t1000\t1000\t1000\nGid:\t100\t100\t100\t100\nGroups:\t4 24 993 \n"


def only_finding(recorded: Callable, name: str) -> Finding:
    (finding,) = recorded(HOSTS / name).facts().findings
    return finding


@pytest.mark.parametrize(
    ("name", "seen", "first_step"),
    [
        ("amd-user-not-in-render-group-by-number", "group render (993)", 'sudo usermod -aG "render" "$USER"'),
        ("ascend-not-in-hwhiaiuser", "group HwHiAiUser (1001)", 'sudo usermod -aG "HwHiAiUser" "$USER"'),
        ("amd-group-not-active-yet", "this session is not", "newgrp render"),
        (
            "amd-nodes-of-root-only",
            "group root (0), mode 600",
            'echo \'KERNEL=="kfd", GROUP="render", MODE="0660"\' | sudo tee /etc/udev/rules.d/70-kfd.rules',
        ),
        ("amd-container-group-missing", "group 993", "# start the container with `--group-add 993`"),
        ("amd-container-selinux", "enforce is 1", "# on the host: `sudo setsebool -P container_use_devices on`"),
        (
            "amd-container-rootless",
            "group 65534",
            "# start the container again with `--group-add keep-groups` (podman with crun as its runtime)",
        ),
    ],
)
def test_each_cause_has_its_own_remedy(recorded: Callable, name: str, seen: str, first_step: str) -> None:
    finding = only_finding(recorded, name)
    assert seen in finding.evidence
    assert finding.remedy[0] == first_step


@pytest.mark.parametrize("folder", sorted(HOSTS.glob("a*-*")), ids=lambda folder: folder.name)
def test_no_place_stays_open_in_cause_or_steps(recorded: Callable, folder: Path) -> None:
    for finding in recorded(folder).facts().findings:
        assert not [text for text in (finding.cause, *finding.remedy) if re.search(r"\{[a-z_]+\}", text)]


def test_an_owner_that_is_not_known_is_asked_for_by_the_step_itself(recorded: Callable) -> None:
    facts = recorded(HOSTS / "nvidia-nodes-denied").facts()
    (finding,) = [finding for finding in facts.findings if finding.id == "nodes-inaccessible"]
    assert re.fullmatch(r'sudo usermod -aG "\$\(stat -c %G /dev/nvidia\w*\)" "\$USER"', finding.remedy[0])


def test_the_groups_of_a_device_are_those_of_its_own_and_its_vendors_shared_nodes(tmp_path: Path) -> None:
    rows = [
        {"path": "/dev/kfd", "exists": True, "group": 109, "mode": "660"},
        {"path": "/dev/dri/renderD128", "exists": True, "group": 44},
    ]
    host = FolderHost(tmp_path, rows)
    with_nodes = Device(vendor="amd", index=0, nodes=("/dev/dri/renderD128",))
    unknown = Device(vendor="amd", index=1, nodes=("/dev/dri/renderD129",))
    without = Device(vendor="amd", index=2)
    found = with_node_groups(host, (with_nodes, unknown, without))
    assert [device.node_groups for device in found] == [(44, 109), (109,), None]


def test_the_groups_of_a_process_are_its_own_not_those_of_its_next_login(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text(STATUS)
    assert read_process(FolderHost(tmp_path)) == Process(1000, frozenset({4, 24, 100, 993}))
    (tmp_path / "proc/self/status").write_text("Name:\tx\n")
    assert read_process(FolderHost(tmp_path)) is None


def test_a_group_without_a_name_is_named_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "stat.txt").write_text("render\nUNKNOWN\n")
    rows = [
        {"path": "/dev/kfd", "group": 109},
        {"path": "/dev/dri/card0", "group": 44},
        {"command": "stat -L -c %G /dev/kfd /dev/dri/card0", "file": "stat.txt", "exit_code": 0},
    ]
    host = FolderHost(tmp_path, rows)
    assert group_names(host, ("/dev/kfd", "/dev/dri/card0")) == {109: "render", 44: "44"}
    assert group_names(host, ("/dev/none",)) == {}


def test_this_machine_tells_the_group_of_a_file(tmp_path: Path) -> None:
    ((gid, name),) = group_names(LiveHost(), (str(tmp_path),)).items()
    assert gid == tmp_path.stat().st_gid
    assert name in {tmp_path.group(), str(gid)}
