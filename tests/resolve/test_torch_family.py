"""Recipes that stand on PyTorch, against the real matrix: what they bring along, and where they cannot run."""

from collections.abc import Callable
from random import Random

import pytest
from msgspec.structs import replace

from envkit.data import load_matrix, load_recipe
from envkit.model.availability import Availability, LocalWheel
from envkit.model.host import Cpu, HostFacts, Libc, OperatingSystem, Python
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request, Spec
from envkit.model.resolution import Chosen, Resolution, Status
from envkit.resolve import resolve_request
from envkit.resolve.answer import find_answer
from envkit.resolve.chosen import make_chosen
from envkit.resolve.problem import Problem
from tests.resolve.test_judge import draw

Ask = Callable[..., Resolution]
HOSTS = 60
H100 = "h100*8,driver=580.65.06,os=ubuntu-24.04"
A100_535 = "a100,driver=535.161.07,os=ubuntu-22.04"
V100_570 = "v100,driver=570.124.06,os=ubuntu-22.04"
RTX5090_570 = "rtx 5090,driver=570.124.06,os=ubuntu-24.04"
GTX1080TI = "gtx 1080 ti,driver=570.124.06,os=ubuntu-24.04"
MI300X = "mi300x,driver=30.30.3,os=ubuntu-24.04"
PYTORCH = Spec(recipe="pytorch", range=">=2.2")  # what the oldest release of Transformers here requires


def chosen_of(resolution: Resolution) -> Chosen:
    assert resolution.chosen is not None, resolution.rejected
    return resolution.chosen


@pytest.mark.parametrize(
    ("recipe", "target", "release", "torch", "variant"),
    [
        ("vllm", H100, "0.32.0", "2.13.0", "cu130"),
        ("vllm", A100_535, "0.19.1", "2.10.0", "cu128"),
        ("vllm", V100_570, "0.10.2", "2.8.0", "cu128"),
        ("vllm", RTX5090_570, "0.19.1", "2.10.0", "cu128"),
        ("vllm", "gh200,arch=aarch64,driver=580.95.05", "0.32.0", "2.13.0", "cu130"),
        ("sglang", H100, "0.5.23", "2.14.1", "cu130"),
        ("sglang", A100_535, "0.5.10.post1", "2.9.1", "cu128"),
        ("sglang", RTX5090_570, "0.5.10.post1", "2.9.1", "cu128"),
        ("xformers", H100, "0.0.35", "2.10.0", "cu128"),
        ("xformers", V100_570, "0.0.30", "2.7.0", "cu126"),
        ("xformers", GTX1080TI, "0.0.30", "2.7.0", "cu126"),
        ("flash-attn", H100, "2.8.3.post1", "2.11.0", "cu130"),
        ("flash-attn", RTX5090_570, "2.8.3.post1", "2.11.0", "cu128"),
        ("deepspeed", H100, "0.19.2", "2.11.0", "cu130"),
    ],
)
def test_compiled_code_comes_with_the_torch_that_it_is_made_for(
    ask_real: Ask, recipe: str, target: str, release: str, torch: str, variant: str
) -> None:
    resolution = ask_real(target, recipe)
    chosen = chosen_of(resolution)
    assert (resolution.status, chosen.variant) == (Status.OK, variant)
    assert (chosen.packages[load_recipe(recipe).package], chosen.packages["torch"]) == (release, torch)


def test_a_torch_that_the_main_index_has_for_another_cuda_is_taken_from_its_own_index(ask_real: Ask) -> None:
    chosen = chosen_of(ask_real(RTX5090_570, "flash-attn"))
    assert [index.name for index in chosen.indexes] == ["astral-cu128", "pytorch-cu128"]
    assert chosen.indexes[0].packages == ("flash-attn",)


def test_code_for_an_older_architecture_counts_only_with_a_driver_that_compiles_it(ask_real: Ask) -> None:
    # xFormers has no machine code for Blackwell, and PTX of CUDA 12.8.
    assert chosen_of(ask_real(RTX5090_570, "xformers")).driver_range == ">=570.26"
    assert ask_real("rtx 5090,driver=555.42.02", "xformers").chosen is None


