"""The frameworks beside PyTorch and its family, on whole machines, against the real matrix."""

from collections.abc import Callable

import pytest

from envkit.model.host import Cpu, Device, HostFacts, Libc, OperatingSystem, Python, Runtime, Stack
from envkit.model.matrix import Matrix
from envkit.model.request import Mode
from envkit.model.resolution import Chosen, Resolution, Status

Ask = Callable[..., Resolution]

H100 = "h100*8,driver=580.65.06,os=ubuntu-24.04"
A100 = "a100,driver=535.54.03"
V100 = "v100,driver=570.124.06"
RTX_5090 = "rtx 5090,driver=570.124.06"
GTX_1080_TI = "gtx 1080 ti,driver=580.65.06"
GH200 = "gh200,arch=aarch64,driver=580.65.06"
MI300X = "mi300x,driver=30.30.3"


def chosen_of(resolution: Resolution) -> Chosen:
    assert resolution.chosen is not None
    return resolution.chosen


def short(resolution: Resolution) -> tuple[str, str, str]:
    chosen = chosen_of(resolution)
    ((package, version),) = chosen.packages.items()
    return package, version, chosen.variant


@pytest.mark.parametrize(
    ("target", "recipe", "package", "version", "variant"),
    [
        (H100, "tensorflow", "tensorflow", "2.21.0", "cu125"),
        (A100, "tensorflow", "tensorflow", "2.21.0", "cu125"),
        (V100, "tensorflow", "tensorflow", "2.21.0", "cu125"),
        (GTX_1080_TI, "tensorflow", "tensorflow", "2.21.0", "cu125"),
        ("cpu", "tensorflow", "tensorflow-cpu", "2.21.0", "cpu"),
        (H100, "onnxruntime", "onnxruntime-gpu", "1.32.0", "cu13"),
        (GH200, "onnxruntime", "onnxruntime-gpu", "1.32.0", "cu13"),
        (A100, "onnxruntime", "onnxruntime-gpu", "1.26.0", "cu12"),
        (GTX_1080_TI, "onnxruntime", "onnxruntime-gpu", "1.26.0", "cu12"),
        ("b200,driver=580.65.06", "onnxruntime", "onnxruntime-gpu", "1.28.0", "cu13"),
        (H100, "xgboost", "xgboost", "3.4.1", "cu13"),
        (A100, "xgboost", "xgboost", "3.3.0", "cu12"),
        (V100, "xgboost", "xgboost", "3.2.0", "cu12"),
        (GTX_1080_TI, "xgboost", "xgboost", "3.2.0", "cu12"),
        (GH200, "xgboost", "xgboost", "3.4.1", "cu13"),
        ("cpu", "xgboost", "xgboost-cpu", "3.4.1", "cpu"),
        (A100, "ctranslate2", "ctranslate2", "4.8.5", "cu12"),
        (RTX_5090, "ctranslate2", "ctranslate2", "4.8.5", "cu12"),
        (RTX_5090, "cupy", "cupy-cuda12x", "14.2.0", "cu12"),
        ("h100,driver=595.58.03", "cupy", "cupy-cuda13x", "14.2.0", "cu13"),
        (V100, "cupy", "cupy-cuda12x", "14.2.0", "cu12"),
        (H100, "numba-cuda", "numba-cuda", "0.30.4", "cu13"),
        (GTX_1080_TI, "numba-cuda", "numba-cuda", "0.30.4", "cu12"),
        (V100, "rapids", "cudf-cu12", "26.10.2", "cu12"),
        ("h100,driver=610.43.02", "rapids", "cudf-cu13", "26.10.2", "cu13"),
        (RTX_5090, "mlx", "mlx", "0.32.4", "cu12"),
        (H100, "tensorrt", "tensorrt-cu13", "11.4.0.106", "cu13"),
        (RTX_5090, "tensorrt", "tensorrt-cu12", "11.4.0.106", "cu12"),
        (H100, "llama-cpp", "llama-cpp-python", "0.3.36", "cu130"),
        (GTX_1080_TI, "llama-cpp", "llama-cpp-python", "0.3.36", "cu125"),
        ("cpu", "lightgbm", "lightgbm", "4.7.0", "cpu"),
        ("cpu", "paddle", "paddlepaddle", "3.3.1", "cpu"),
        ("cpu,arch=aarch64", "paddle", "paddlepaddle", "3.2.2", "cpu"),
        ("cpu,arch=aarch64", "mindspore", "mindspore", "2.10.0", "cpu"),
    ],
)
def test_the_newest_release_and_variant_that_fit_are_chosen(
    ask_real: Ask, target: str, recipe: str, package: str, version: str, variant: str
) -> None:
    resolution = ask_real(target, recipe)
    assert (resolution.status, *short(resolution)) == (Status.OK, package, version, variant)


