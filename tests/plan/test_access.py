import msgspec
import pytest

from envkit.data import load_matrix
from envkit.model.host import ContainerEngine, Device, HostFacts
from envkit.model.plan import DeviceAccess
from envkit.model.request import Mode
from envkit.model.resolution import Chosen
from envkit.plan.access import plan_access

MATRIX = load_matrix(("pytorch",))
NVIDIA = tuple(
    Device(vendor="nvidia", index=index, nodes=(f"/dev/nvidia{index}",), node_groups=(44,)) for index in range(4)
)
AMD = tuple(
    Device(vendor="amd", index=index, nodes=("/dev/kfd", f"/dev/dri/renderD{128 + index}"), node_groups=(44, 992))
    for index in range(2)
)


def chosen(vendor: str, *devices: int) -> Chosen:
    return Chosen(
        candidate="any",
        recipes=("pytorch",),
        vendor=vendor,
        variant="any",
        mode=Mode.CONTAINER,
        python="3.12",
        packages={},
        devices=devices,
    )


def docker(
    *, cdi: bool | None = None, cdi_devices: tuple[str, ...] | None = None, runtimes: tuple[str, ...] = ("runc",)
) -> ContainerEngine:
    return ContainerEngine(name="docker", usable=True, cdi=cdi, cdi_devices=cdi_devices, runtimes=runtimes)


def access(engine: ContainerEngine | None, wanted: Chosen, devices: tuple[Device, ...]) -> DeviceAccess:
    return plan_access(wanted, engine, HostFacts(devices=devices), MATRIX)


def test_processor_needs_no_device() -> None:
    assert access(docker(cdi=True), chosen("cpu"), NVIDIA) == DeviceAccess()


def test_cdi_names_come_first_and_are_those_of_the_chosen_devices() -> None:
    engine = docker(
        cdi=True,
        cdi_devices=("nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all"),
        runtimes=("runc", "nvidia"),
    )
    assert access(engine, chosen("nvidia", 1), NVIDIA[:2]) == DeviceAccess(cdi=("nvidia.com/gpu=1",))


def test_cdi_name_for_all_is_taken_only_when_all_are_chosen() -> None:
    engine = docker(cdi=True, cdi_devices=("nvidia.com/gpu=all",))
    assert access(engine, chosen("nvidia", 0, 1, 2, 3), NVIDIA).cdi == ("nvidia.com/gpu=all",)
    assert access(engine, chosen("nvidia", 0, 1), NVIDIA).cdi == ()


@pytest.mark.parametrize(
    "engine",
    [
        docker(cdi=False, cdi_devices=("nvidia.com/gpu=0",), runtimes=("nvidia",)),
        docker(cdi=True, cdi_devices=("intel.com/gpu=0",), runtimes=("nvidia",)),
        docker(cdi=True, cdi_devices=None, runtimes=("nvidia",)),
    ],
    ids=["engine-without-cdi", "other-kind", "names-not-known"],
)
def test_nvidia_runtime_is_used_where_cdi_does_not_offer_the_device(engine: ContainerEngine) -> None:
    assert access(engine, chosen("nvidia", 0), NVIDIA) == DeviceAccess(gpu_indices=(0,))


def test_nvidia_without_nodes_is_left_to_the_engine() -> None:
    under_wsl = (msgspec.structs.replace(NVIDIA[0], nodes=()),)
    assert access(docker(), chosen("nvidia", 0), under_wsl) == DeviceAccess(gpu_indices=(0,))


def test_amd_gets_the_nodes_of_the_chosen_devices_and_the_numbers_of_their_groups() -> None:
    assert access(docker(runtimes=("runc", "amd")), chosen("amd", 1), AMD) == DeviceAccess(
        nodes=("/dev/kfd", "/dev/dri/renderD129"), groups=(44, 992)
    )


def test_group_of_root_is_never_given() -> None:
    device = msgspec.structs.replace(AMD[0], node_groups=(0, 992))
    assert access(docker(), chosen("amd", 0), (device,)).groups == (992,)


def test_unknown_nodes_follow_from_the_index_where_the_vendor_numbers_them_so() -> None:
    device = msgspec.structs.replace(NVIDIA[0], nodes=None)
    assert access(docker(), chosen("nvidia", 0), (device,)).nodes == (
        "/dev/nvidiactl",
        "/dev/nvidia-uvm",
        "/dev/nvidia0",
    )


def test_nodes_that_only_the_machine_can_tell_are_not_guessed() -> None:
    device = msgspec.structs.replace(AMD[0], nodes=None)
    assert access(docker(), chosen("amd", 0), (device,)).nodes == ()