@pytest.mark.parametrize(
    ("recipe", "target", "reason"),
    [
        ("vllm", GTX1080TI, "wheel has sm_75…sm_120; device 0 (GTX 1080 Ti) is sm_61"),
        ("vllm", MI300X, "vLLM has no builds for AMD: its ROCm wheels"),
        ("vllm", "cpu", "vLLM has no builds for the processor: its wheels for the processor"),
        ("sglang", V100_570, "device 0 (V100) is sm_70"),
        ("sglang", "t4,driver=580.65.06", "device 0 (T4) is sm_75"),
        ("xformers", "cpu", "xFormers computes on accelerators only"),
        ("flash-attn", V100_570, "device 0 (V100) is sm_70"),
        ("flash-attn", "cpu", "FlashAttention computes on accelerators only"),
        ("deepspeed", MI300X, "`pip wheel --no-deps deepspeed` makes a wheel of it, which `--wheelhouse` offers"),
        ("deepspeed", "cpu", "`pip wheel --no-deps deepspeed` makes a wheel of it, which `--wheelhouse` offers"),
    ],
)
def test_what_cannot_run_says_why(ask_real: Ask, recipe: str, target: str, reason: str) -> None:
    resolution = ask_real(target, recipe)
    assert resolution.status is Status.UNSATISFIABLE
    assert any(reason in entry.reason for entry in resolution.rejected), resolution.rejected
    assert {blame.fact for blame in resolution.blame} <= {"framework", "device-architecture"}


@pytest.mark.parametrize(
    ("target", "torch", "variant"),
    [
        (H100, "2.14.1", "cu130"),
        (A100_535, "2.14.1", "cu126"),
        (V100_570, "2.14.1", "cu126"),
        (RTX5090_570, "2.11.0", "cu128"),
        (GTX1080TI, "2.14.1", "cu126"),
        (MI300X, "2.14.1", "rocm7.2"),
        ("cpu", "2.15.0", "cpu"),
    ],
)
@pytest.mark.parametrize("recipe", ["transformers", "bitsandbytes"])
def test_what_has_no_code_for_one_device_brings_the_torch_for_the_device(
    ask_real: Ask, recipe: str, target: str, torch: str, variant: str
) -> None:
    allowed = "pytorch<2.15" if torch != "2.15.0" else "pytorch"
    resolution = ask_real(target, recipe, allowed)
    alone = ask_real(target, recipe)
    assert (chosen_of(resolution).packages["torch"], chosen_of(resolution).variant) == (torch, variant)
    assert chosen_of(alone).recipes == (recipe, "pytorch")
    assert not any("has no builds for" in note for note in chosen_of(alone).notes)


@pytest.mark.parametrize("seed", range(2))
def test_transformers_get_the_torch_that_pytorch_alone_would_get_on_any_host(seed: int) -> None:
    matrix = load_matrix(("transformers",))
    chance = Random(seed)  # noqa: S311 - a sample of a grid, the same each time
    picked = 0
    for _ in range(HOSTS):
        facts, request = draw(chance)
        facts = replace(facts, pythons=(Python(version="3.12.3", path="/python3.12"),))
        plain = Request(specs=(), as_of="2026-11-22", on=request.on, mode=request.mode)
        both = (replace(plain, specs=(spec,)) for spec in (Spec(recipe="transformers"), PYTORCH))
        (ours, mine), (theirs, other) = (answered(facts, one, matrix) for one in both)
        assert ours is theirs, (facts, request)
        if mine is not None and other is not None:
            picked += 1
            same = ("vendor", "variant", "python", "indexes", "base", "devices", "driver_range")
            assert [getattr(mine, name) for name in same] == [getattr(other, name) for name in same]
            assert mine.packages["torch"] == other.packages["torch"]
    assert picked > HOSTS // 3


def answered(facts: HostFacts, request: Request, matrix: Matrix) -> tuple[Status, Chosen | None]:
    """Answer without the explanation of a refusal, which takes ten times as long."""
    answer = find_answer(Problem(facts=facts, request=request, matrix=matrix, availability=Availability()))
    combination = answer.attempt.combination
    return answer.status, None if combination is None else make_chosen(answer, combination)


def test_triton_takes_the_release_that_its_torch_pins(ask_real: Ask) -> None:
    chosen = chosen_of(ask_real(RTX5090_570, "triton"))
    assert (chosen.packages["triton"], chosen.packages["torch"]) == ("3.6.0", "2.11.0")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("v100,driver=580.65.06", "Triton compiles for compute capability 8.0 and up"),
        (MI300X, "ROCm builds of torch bring a Triton of their own"),
    ],
)
def test_triton_is_refused_on_devices_that_it_does_not_compile_for(ask_real: Ask, target: str, reason: str) -> None:
    resolution = ask_real(target, "triton")
    assert resolution.status is Status.DEGRADED
    assert any(entry.rule == "known-broken" and reason in entry.reason for entry in resolution.rejected)