@pytest.mark.parametrize(
    ("target", "recipe", "requirements"),
    [
        (H100, "tensorflow", ("tensorflow[and-cuda]",)),
        (H100, "jax", ("jax[cuda13]",)),
        (H100, "onnxruntime", ("onnxruntime-gpu[cuda,cudnn]",)),
        (H100, "ctranslate2", ("nvidia-cublas-cu12",)),
        (H100, "llama-cpp", ("nvidia-cublas>=13,<14", "nvidia-cuda-runtime>=13,<14")),
        (A100, "cupy", ("cupy-cuda12x[ctk]",)),
        ("cpu", "paddle", ("setuptools",)),
        ("cpu", "ctranslate2", ()),
    ],
)
def test_what_brings_the_runtime_is_asked_for(
    ask_real: Ask, target: str, recipe: str, requirements: tuple[str, ...]
) -> None:
    assert chosen_of(ask_real(target, recipe)).requirements == requirements


@pytest.mark.parametrize(
    ("target", "variant"),
    [
        (H100, "cu13"),
        (A100, "cu12"),
        (V100, "cu12"),
        (RTX_5090, "cu12"),
        (GTX_1080_TI, "cu12"),
        ("gb10,arch=aarch64,driver=580.95.05", "cu13"),
        ("cpu", "cpu"),
    ],
)
def test_jax_takes_the_plugin_for_the_driver_and_the_card(ask_real: Ask, target: str, variant: str) -> None:
    resolution = ask_real(target, "jax")
    chosen = chosen_of(resolution)
    assert (resolution.status, chosen.variant) == (Status.OK, variant)
    assert chosen.packages == {"jax": "0.12.0.1", "jaxlib": "0.12.0.1"}


def test_tensorflow_is_refused_on_blackwell_although_its_ptx_should_be_compiled_there(ask_real: Ask) -> None:
    resolution = ask_real(RTX_5090, "tensorflow", on="nvidia")
    assert resolution.status is Status.UNSATISFIABLE
    assert {entry.rule for entry in resolution.rejected} == {"known-broken"}
    reasons = {entry.reason for entry in resolution.rejected if " on sm_120: " in entry.reason}
    assert [reason[:80] for reason in reasons] == [
        "known not to work on sm_120: no released wheel computes on Blackwell, although i"
    ]


def test_tensorflow_holds_cudnn_back_for_an_old_card(ask_real: Ask) -> None:
    assert "nvidia-cudnn-cu12<9.11" in chosen_of(ask_real(V100, "tensorflow")).constraints


def test_tensorflow_2_14_needs_a_python_that_tensorrt_has_wheels_for(ask_real: Ask) -> None:
    resolution = ask_real(H100, "tensorflow<2.15")
    assert (short(resolution)[1:], chosen_of(resolution).python) == (("2.14.1", "cu118"), "3.10")


def test_tensorflow_is_refused_on_a_processor_without_avx(ask_real: Ask) -> None:
    facts = HostFacts(cpu=Cpu(architecture="x86_64", features=("sse4_2",)), devices=())
    resolution = ask_real(facts, "tensorflow")
    assert [blame.fact for blame in resolution.blame] == ["cpu-level"]


def test_the_placeholder_release_of_onnxruntime_is_denied(ask_real: Ask) -> None:
    resolution = ask_real(H100, "onnxruntime==1.27.0", on="nvidia")
    assert resolution.status is Status.UNSATISFIABLE
    (denied,) = (entry for entry in resolution.rejected if entry.rule == "denied")
    assert denied.candidate.startswith("onnxruntime-gpu 1.27.0+cu13")
    assert "name nvidia packages for CUDA 13 that do not exist" in denied.reason


