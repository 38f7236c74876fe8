"""Each vendor's newest and oldest build of each framework: what is chosen, or which image has what no index has."""

from typing import NamedTuple

import pytest
from msgspec.structs import replace

from envkit.data import load_matrix, load_vendors
from envkit.errors import UsageError
from envkit.model.availability import Availability
from envkit.model.host import ContainerEngine
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request
from envkit.model.reserved import CPU
from envkit.model.resolution import Resolution
from envkit.resolve import resolve_request
from envkit.resolve.spec import parse_spec
from envkit.resolve.targets import target_facts

TODAY = "2026-11-22"
NATIVE, CONTAINER = Mode.NATIVE, Mode.CONTAINER


class Row(NamedTuple):
    """A machine and a wish, and the answer: status, `package release+variant`, and more that has to be said."""

    target: str
    spec: str
    mode: Mode | None
    status: str
    build: str
    says: str = ""  # in a pin, an image, a reason, what is blamed or a remedy


CHOSEN = (
    Row("mi300x,driver=30.30.3", "pytorch", CONTAINER, "ok", "torch 2.14.1+rocm7.2", "pytorch-rocm7.2"),
    Row("mi300x,driver=6.10.5", "pytorch", CONTAINER, "ok", "torch 2.10.0+rocm7.0", "driver 6.10.5 was tested"),
    Row("mi100,driver=6.3.6", "pytorch", CONTAINER, "ok", "torch 2.7.1+rocm6.2.4"),
    Row("rx 9070 xt", "pytorch", CONTAINER, "degraded", "torch 2.14.1+rocm7.2", "driver is not known"),
    Row("mi60,driver=30.30.3", "pytorch==2.7.0", CONTAINER, "ok", "torch 2.7.0+rocm6.3"),
    Row("910b4,driver=26.1.0", "pytorch", CONTAINER, "ok", "torch 2.12.0+cann9.1.0", "torch-npu 2.12.0"),
    Row("910b4,driver=25.5.0", "pytorch==2.9.0", CONTAINER, "ok", "torch 2.9.0+cann9.1.0", "torch-npu 2.9.0.post6"),
    Row("910b4,driver=25.0.0", "pytorch==2.9.0", CONTAINER, "ok", "torch 2.9.0+cann9.0.0", "torch-npu 2.9.0.post2"),
    Row(
        "ascend910_9391,driver=24.1.RC3",
        "pytorch",
        CONTAINER,
        "ok",
        "torch 2.6.0+cann8.2.rc1",
        "cann:8.2.rc1-a3-ubuntu22.04-py3.11",
    ),
    Row("910b4,driver=24.1.RC3", "pytorch==2.5.1", CONTAINER, "ok", "torch 2.5.1+cann8.2.rc1", "torch-npu 2.5.1.post1"),
    Row("310p,driver=25.5.0", "pytorch", CONTAINER, "ok", "torch 2.12.0+cann9.1.0", "cann:9.1.0-310p"),
    Row("950dt,driver=26.1.0", "pytorch", CONTAINER, "ok", "torch 2.12.0+cann9.1.0", "cann:9.1.0-950"),
    Row("910b4,driver=27.1.0", "pytorch", CONTAINER, "degraded", "torch 2.12.0+cann9.1.0", "27.1.0, which is newer"),
    Row(
        "310b1,driver=25.5.0", "pytorch", NATIVE, "degraded", "torch 2.12.0+cann9.1.0", "installed runtime is not known"
    ),
    Row("arc b580,os=ubuntu-24.04", "pytorch", NATIVE, "ok", "torch 2.15.0+xpu", "pytorch-xpu"),
    Row("arc a770,os=ubuntu-22.04", "pytorch==2.6.0", NATIVE, "ok", "torch 2.6.0+xpu"),
    Row("arc b580,os=ubuntu-24.04", "openvino", NATIVE, "ok", "openvino 2026.4.1+gpu"),
    Row("arc b580,os=ubuntu-24.04", "openvino<2024.5", NATIVE, "ok", "openvino 2024.4.0+gpu"),
    Row("arc b580,os=ubuntu-24.04", "jax==0.11.2", NATIVE, "degraded", "jax 0.11.2+oneapi", "jax-oneapi-plugin 0.11.2"),
    Row("tpu v6e", "jax", CONTAINER, "degraded", "jax 0.12.0.1+tpu", "jax[tpu]"),
    Row("tpu v6e,os=ubuntu-22.04", "jax<0.5", NATIVE, "degraded", "jax 0.4.38+tpu", "jax[tpu]"),
    Row("tpu v6e", "pytorch", CONTAINER, "degraded", "torch 2.9.0+tpu", "torch-xla 2.9.0"),
    Row("tpu v6e", "pytorch<2.5.1", CONTAINER, "degraded", "torch 2.5.0+tpu", "torch-xla[tpu]"),
    Row("apple m4,os=macos-15.1,python=3.12", "pytorch", None, "ok", "torch 2.15.0+mps"),
    Row("apple m1,os=macos-13.5,python=3.10", "pytorch", None, "ok", "torch 2.11.0+mps", "seen 13.5"),
    Row("mi300x,driver=30.30.3", "jax", NATIVE, "degraded", "jax 0.12.0+rocm7", "jax-rocm7-plugin 0.12.0"),
    Row("gb10,arch=aarch64,driver=580.95.05", "pytorch", CONTAINER, "ok", "torch 2.15.0+cu130"),
    Row("jetson agx orin,arch=aarch64,python=3.10", "pytorch", NATIVE, "degraded", "torch 2.8.0+jp6-cu126", "==12.6.*"),
    # What no index has is in the vendors' own images alone.
    Row("gaudi 3,driver=1.23.0", "pytorch", CONTAINER, "ok", "torch 2.9.0+synapseai1.23.0", "pytorch-installer-2.9.0"),
    Row("gaudi,driver=1.14.0", "pytorch", CONTAINER, "ok", "torch 2.1.1+synapseai1.14.0", "1.14.0/ubuntu22.04"),
    Row("k100_ai", "pytorch", CONTAINER, "degraded", "torch 2.10.0+dtk26.04", "gpustack/runner:dtk26.04-vllm0.18.1"),
    Row("k100_ai", "pytorch==2.5.1", CONTAINER, "degraded", "torch 2.5.1+dtk25.04", "gpustack/runner:dtk25.04"),
    Row("k100_ai", "vllm", CONTAINER, "degraded", "vllm 0.18.1+dtk26.04", "gpustack/runner:dtk26.04-vllm0.18.1"),
    Row("c500", "sglang", CONTAINER, "degraded", "sglang 0.5.11+maca3.7", "gpustack/runner:maca3.7-sglang0.5.11"),
    Row("c500", "pytorch", CONTAINER, "degraded", "torch 2.8.0+maca3.7", "gpustack/runner:maca3.7-vllm0.21.0"),
    Row("mlu590", "pytorch", CONTAINER, "degraded", "torch 2.6.0+neuware", "torch2.6.0-torchmlu1.26.1"),
    Row("bi-v150,driver=4.4.0", "pytorch", CONTAINER, "degraded", "torch 2.7.1+corex4.4", "corex:4.4.0_torch2.7.1"),
    Row("bi-v150,driver=4.2.0", "pytorch", CONTAINER, "degraded", "torch 2.4.1+corex4.2", "corex4.2-vllm0.8.3"),
    Row("s60", "pytorch", CONTAINER, "degraded", "torch 2.8.0+topsrider3.7", "vllm_gcu:v0.11.0-TR3.7.107"),
    Row("zw810e", "pytorch", CONTAINER, "degraded", "torch 2.10.0+hggc13.0", "gpustack/runner:hggc13.0-vllm0.23.0"),
    Row("mtt s80", "pytorch", CONTAINER, "degraded", "torch 2.5.0+musa4.1", "gpustack/runner:musa4.1-vllm0.9.2"),
    Row("jetson agx thor,arch=aarch64", "pytorch", CONTAINER, "degraded", "torch 2.15.0+cu132", "embedded boards"),
)
# No index has a build that the devices run: the processor's is offered, and asked for, and another way named.
LEFT = (
    Row("gaudi 3,driver=1.23.0", "pytorch", NATIVE, "vendor-image", "platform", "use a container from vault.habana.ai"),
    Row("k100_ai", "pytorch", NATIVE, "vendor-image", "platform", "envkit up pytorch --engine docker"),
    Row("bi-v150,driver=4.3.0", "pytorch", CONTAINER, "host-window", "driver", "==4.4.*"),
    Row("gaudi 3,driver=1.17.0", "pytorch", CONTAINER, "host-window", "driver", "==1.23.*"),
    Row("p800", "pytorch", CONTAINER, "vendor", "framework", "wjie520/vllm_kunlun"),
    Row("trainium2", "pytorch", CONTAINER, "vendor", "framework", "sdk2.33.0"),
    Row("trainium2", "jax", CONTAINER, "vendor", "framework", "AWS's own index"),
    Row("cloud ai 100", "pytorch", CONTAINER, "vendor", "framework", "ghcr.io/quic/cloud_ai_inference_vllm"),
    Row("arc b580", "pytorch", CONTAINER, "container-reach", "platform", "envkit up pytorch --native"),
    Row("apple m3", "pytorch", CONTAINER, "operating-system", "platform", "envkit up pytorch --native"),
    Row("apple m1,os=macos-11.7", "pytorch", NATIVE, "host-window", "os", ">=14.0"),
    Row("apple m3,os=macos-15.1", "jax", NATIVE, "vendor", "framework", "jax-metal ended"),
    Row(
        "910b4,driver=20.2.0", "pytorch>=2.6", CONTAINER, "runtime-driver", "driver", "install the Huawei Ascend driver"
    ),
    Row("310", "pytorch", CONTAINER, "device-architecture", "device-architecture", "310p"),
    Row("jetson agx orin,arch=aarch64", "pytorch", CONTAINER, "host-window", "runtime", "envkit up pytorch --native"),
    Row("rx 6700 xt,driver=30.30.3", "pytorch", CONTAINER, "device-architecture", "device-architecture", "gfx1031"),
)


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_matrix()