def test_bitsandbytes_has_no_code_for_maxwell_although_torch_has(ask_real: Ask) -> None:
    resolution = ask_real("gtx 980,driver=570.124.06", "bitsandbytes")
    assert chosen_of(resolution).packages["bitsandbytes"] == "0.46.1"
    assert chosen_of(resolution).packages["torch"] == "2.7.1"


def test_an_older_bitsandbytes_goes_with_a_torch_whose_cuda_it_has_a_library_for(ask_real: Ask) -> None:
    chosen = chosen_of(ask_real(H100, "bitsandbytes==0.49.2"))
    assert chosen.packages["torch"] == "2.11.0"


def test_several_recipes_of_the_family_share_one_torch(ask_real: Ask) -> None:
    chosen = chosen_of(ask_real(A100_535, "vllm", "pytorch", "transformers"))
    assert (chosen.packages["vllm"], chosen.packages["torch"], chosen.variant) == ("0.19.1", "2.10.0", "cu128")
    release = next(row for row in load_recipe("vllm").releases if row.version == "0.19.1")
    assert release.requires["transformers"]
    assert chosen.packages["transformers"]


def wheel(package: str, version: str, tags: tuple[str, str, str]) -> LocalWheel:
    python, abi, platform = tags
    file = f"/wheels/{package}-{version}-{python}-{abi}-{platform}.whl"
    return LocalWheel(
        package=package,
        version=version,
        python_tags=(python,),
        abi_tags=(abi,),
        platform_tags=(platform,),
        path=file,
        origin="PIP_FIND_LINKS",
    )


TORCH_WHEEL = wheel("torch", "2.13.0+cpu", ("cp311", "cp311", "manylinux_2_28_x86_64"))
HERE = HostFacts(
    os=OperatingSystem(system="linux", libc=Libc(family="glibc", version="2.41"), wsl=False),
    cpu=Cpu(architecture="x86_64"),
    devices=(),
    stacks=(),
    pythons=(Python(version="3.11.7", path="/usr/bin/python3"),),
)


@pytest.mark.parametrize("recipe", ["transformers", "bitsandbytes", "deepspeed"])
def test_a_torch_in_a_wheelhouse_serves_what_requires_one(recipe: str) -> None:
    own = (wheel("deepspeed", "0.19.8", ("py3", "none", "any")),) if recipe == "deepspeed" else ()
    specs = (Spec(recipe=recipe), Spec(recipe="pytorch", range="==2.13.*"))
    request = Request(specs=specs, as_of="2026-11-22", on="cpu", mode=Mode.NATIVE)
    matrix = load_matrix((recipe, "pytorch"))
    resolution = resolve_request(HERE, request, matrix, Availability(wheels=(TORCH_WHEEL, *own)))
    chosen = chosen_of(resolution)
    assert resolution.status is Status.OK
    assert (chosen.packages["torch"], chosen.variant) == ("2.13.0+cpu", "cpu")


def test_a_wheel_without_machine_code_is_for_any_device() -> None:
    own = wheel("deepspeed", "0.19.8", ("py3", "none", "any"))
    request = Request(specs=(Spec(recipe="deepspeed"),), as_of="2026-11-22", on="cpu", mode=Mode.NATIVE)
    matrix = load_matrix(("deepspeed",))
    resolution = resolve_request(HERE, request, matrix, Availability(wheels=(TORCH_WHEEL, own)))
    assert resolution.status is Status.OK
    assert chosen_of(resolution).candidate.startswith("deepspeed 0.19.8+any cp311 wheelhouse native; torch ")


def test_a_release_that_requires_what_does_not_exist_is_not_taken_even_when_asked_for(ask_real: Ask) -> None:
    resolution = ask_real(H100, "vllm==0.33.0")
    assert resolution.status is Status.UNSATISFIABLE
    assert any("certifi>=2026.10.19" in entry.reason for entry in resolution.rejected)


def test_an_old_vllm_is_held_to_the_transformers_that_it_knows(ask_real: Ask) -> None:
    assert "transformers<5" in chosen_of(ask_real(V100_570, "vllm")).requirements
    assert not chosen_of(ask_real(A100_535, "vllm")).requirements


def test_an_old_vllm_holds_the_recipe_of_transformers_back_too(ask_real: Ask) -> None:
    packages = chosen_of(ask_real(V100_570, "vllm", "transformers")).packages
    assert (packages["vllm"], packages["transformers"]) == ("0.10.2", "4.57.6")
