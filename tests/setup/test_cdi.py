import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.data import decode_document, load_vendor, load_vendors
from envkit.data.canonical import yaml_text
from envkit.detect.cdi import read_yaml
from envkit.errors import DeviceMissingError, UnsafeTextError
from envkit.model.cdi import Specification
from envkit.model.host import Cpu, Device, HostFacts, Stack
from envkit.model.value import to_json
from envkit.model.vendor import Vendor
from envkit.setup.cdi import make_specification
from envkit.system.replay import FolderHost

MakeHost = Callable[..., HostFacts]
NVIDIA = tuple(Device(vendor="nvidia", index=index, nodes=(f"/dev/nvidia{index}",)) for index in range(2))
DRIVER = "570.124.06"
FOLDER = "/usr/lib/x86_64-linux-gnu"
# The names that the JSON Schema of the CDI project allows (schema/schema.json and defs.json), and the rules of SPEC.md.
EDITS = {"env", "deviceNodes", "mounts", "hooks", "intelRdt", "additionalGids"}
KIND = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?/[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?")
HOOKS = {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}


def check_rules(document: dict[str, object]) -> None:
    """Check what the schema requires of a specification, the fields' names and types among it."""
    assert set(document) <= {"cdiVersion", "kind", "annotations", "devices", "containerEdits"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", str(document["cdiVersion"]))
    assert KIND.fullmatch(str(document["kind"]))
    devices = document["devices"]
    assert isinstance(devices, list)
    assert devices
    names = [device["name"] for device in devices]
    assert len(names) == len(set(names))
    assert all(NAME.fullmatch(name) for name in names)
    for device in devices:
        assert set(device) == {"name", "containerEdits"}
        assert device["containerEdits"], "a device without edits is refused"
    version = tuple(map(int, str(document["cdiVersion"]).split(".")))
    for edits in (document.get("containerEdits", {}), *(device["containerEdits"] for device in devices)):
        assert isinstance(edits, dict)
        check_edits(edits, version)


def check_edits(edits: dict[str, list[dict[str, object]]], version: tuple[int, ...]) -> None:
    assert set(edits) <= EDITS
    assert all(isinstance(item, str) and "=" in item for item in edits.get("env", []))
    assert all(str(node["path"]).startswith("/") and set(node) <= {"path"} for node in edits.get("deviceNodes", []))
    for mount in edits.get("mounts", []):
        assert set(mount) == {"hostPath", "containerPath", "options"}
        assert "ro" in mount["options"]  # type: ignore[operator]
    for hook in edits.get("hooks", []):
        assert set(hook) == {"hookName", "path", "args"}
        assert hook["hookName"] in HOOKS
        assert str(hook["path"]).startswith("/")
    assert "additionalGids" not in edits or version >= (0, 7, 0)


def document(specification: Specification) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode(to_json(specification))
    return found


def edits(specification: Specification, name: str) -> dict[str, object]:
    device = next(device for device in specification.devices if device.name == name)
    found: dict[str, object] = msgspec.json.decode(to_json(device.container_edits))
    return found


def facts(*devices: Device, driver: str | None = None) -> HostFacts:
    stacks = () if driver is None else (Stack(vendor=devices[0].vendor, driver=driver),)
    return HostFacts(cpu=Cpu(architecture="x86_64"), devices=devices, stacks=stacks)


def machine(folder: Path, *paths: str, absent: tuple[str, ...] = ()) -> FolderHost:
    """Return a machine that has these files and device nodes."""
    rows: list[dict[str, object]] = [{"path": path, "exists": False} for path in absent]
    for path in paths:
        if path.startswith("/dev/"):
            rows.append({"path": path, "exists": True})
        else:
            (folder / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (folder / path[1:]).touch()
    return FolderHost(folder, rows)


@pytest.mark.parametrize("vendor", [row for row in load_vendors() if row.access], ids=lambda vendor: vendor.name)
def test_the_specification_of_every_vendor_keeps_the_rules_of_cdi(vendor: Vendor) -> None:
    devices = tuple(
        Device(vendor=vendor.name, index=index, nodes=(f"/dev/node{index}",), node_groups=(0, 44)) for index in range(2)
    )
    specification = make_specification(facts(*devices, driver=DRIVER), vendor, None).specification
    check_rules(document(specification))
    assert [device.name for device in specification.devices] == ["0", "1", "all"]
    assert edits(specification, "all") == {"deviceNodes": [{"path": "/dev/node0"}, {"path": "/dev/node1"}]}
    assert decode_document(yaml_text(specification), "x.yaml", Specification) == specification
    read = read_yaml(yaml_text(specification))
    assert read is not None
    assert [device.name for device in read.devices] == ["0", "1", "all"]


def test_only_what_exists_is_given(tmp_path: Path) -> None:
    libraries = (f"libcuda.so.{DRIVER}", "libcuda.so.1", f"libnvidia-ml.so.{DRIVER}", "libnvidia-ml.so.1")
    there = (*(f"{FOLDER}/{name}" for name in libraries), "/usr/bin/nvidia-smi")
    nodes = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-modeset")
    host = machine(tmp_path, *nodes, *there, absent=("/dev/nvidia-uvm", "/dev/nvidia1"))
    (tmp_path / FOLDER[1:] / "libcuda.so.550.144.03").touch()
    (tmp_path / FOLDER[1:] / "libc.so.6").touch()
    written = make_specification(facts(*NVIDIA, driver=DRIVER), load_vendor("nvidia"), host)
    common = written.specification.container_edits
    assert [node.path for node in common.device_nodes] == ["/dev/nvidiactl", "/dev/nvidia-modeset"]
    assert sorted(mount.host_path for mount in common.mounts) == sorted(there)
    assert all(mount.host_path == mount.container_path for mount in common.mounts)
    assert common.env == ("NVIDIA_VISIBLE_DEVICES=void",)
    assert [device.name for device in written.specification.devices] == ["0", "all"]
    assert written.notes == (
        "left out, no device node is known: `1`",
        "left out, it does not exist on this host: `/dev/nvidia-uvm`",
        f"`nvidia-ctk` is not installed: an image whose loader skips {FOLDER} needs it in LD_LIBRARY_PATH",
    )


def test_the_loader_is_told_where_the_vendors_tool_is_installed(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/nvidia-ctk").touch(mode=0o755)
    rows = [{"variable": "PATH", "value": "/usr/bin"}, {"command": "nvidia-ctk --version", "exit_code": 0}]
    machine(tmp_path, f"{FOLDER}/libcuda.so.{DRIVER}")
    host = FolderHost(tmp_path, rows)
    hooks = make_specification(facts(*NVIDIA, driver=DRIVER), load_vendor("nvidia"), host).specification
    (hook,) = hooks.container_edits.hooks
    assert hook.path.endswith("nvidia-ctk")
    assert hook.args == ("nvidia-ctk", "hook", "update-ldcache", "--folder", FOLDER)


def test_groups_need_a_newer_version_than_nodes_do() -> None:
    amd = Device(vendor="amd", index=0, nodes=("/dev/kfd", "/dev/dri/renderD128"), node_groups=(0, 44, 992))
    specification = make_specification(facts(amd), load_vendor("amd"), None).specification
    assert (specification.cdi_version, specification.container_edits.additional_gids) == ("0.7.0", (44, 992))
    assert edits(specification, "0") == {"deviceNodes": [{"path": "/dev/dri/renderD128"}]}, "kfd is common"
    nodes_only = make_specification(facts(*NVIDIA), load_vendor("nvidia"), None).specification
    assert nodes_only.cdi_version == "0.5.0"


def test_parts_of_a_device_have_names_where_their_nodes_are_known() -> None:
    whole = Device(vendor="amd", index=0)
    nodes = ("/dev/dri/renderD128", "/dev/dri/renderD129")
    parts = tuple(Device(vendor="amd", index=index, partition_of=0, nodes=(node,)) for index, node in enumerate(nodes))
    written = make_specification(facts(whole, *parts), load_vendor("amd"), None)
    assert [device.name for device in written.specification.devices] == ["0:0", "0:1", "all"]
    mig = (NVIDIA[0], Device(vendor="nvidia", index=0, partition_of=0))
    written = make_specification(facts(*mig), load_vendor("nvidia"), None)
    assert [device.name for device in written.specification.devices] == ["0", "all"]
    assert "left out, no device node is known: `0:0`" in written.notes


def test_nodes_that_the_facts_do_not_tell_follow_the_vendors_pattern() -> None:
    card = Device(vendor="ascend", index=3, nodes=None)
    specification = make_specification(facts(card), load_vendor("ascend"), None).specification
    assert edits(specification, "3") == {"deviceNodes": [{"path": "/dev/davinci3"}]}


def test_without_the_host_the_drivers_files_are_left_out_and_that_is_said() -> None:
    written = make_specification(facts(*NVIDIA, driver=DRIVER), load_vendor("nvidia"), None)
    assert written.specification.container_edits.mounts == ()
    assert written.notes == ("the driver's files are left out: which of them exist only that host can tell",)


def test_a_vendor_that_is_not_there_is_an_error_that_says_what_is() -> None:
    with pytest.raises(DeviceMissingError, match="no device of this vendor was detected: `amd`") as failure:
        make_specification(facts(*NVIDIA), load_vendor("amd"), None)
    assert failure.value.facts[0] == "detected: nvidia 0, without a name"


@pytest.mark.parametrize("name", ["apple", "google-tpu"])
def test_a_vendor_without_cdi_names_is_an_error(name: str) -> None:
    with pytest.raises(DeviceMissingError, match="no name for CDI devices"):
        make_specification(facts(Device(vendor=name, index=0)), load_vendor(name), None)


def test_devices_without_any_node_are_an_error() -> None:
    with pytest.raises(DeviceMissingError, match="no device node is known of any device"):
        make_specification(facts(Device(vendor="amd", index=0)), load_vendor("amd"), None)


def test_control_characters_of_a_file_of_facts_do_not_pass() -> None:
    with pytest.raises(UnsafeTextError):
        make_specification(facts(Device(vendor="amd", index=0, nodes=("/dev/\n",))), load_vendor("amd"), None)


def test_a_generation_with_other_nodes_and_files_is_described_by_its_own(tmp_path: Path) -> None:
    driver = "/usr/local/Ascend/driver"
    (tmp_path / driver[1:] / "lib64").mkdir(parents=True)
    device = Device(vendor="ascend", index=0, architecture="950", nodes=("/dev/davinci0",))
    host = machine(tmp_path, "/dev/davinci0", "/dev/davinci_manager", "/dev/uburma", absent=("/dev/ummu",))
    written = make_specification(facts(device), load_vendor("ascend"), host)
    common = written.specification.container_edits
    assert [mount.host_path for mount in common.mounts] == [driver]
    assert [node.path for node in common.device_nodes][:3] == ["/dev/davinci_manager", "/dev/hisi_hdc", "/dev/uburma"]
    assert not any("devmm_svm" in note for note in written.notes)