def ask(row: Row, matrix: Matrix) -> Resolution:
    request = Request(specs=(parse_spec(row.spec),), as_of=TODAY, mode=row.mode)
    return resolve_request(target_facts(row.target, matrix), request, matrix, Availability())


def told(answer: Resolution) -> str:
    """Everything that an answer says, a line each."""
    chosen = answer.chosen
    lines = [] if chosen is None else [f"{name} {version}" for name, version in chosen.packages.items()]
    if chosen is not None:
        lines += [*chosen.requirements, *(index.name for index in chosen.indexes)]
        lines += [chosen.base.image] if chosen.base is not None else []
    lines += [check.reason for check in answer.checks] + [entry.reason for entry in answer.rejected]
    lines += [f"{blame.seen} {blame.needed}" for blame in answer.blame]
    lines += [f"{remedy.text} {remedy.command}" for remedy in answer.remedies]
    return "\n".join(lines)


@pytest.mark.parametrize("row", CHOSEN, ids=lambda row: f"{row.target} {row.spec}")
def test_the_vendors_own_build_is_chosen(row: Row, matrix: Matrix) -> None:
    answer = ask(row, matrix)
    assert answer.chosen is not None
    assert answer.chosen.vendor != CPU
    assert answer.chosen.candidate.startswith(f"{row.build} ")
    assert answer.status == row.status, [check for check in answer.checks if check.verdict != "pass"]
    assert row.says in told(answer)


