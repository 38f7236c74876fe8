"""Variables that hide devices: which indices they leave, and when that cannot be told."""

from pathlib import Path

import pytest

from envkit.detect.present import describe_host
from envkit.detect.visibility import detect_masks
from envkit.model.host import Device, HostFacts, Mask, OperatingSystem
from envkit.system.replay import FolderHost

DOCKER = OperatingSystem(system="linux", container="docker")


def several(vendor: str, count: int, **fields: object) -> tuple[Device, ...]:
    return tuple(Device(vendor=vendor, index=index, **fields) for index in range(count))


def masks(root: Path, facts: HostFacts, **variables: str) -> tuple[Mask, ...]:
    recordings = [{"variable": name, "value": value} for name, value in variables.items()]
    return detect_masks(FolderHost(root, recordings), facts)


@pytest.mark.parametrize(
    ("vendor", "variable", "value", "devices"),
    [
        ("nvidia", "CUDA_VISIBLE_DEVICES", "", ()),
        ("nvidia", "CUDA_VISIBLE_DEVICES", "-1", ()),
        ("nvidia", "CUDA_VISIBLE_DEVICES", "none", ()),
        ("nvidia", "CUDA_VISIBLE_DEVICES", "1", (1,)),
        ("nvidia", "CUDA_VISIBLE_DEVICES", "3, 0", (3, 0)),
        ("nvidia", "CUDA_VISIBLE_DEVICES", "0,2,-1,1", (0, 2)),
        ("nvidia", "CUDA_VISIBLE_DEVICES", "0,9,1", (0,)),
        ("nvidia", "CUDA_VISIBLE_DEVICES", "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", None),
        ("nvidia", "CUDA_VISIBLE_DEVICES", "MIG-8932f937-d72c-4106-c12f-20bd9faed9f6", None),
        ("amd", "ROCR_VISIBLE_DEVICES", "", ()),
        ("amd", "ROCR_VISIBLE_DEVICES", "0, GPU-DEADBEEFDEADBEEF", None),
        ("amd", "HIP_VISIBLE_DEVICES", "-1", ()),
        ("amd", "HIP_VISIBLE_DEVICES", "0, 1", (0,)),  # the blank makes the second one invalid
        ("amd", "CUDA_VISIBLE_DEVICES", "2", (2,)),
        ("amd", "CUDA_VISIBLE_DEVICES", "", None),  # HIP ignores it, torch.cuda does not
        ("intel", "ZE_AFFINITY_MASK", "0.0,1", (0, 1)),
        ("intel", "ONEAPI_DEVICE_SELECTOR", "level_zero:gpu", (0, 1, 2, 3)),
        ("intel", "ONEAPI_DEVICE_SELECTOR", "level_zero:1;opencl:cpu", (1,)),
        ("intel", "ONEAPI_DEVICE_SELECTOR", "*:*;!level_zero:1", None),
        ("intel", "ONEAPI_DEVICE_SELECTOR", "opencl:gpu", None),
        ("intel", "ONEAPI_DEVICE_SELECTOR", "level_zero:7", None),
        ("ascend", "ASCEND_RT_VISIBLE_DEVICES", "1, 2,3", (1,)),
        ("ascend", "ASCEND_RT_VISIBLE_DEVICES", "1,2,3", (1, 2, 3)),
        ("cambricon", "MLU_VISIBLE_DEVICES", "0,1", (0, 1)),
        ("cambricon", "MLU_VISIBLE_DEVICES", "0,-1", None),  # how it treats an invalid one is not known
        ("mthreads", "MUSA_VISIBLE_DEVICES", "1", (1,)),
        ("iluvatar", "CUDA_VISIBLE_DEVICES", "1", (1,)),
        ("metax", "CUDA_VISIBLE_DEVICES", "1", (1,)),
        ("thead", "CUDA_VISIBLE_DEVICES", "1", (1,)),
        ("kunlunxin", "XPU_VISIBLE_DEVICES", "0", (0,)),
        ("enflame", "TOPS_VISIBLE_DEVICES", "0", (0,)),
        ("google-tpu", "TPU_VISIBLE_CHIPS", "0,1", (0, 1)),
        ("aws-neuron", "NEURON_RT_VISIBLE_CORES", "0-3", None),  # cores are pieces of a device
        ("hygon", "HIP_VISIBLE_DEVICES", "3", (3,)),
    ],
)
def test_a_variable_leaves_the_indices_that_its_vendor_documents(
    tmp_path: Path, vendor: str, variable: str, value: str, devices: tuple[int, ...] | None
) -> None:
    (mask,) = masks(tmp_path, HostFacts(devices=several(vendor, 4)), **{variable: value})
    assert (mask.vendor, mask.variable, mask.value, mask.devices) == (vendor, variable, value, devices)