@pytest.mark.parametrize(
    ("recipe", "package", "word"),
    [
        ("onnxruntime", "nvidia-cuda-runtime-cu13==0.0.1", "placeholder"),
        ("tensorflow", "tensorflow-gpu", "removed"),
        ("paddle", "paddle", "planets"),
        ("mindspore", "mindspore-gpu", "ended"),
        ("mlx", "mlx-cuda-14", "placeholder"),
        ("openvino", "openvino-dev", "ended"),
    ],
)
def test_packages_that_install_and_do_not_work_are_denied(
    matrix: Matrix, ask_real: Ask, recipe: str, package: str, word: str
) -> None:
    known = matrix.recipe(recipe)
    assert known is not None
    row = next(row for row in known.denied if package.partition("==")[0] == row.package)
    assert word in row.reason
    if not row.versions:
        resolution = ask_real("cpu", recipe, packages=(package,))
        assert resolution.status is Status.UNSATISFIABLE
        assert "denied" in {entry.rule for entry in resolution.rejected}


@pytest.mark.parametrize("target", ["cpu", MI300X, "arc b580"])
@pytest.mark.parametrize("recipe", ["numba-cuda", "rapids", "tensorrt"])
def test_what_computes_on_one_vendor_alone_is_refused_elsewhere_and_says_so(
    ask_real: Ask, target: str, recipe: str
) -> None:
    resolution = ask_real(target, recipe)
    assert resolution.status is Status.UNSATISFIABLE
    assert {entry.rule for entry in resolution.rejected} == {"vendor"}
    assert [blame.fact for blame in resolution.blame] == ["framework"]


@pytest.mark.parametrize(
    ("target", "recipe", "seen"),
    [
        (V100, "tensorrt", "device 0 (V100) is sm_70"),
        (GTX_1080_TI, "rapids", "device 0 (GTX 1080 Ti) is sm_61"),
    ],
)
def test_a_card_before_the_floor_is_blamed(ask_real: Ask, target: str, recipe: str, seen: str) -> None:
    resolution = ask_real(target, recipe)
    assert resolution.status is Status.UNSATISFIABLE
    assert [(blame.fact, blame.seen) for blame in resolution.blame] == [("device-architecture", seen)]


@pytest.mark.parametrize(
    ("target", "recipe"),
    [
        (H100, "lightgbm"),
        (H100, "openvino"),
        (H100, "mindspore"),
        (GH200, "ctranslate2"),
        (GH200, "tensorflow"),
        (MI300X, "xgboost"),
        (MI300X, "mlx"),
        (V100, "mlx"),
        ("arc b580", "paddle"),
    ],
)
def test_without_builds_for_the_device_the_processor_is_offered_and_not_taken_silently(
    ask_real: Ask, target: str, recipe: str
) -> None:
    resolution = ask_real(target, recipe)
    assert (resolution.status, chosen_of(resolution).variant) == (Status.DEGRADED, "cpu")
    assert "accelerator-unused" in {check.rule for check in resolution.checks}
    assert f"envkit up {recipe} --engine docker --on cpu" in {remedy.command for remedy in resolution.remedies}


@pytest.mark.parametrize(
    ("target", "variant"),
    [(H100, "cu130"), (A100, "cu118"), (RTX_5090, "cu129"), (V100, "cu126"), (GTX_1080_TI, "cu129")],
)
def test_paddle_says_that_it_does_not_know_what_its_wheels_were_compiled_for(
    ask_real: Ask, target: str, variant: str
) -> None:
    resolution = ask_real(target, "paddle")
    assert (resolution.status, *short(resolution)) == (Status.DEGRADED, "paddlepaddle-gpu", "3.3.1", variant)
    check = next(check for check in resolution.checks if check.rule == "device-architecture")
    assert "not known" in check.reason


def test_an_old_libc_takes_the_processor_build_of_xgboost_by_its_own_name(ask_real: Ask) -> None:
    resolution = ask_real("cpu,os=centos-7,python=3.11", "xgboost", mode=Mode.NATIVE)
    assert (resolution.status, *short(resolution)) == (Status.OK, "xgboost-cpu", "3.0.5", "cpu")


def test_an_old_libc_never_gets_the_processor_twin_of_a_cuda_wheel(ask_real: Ask) -> None:
    resolution = ask_real("a100,driver=535.54.03,os=centos-7,python=3.11", "xgboost", mode=Mode.NATIVE, on="nvidia")
    assert resolution.status is Status.UNSATISFIABLE
    assert {entry.rule for entry in resolution.rejected} >= {"libc"}