@pytest.mark.parametrize("row", LEFT, ids=lambda row: f"{row.target} {row.spec}")
def test_a_device_without_builds_is_never_silently_left_to_the_processor(row: Row, matrix: Matrix) -> None:
    answer = ask(row, matrix)
    assert answer.status == "degraded"
    assert answer.chosen is not None
    assert answer.chosen.vendor == CPU
    assert any(check.rule == "accelerator-unused" and check.verdict == "fail" for check in answer.checks)
    assert row.status in {entry.rule for entry in answer.rejected}
    assert row.build in {blame.fact for blame in answer.blame}
    assert row.says in told(answer)


def test_every_vendor_with_devices_is_in_the_table(matrix: Matrix) -> None:
    asked = {device.vendor for row in (*CHOSEN, *LEFT) for device in target_facts(row.target, matrix).devices or ()}
    listed = {vendor.name for vendor in load_vendors() if vendor.models}
    assert listed - asked == {"intel-npu"}  # integrated: taken only where it is named


def test_the_drivers_of_a_runtime_bound_the_range_in_which_the_answer_stays_valid(matrix: Matrix) -> None:
    chosen = ask(Row("910b4,driver=25.5.0", "pytorch", CONTAINER, "", ""), matrix).chosen
    assert chosen is not None
    assert chosen.driver_range == ">=25.2.RC1"


