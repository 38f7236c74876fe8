"""What other tools are told about the devices that an environment asks for."""

import pytest

from envkit.data import load_matrix
from envkit.model.host import Device, HostFacts, OperatingSystem, Stack
from envkit.model.plan import DeviceRequest, Mount
from envkit.model.request import Mode
from envkit.model.resolution import Chosen
from envkit.plan.devices import plan_devices

MATRIX = load_matrix(("pytorch",))


def request(
    *devices: Device,
    indices: tuple[int, ...],
    files: dict[str, bool] | None = None,
    system: OperatingSystem | None = None,
) -> DeviceRequest:
    vendor = devices[0].vendor
    chosen = Chosen(
        candidate="any",
        recipes=("pytorch",),
        vendor=vendor,
        variant="any",
        mode=Mode.CONTAINER,
        python="3.12",
        packages={},
        devices=indices,
    )
    facts = HostFacts(os=system, devices=devices, stacks=(Stack(vendor=vendor, files=files or {}),))
    return plan_devices(chosen, facts, MATRIX)


def test_the_processor_asks_for_nothing() -> None:
    assert request(Device(vendor="cpu"), indices=()) == DeviceRequest()


def test_devices_are_counted_and_described_by_the_least_of_them() -> None:
    devices = (
        Device(vendor="nvidia", index=0, architecture="sm_90", memory_mib=81559, name="NVIDIA H100 80GB HBM3"),
        Device(vendor="nvidia", index=1, architecture="sm_80", memory_mib=40960, name="NVIDIA A100"),
        Device(vendor="nvidia", index=2, architecture="sm_75", memory_mib=15360, name="Tesla T4"),
    )
    found = request(*devices, indices=(0, 1))
    assert (found.count, found.architectures, found.memory_mib) == (2, ("sm_80", "sm_90"), 40960)
    assert found.products == ("NVIDIA A100", "NVIDIA H100 80GB HBM3")
    assert found.cdi == ("nvidia.com/gpu=0", "nvidia.com/gpu=1")
    assert request(*devices, indices=(0, 1, 2)).cdi == ("nvidia.com/gpu=all",)


@pytest.mark.parametrize(
    ("vendor", "architecture", "resource", "runtime_class"),
    [
        ("nvidia", "sm_90", "nvidia.com/gpu", None),
        ("amd", "gfx942", "amd.com/gpu", None),
        ("ascend", "310p", "huawei.com/Ascend310P", "ascend"),
        ("ascend", "910b", "huawei.com/Ascend910", "ascend"),
        ("ascend", "a3", "huawei.com/Ascend910", "ascend"),
        ("ascend", "950", "huawei.com/npu", "ascend"),
        ("ascend", None, "huawei.com/npu", "ascend"),
        ("intel", "pvc", "gpu.intel.com/i915", None),
        ("intel", "bmg", "gpu.intel.com/xe", None),
        ("mthreads", "s5000", "mthreads.com/gpu", "mthreads"),
        ("google-tpu", "v6e", "google.com/tpu", None),
    ],
)
def test_the_resource_of_a_cluster_follows_from_the_device(
    vendor: str, architecture: str | None, resource: str, runtime_class: str | None
) -> None:
    found = request(Device(vendor=vendor, index=0, architecture=architecture), indices=(0,))
    assert (found.resource, found.runtime_class) == (resource, runtime_class)


def test_apptainer_has_options_of_its_own_for_some_vendors() -> None:
    assert request(Device(vendor="nvidia", index=0), indices=(0,)).apptainer == ("--nv",)
    assert request(Device(vendor="amd", index=0), indices=(0,)).apptainer == ("--rocm",)


def test_under_wsl_apptainer_needs_the_folder_of_the_driver_besides() -> None:
    device = Device(vendor="nvidia", index=0, architecture="sm_89", nodes=("/dev/dxg",))
    found = request(device, indices=(0,), system=OperatingSystem(system="linux", wsl=True))
    assert found.apptainer == ("--nv", "--bind", "/usr/lib/wsl:/usr/lib/wsl:ro")


def test_for_other_vendors_apptainer_binds_the_files_of_the_driver() -> None:
    hygon = Device(vendor="hygon", index=0, nodes=("/dev/dri/renderD128",))
    found = request(hygon, indices=(0,))
    assert found.apptainer == ("--bind", "/opt/hyhal:/opt/hyhal:ro")
    assert found.mounts == (Mount(source="/opt/hyhal", target="/opt/hyhal", read_only=True),)
    assert found.groups == ("video",)
    assert request(hygon, indices=(0,), files={"/opt/hyhal": False}).apptainer == ()


def test_files_whose_libraries_only_cdi_finds_are_not_mounted() -> None:
    found = request(Device(vendor="nvidia", index=0, nodes=("/dev/nvidia0",)), indices=(0,))
    assert found.mounts == ()
    assert found.runtime == "nvidia"


def test_groups_are_named_as_they_have_other_numbers_elsewhere() -> None:
    amd = Device(vendor="amd", index=0, nodes=("/dev/dri/renderD128",), node_groups=(44, 992))
    assert request(amd, indices=(0,)).groups == ("video", "render")
