import msgspec
import pytest

from envkit.data import load_matrix
from envkit.model.host import ContainerEngine, Device, HostFacts, OperatingSystem, Stack
from envkit.model.plan import DeviceAccess, Mount
from envkit.model.request import Mode
from envkit.model.resolution import Chosen
from envkit.model.vendor import Vendor
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
    device = Device(vendor="ascend", index=2, architecture="910b")
    assert access(docker(), chosen("ascend", 2), (device,)).nodes[-1] == "/dev/davinci2"


@pytest.mark.parametrize("engine", [None, docker(), ContainerEngine(name="podman", usable=True)])
def test_nvidia_is_never_given_nodes_without_the_libraries_of_its_driver(engine: ContainerEngine | None) -> None:
    assert access(engine, chosen("nvidia", 0), NVIDIA) == DeviceAccess(gpu_indices=(0,))


def test_groups_of_the_nodes_go_with_names_in_cdi_where_the_vendor_has_such_groups() -> None:
    engine = docker(cdi=True, cdi_devices=("amd.com/gpu=1", "nvidia.com/gpu=1"))
    assert access(engine, chosen("amd", 1), AMD) == DeviceAccess(cdi=("amd.com/gpu=1",), groups=(44, 992))
    assert access(engine, chosen("nvidia", 1), NVIDIA).groups == ()


def test_nodes_that_only_the_machine_can_tell_are_not_guessed() -> None:
    device = msgspec.structs.replace(AMD[0], nodes=None)
    assert access(docker(), chosen("amd", 0), (device,)).nodes == ()


DRIVER = ("/usr/local/dcmi", "/usr/local/bin/npu-smi", "/usr/local/Ascend/driver/lib64")
ASCEND = Device(vendor="ascend", index=0, architecture="910b", nodes=("/dev/davinci0",), node_groups=(1001,))
WSL = OperatingSystem(system="linux", wsl=True)


def facts(device: Device, *, files: dict[str, bool] | None = None, system: OperatingSystem | None = None) -> HostFacts:
    return HostFacts(os=system, devices=(device,), stacks=(Stack(vendor=device.vendor, files=files or {}),))


def reached(engine: ContainerEngine | None, found: HostFacts) -> DeviceAccess:
    vendor = (found.devices or ())[0].vendor
    return plan_access(chosen(vendor, 0), engine, found, MATRIX)


def mounted(*paths: str) -> tuple[Mount, ...]:
    return tuple(Mount(source=path, target=path, read_only=True) for path in paths)


def test_runtime_of_the_vendor_is_told_the_devices_where_nodes_do_not_suffice() -> None:
    assert reached(docker(runtimes=("runc", "ascend")), facts(ASCEND)) == DeviceAccess(
        runtime="ascend", groups=(1001,), environment={"ASCEND_VISIBLE_DEVICES": "0"}, user=1000
    )
    gaudi = tuple(Device(vendor="intel-gaudi", index=index) for index in range(2))
    assert access(docker(runtimes=("habana",)), chosen("intel-gaudi", 0, 1), gaudi) == DeviceAccess(
        runtime="habana", environment={"HABANA_VISIBLE_DEVICES": "0,1"}
    )


def test_files_of_the_driver_go_with_its_nodes_where_there_is_no_runtime() -> None:
    files = dict.fromkeys(DRIVER, True) | {"/usr/local/Ascend/driver/version.info": False, "/dev/devmm_svm": True}
    found = reached(docker(), facts(ASCEND, files=files | {"/etc/ascend_install.info": False}))
    assert found == DeviceAccess(
        nodes=("/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc", "/dev/davinci0"),
        groups=(1001,),
        mounts=mounted(*DRIVER),
        user=1000,
    )


def test_nodes_that_are_known_to_be_missing_are_left_out_and_optional_ones_need_to_exist() -> None:
    files = {"/dev/devmm_svm": False, "/dev/uburma": True, "/dev/dvpp_cmdlist": False}
    assert reached(docker(), facts(ASCEND, files=files)).nodes == (
        "/dev/davinci_manager",
        "/dev/hisi_hdc",
        "/dev/uburma",
        "/dev/davinci0",
    )


def test_optional_files_need_to_exist() -> None:
    files = {"/etc/hccl_rootinfo.json": True, "/usr/local/Ascend/driver/topo": False}
    sources = {mount.source for mount in reached(docker(), facts(ASCEND, files=files)).mounts}
    assert "/etc/hccl_rootinfo.json" in sources
    assert not {"/usr/local/Ascend/driver/topo", "/usr/local/Ascend/driver/include"} & sources


def test_the_newest_ascend_has_other_nodes_and_needs_the_whole_driver() -> None:
    found = reached(docker(), facts(msgspec.structs.replace(ASCEND, architecture="950")))
    assert "/dev/devmm_svm" not in found.nodes
    assert {"/dev/uburma", "/dev/ummu"} <= set(found.nodes)
    assert "/usr/local/Ascend/driver" in {mount.source for mount in found.mounts}


def test_a_jetson_needs_its_runtime_named() -> None:
    orin = Device(vendor="nvidia", index=0, architecture="sm_87")
    for engine in (docker(), docker(runtimes=("nvidia",))):
        assert reached(engine, facts(orin)) == DeviceAccess(
            runtime="nvidia", environment={"NVIDIA_VISIBLE_DEVICES": "all"}
        )
    with_cdi = docker(cdi=True, cdi_devices=("nvidia.com/gpu=all",))
    assert reached(with_cdi, facts(orin)) == DeviceAccess(cdi=("nvidia.com/gpu=all",))


def test_docker_under_wsl_brings_what_nvidia_needs() -> None:
    device = Device(vendor="nvidia", index=0, architecture="sm_89", nodes=("/dev/dxg",))
    assert reached(docker(), facts(device, system=WSL)).gpu_indices == (0,)


@pytest.mark.parametrize("vendor", ["nvidia", "amd", "intel"])
def test_other_engines_under_wsl_get_its_node_and_libraries(vendor: str) -> None:
    device = Device(vendor=vendor, index=0, nodes=("/dev/dxg",))
    podman = ContainerEngine(name="podman", usable=True)
    assert reached(podman, facts(device, system=WSL)) == DeviceAccess(
        nodes=("/dev/dxg",),
        environment={"LD_LIBRARY_PATH": "/usr/lib/wsl/lib"},
        mounts=mounted("/usr/lib/wsl"),
    )


@pytest.mark.parametrize(
    "vendor", [vendor for vendor in MATRIX.vendors if vendor.access], ids=lambda vendor: vendor.name
)
def test_every_vendor_is_reached_on_every_engine(vendor: Vendor) -> None:
    assert vendor.access is not None
    device = Device(vendor=vendor.name, index=0, nodes=("/dev/own0",), node_groups=(44,))
    kind = f"{vendor.access.cdi_kind}=0"
    by_name = ContainerEngine(name="podman", usable=True, cdi=True, cdi_devices=(kind,))
    assert reached(by_name, facts(device)).cdi == (kind,)
    by_runtime = docker(runtimes=("runc", vendor.access.engine_runtime or ""))
    found = reached(by_runtime, facts(device))
    assert found.runtime or found.gpu_indices or "/dev/own0" in found.nodes
    alone = reached(docker(), facts(device))
    assert "/dev/own0" in alone.nodes or alone.gpu_indices