def test_an_npu_is_served_by_another_framework(matrix: Matrix) -> None:
    facts = target_facts("npu,os=ubuntu-24.04", matrix)
    request = Request(specs=(parse_spec("pytorch"),), as_of=TODAY, mode=NATIVE, on="intel-npu")
    answer = resolve_request(facts, request, matrix, Availability())
    assert answer.status == "unsatisfiable"
    assert "envkit up openvino --native --on intel-npu" in [remedy.command for remedy in answer.remedies]
    other = resolve_request(
        facts, Request(specs=(parse_spec("openvino"),), as_of=TODAY, on="intel-npu"), matrix, Availability()
    )
    assert other.chosen is not None
    assert other.chosen.variant == "npu"


def test_an_image_of_which_too_little_is_known_is_a_remedy_to_pull(matrix: Matrix) -> None:
    answer = ask(Row("p800", "pytorch", CONTAINER, "", ""), matrix)
    (remedy,) = [remedy for remedy in answer.remedies if remedy.kind == "vendor-image"]
    assert remedy.command == "docker pull wjie520/vllm_kunlun:v0.10.1.1rc1"
    assert "envkit does not build on it" in remedy.text


def test_an_index_is_found_by_its_name_whatever_the_variant_is_called(matrix: Matrix) -> None:
    recipe = matrix.recipe("pytorch")
    assert recipe is not None
    shared, board = recipe.indexes
    assert shared.address("pytorch-cpu") == "https://download.pytorch.org/whl/cpu"
    assert shared.address("jetson-jp6-cu126") is None
    assert board.address("jetson-jp6-cu126") == board.url
    assert board.address("pytorch-cpu") is None


def test_a_mac_is_made_native_even_where_an_engine_runs(matrix: Matrix) -> None:
    engine = ContainerEngine(name="docker", usable=True)
    facts = replace(target_facts("apple m3,os=macos-15.1,python=3.12", matrix), engines=(engine,))
    answer = resolve_request(facts, Request(specs=(parse_spec("pytorch"),), as_of=TODAY), matrix, Availability())
    assert answer.chosen is not None
    assert (answer.chosen.mode, answer.chosen.variant) == (NATIVE, "mps")


def test_a_named_image_of_the_vendor_tells_what_runtime_it_has(matrix: Matrix) -> None:
    facts = target_facts("910b4,driver=26.1.0", matrix)
    image = "quay.io/ascend/cann:8.5.0-910b-ubuntu22.04-py3.11"
    request = Request(specs=(parse_spec("pytorch"),), as_of=TODAY, base_image=image)
    answer = resolve_request(facts, request, matrix, Availability())
    assert answer.status == "ok"
    assert answer.chosen is not None
    assert (answer.chosen.variant, answer.chosen.packages["torch-npu"]) == ("cann8.5.0", "2.9.0")
    other = resolve_request(target_facts("310p,driver=26.1.0", matrix), request, matrix, Availability())
    assert "image-architecture" in {entry.rule for entry in other.rejected}


def test_a_macos_target_is_not_a_linux_one(matrix: Matrix) -> None:
    facts = target_facts("apple m3,os=macos-15.1", matrix)
    assert facts.os is not None
    assert facts.cpu is not None
    assert (facts.os.system, facts.os.version, facts.cpu.architecture) == ("darwin", "15.1", "aarch64")
    with pytest.raises(UsageError, match="macOS"):
        target_facts("apple m3,os=ubuntu-24.04", matrix)