def test_a_variable_counts_what_the_one_before_it_leaves(tmp_path: Path) -> None:
    facts = HostFacts(devices=several("amd", 4))
    first, second = masks(tmp_path, facts, ROCR_VISIBLE_DEVICES="3,1", HIP_VISIBLE_DEVICES="1")
    assert (first.devices, second.devices) == ((3, 1), (1,))


def test_a_variable_that_another_one_takes_the_place_of_is_not_read(tmp_path: Path) -> None:
    facts = HostFacts(devices=several("amd", 2))
    (mask,) = masks(tmp_path, facts, HIP_VISIBLE_DEVICES="0", CUDA_VISIBLE_DEVICES="1")
    assert mask.variable == "HIP_VISIBLE_DEVICES"


def test_a_borrowed_variable_belongs_to_its_own_vendor_where_both_are(tmp_path: Path) -> None:
    facts = HostFacts(devices=(*several("iluvatar", 1), *several("nvidia", 1)))
    (mask,) = masks(tmp_path, facts, CUDA_VISIBLE_DEVICES="0")
    assert mask.vendor == "nvidia"


def test_unlike_devices_are_counted_by_address_only_where_that_was_asked_for(tmp_path: Path) -> None:
    facts = HostFacts(devices=(Device(vendor="nvidia", index=0, name="A"), Device(vendor="nvidia", index=1, name="B")))
    (unknown,) = masks(tmp_path, facts, CUDA_VISIBLE_DEVICES="1")
    (known,) = masks(tmp_path, facts, CUDA_VISIBLE_DEVICES="1", CUDA_DEVICE_ORDER="PCI_BUS_ID")
    (none,) = masks(tmp_path, facts, CUDA_VISIBLE_DEVICES="-1")
    assert (unknown.devices, known.devices, none.devices) == (None, (1,), ())


@pytest.mark.parametrize(
    "devices",
    [
        pytest.param(
            (Device(vendor="nvidia", index=0), Device(vendor="nvidia", index=0, partition_of=0)), id="partitioned"
        ),
        pytest.param(
            (Device(vendor="nvidia", index=0, usable=False), Device(vendor="nvidia", index=1)), id="one-without-driver"
        ),
    ],
)
def test_an_index_that_may_mean_another_device_is_not_mapped(tmp_path: Path, devices: tuple[Device, ...]) -> None:
    (mask,) = masks(tmp_path, HostFacts(devices=devices), CUDA_VISIBLE_DEVICES="0")
    assert mask.devices is None


def test_what_only_container_runtimes_read_counts_inside_of_containers_and_hides_nothing(tmp_path: Path) -> None:
    devices = several("nvidia", 2)
    assert masks(tmp_path, HostFacts(devices=devices), NVIDIA_VISIBLE_DEVICES="0") == ()
    (mask,) = masks(tmp_path, HostFacts(os=DOCKER, devices=devices), NVIDIA_VISIBLE_DEVICES="void")
    assert (mask.container, mask.devices) == (True, None)


def test_a_variable_of_a_vendor_without_devices_is_nothing(tmp_path: Path) -> None:
    assert masks(tmp_path, HostFacts(devices=several("amd", 1)), ZE_AFFINITY_MASK="0") == ()
    assert masks(tmp_path, HostFacts(), CUDA_VISIBLE_DEVICES="") == ()


def test_a_screen_tells_what_each_variable_leaves() -> None:
    rows = (
        Mask(vendor="nvidia", variable="CUDA_VISIBLE_DEVICES", value="", devices=()),
        Mask(vendor="nvidia", variable="CUDA_VISIBLE_DEVICES", value="1,0", devices=(1, 0)),
        Mask(vendor="nvidia", variable="CUDA_VISIBLE_DEVICES", value="GPU-1"),
        Mask(vendor="nvidia", variable="NVIDIA_VISIBLE_DEVICES", value="all", container=True),
    )
    shown = describe_host(HostFacts(devices=several("nvidia", 4), masks=rows))
    assert 'masks    CUDA_VISIBLE_DEVICES="" hides all nvidia devices from frameworks\n' in shown
    assert "         CUDA_VISIBLE_DEVICES=1,0 leaves nvidia 1 0 of 4\n" in shown
    assert "         CUDA_VISIBLE_DEVICES=GPU-1 leaves nvidia devices that cannot be told\n" in shown
    assert "         NVIDIA_VISIBLE_DEVICES=all says what this container was given of nvidia\n" in shown