def test_an_intel_card_is_served_by_openvino_on_the_host(ask_real: Ask) -> None:
    resolution = ask_real("arc b580,os=ubuntu-24.04", "openvino", mode=Mode.NATIVE)
    assert (short(resolution), chosen_of(resolution).vendor) == (("openvino", "2026.4.1", "gpu"), "intel")


def test_onnxruntime_takes_its_openvino_package_for_an_intel_card(ask_real: Ask) -> None:
    resolution = ask_real("arc b580,os=ubuntu-24.04", "onnxruntime", mode=Mode.NATIVE)
    assert short(resolution) == ("onnxruntime-openvino", "1.24.1", "openvino-gpu")


def apple_host(version: str) -> HostFacts:
    return HostFacts(
        os=OperatingSystem(system="darwin", id="macos", version=version),
        cpu=Cpu(architecture="arm64"),
        devices=(Device(vendor="apple", index=0, name="Apple M3", architecture="m3", usable=True),),
        stacks=(Stack(vendor="apple"),),
        pythons=(Python(version="3.12.4", path="/usr/bin/python3.12"),),
    )


def test_mlx_uses_metal_on_a_mac(ask_real: Ask) -> None:
    resolution = ask_real(apple_host("15.1"), "mlx", mode=Mode.NATIVE)
    assert (resolution.status, *short(resolution)) == (Status.OK, "mlx", "0.32.4", "metal")
    assert chosen_of(resolution).requirements == ()


def test_mlx_is_refused_on_a_macos_before_14(ask_real: Ask) -> None:
    resolution = ask_real(apple_host("13.6"), "mlx", mode=Mode.NATIVE, on="apple")
    assert resolution.status is Status.UNSATISFIABLE
    assert {entry.rule for entry in resolution.rejected} == {"host-window"}


@pytest.mark.parametrize(
    "recipe", ["ctranslate2", "lightgbm", "mindspore", "onnxruntime", "paddle", "tensorflow", "xgboost"]
)
def test_a_mac_takes_the_wheel_for_macos_where_the_processor_was_agreed_to(ask_real: Ask, recipe: str) -> None:
    resolution = ask_real(apple_host("15.1"), recipe, mode=Mode.NATIVE, on="cpu")
    assert (resolution.status, chosen_of(resolution).variant) == (Status.OK, "macos")


def test_builds_for_linux_are_refused_on_a_mac(ask_real: Ask) -> None:
    resolution = ask_real(apple_host("15.1"), "llama-cpp", mode=Mode.NATIVE, on="cpu")
    assert resolution.status is Status.UNSATISFIABLE
    assert "operating-system" in {entry.rule for entry in resolution.rejected}
    assert [(blame.fact, blame.seen, blame.needed) for blame in resolution.blame] == [("platform", "darwin", "linux")]


def test_a_build_without_a_runtime_of_its_own_needs_one_on_the_host(ask_real: Ask) -> None:
    def host(*runtimes: Runtime) -> HostFacts:
        return HostFacts(
            os=OperatingSystem(system="linux", libc=Libc(family="glibc", version="2.39"), wsl=False),
            cpu=Cpu(architecture="x86_64"),
            devices=(Device(vendor="nvidia", index=0, name="A100", architecture="sm_80"),),
            stacks=(Stack(vendor="nvidia", driver="580.65.06", runtimes=runtimes),),
            pythons=(Python(version="3.12.4", path="/usr/bin/python3.12"),),
        )

    fits = ask_real(host(Runtime(name="cuda", version="12.8")), "cupy<14", mode=Mode.NATIVE)
    assert (fits.status, *short(fits)) == (Status.OK, "cupy-cuda12x", "13.6.0", "cu12")
    lacks = ask_real(host(), "cupy<14", mode=Mode.NATIVE)
    assert lacks.status is not Status.OK


def test_several_frameworks_share_one_cuda_machine(ask_real: Ask) -> None:
    resolution = ask_real(H100, "pytorch", "xgboost", "onnxruntime", "lightgbm")
    chosen = chosen_of(resolution)
    assert resolution.status is Status.OK
    assert chosen.packages.keys() >= {"torch", "xgboost", "onnxruntime-gpu", "lightgbm"}
    assert chosen.vendor == "nvidia"
