"""Whole machines against the real matrix."""

from collections.abc import Callable

import pytest

from envkit.model.availability import Availability, IndexState, LocalWheel
from envkit.model.host import Cpu, Device, HostFacts, Libc, OperatingSystem, Python
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request
from envkit.model.resolution import Chosen, Resolution, Status, Verdict
from envkit.resolve import parse_spec, resolve_request, target_facts

Ask = Callable[..., Resolution]


def chosen_of(resolution: Resolution) -> Chosen:
    assert resolution.chosen is not None
    return resolution.chosen


def short(resolution: Resolution) -> tuple[str, str]:
    chosen = chosen_of(resolution)
    return chosen.packages["torch"], chosen.variant


@pytest.mark.parametrize(
    ("target", "release", "variant"),
    [
        ("rtx 5090,driver=570.124.06", "2.11.0", "cu128"),
        ("gtx 1080 ti,driver=580.65.06", "2.14.1", "cu126"),
        ("v100,a100,driver=580.65.06", "2.14.1", "cu126"),
        ("v100,a100,driver=535.54.03", "2.14.1", "cu126"),
        ("a100,driver=470.256.02", "2.7.1", "cu118"),
        ("gb10,arch=aarch64,driver=580.95.05", "2.15.0", "cu130"),
        ("rtx 5090,driver=595.58.03", "2.15.0", "cu132"),
        ("cpu", "2.15.0", "cpu"),
    ],
)
def test_the_newest_release_that_fits_is_chosen(ask_real: Ask, target: str, release: str, variant: str) -> None:
    resolution = ask_real(target, "pytorch")
    assert (resolution.status, *short(resolution)) == (Status.OK, release, variant)


def test_a_new_card_on_driver_570_says_why_cuda_13_and_cu126_were_not_taken(ask_real: Ask) -> None:
    reasons = {entry.rule: entry.reason for entry in ask_real("rtx 5090,driver=570.124.06", "pytorch").rejected}
    assert reasons == {
        "driver-floor": "cuda 13.2 needs driver >=580.65.06; host has 570.124.06",
        "device-architecture": "wheel has sm_50…sm_90; device 0 (RTX 5090) is sm_120",
    }


def test_an_old_card_bounds_the_driver_from_above(ask_real: Ask) -> None:
    assert chosen_of(ask_real("gtx 1080 ti,driver=580.65.06", "pytorch")).driver_range == ">=525.60.13,<581"


def test_mi300x_takes_a_rocm_build_with_its_code(ask_real: Ask) -> None:
    resolution = ask_real("mi300x,driver=30.30.3", "pytorch")
    chosen = chosen_of(resolution)
    assert resolution.status is Status.OK
    assert chosen.vendor == "amd"
    assert chosen.variant.startswith("rocm")
    assert chosen.packages["torch"] == "2.14.1"


def test_a_laptop_takes_the_processor_build_from_its_own_index(ask_real: Ask) -> None:
    chosen = chosen_of(ask_real("cpu,os=ubuntu-24.04", "pytorch", mode=Mode.NATIVE))
    assert chosen.candidate == "torch 2.15.0+cpu cp312 pytorch-cpu native"
    assert [index.name for index in chosen.indexes] == ["pytorch-cpu"]
    assert chosen.driver_range is None


def test_an_integrated_graphics_unit_that_no_table_knows_is_only_a_note(ask_real: Ask) -> None:
    graphics = Device(vendor="amd", name="Picasso", kernel_driver="amdgpu")
    resolution = ask_real(HostFacts(cpu=Cpu(architecture="x86_64"), devices=(graphics,)), "pytorch")
    assert resolution.status is Status.OK
    assert "AMD device 0 (Picasso) is left unused" in chosen_of(resolution).notes[0]


def test_cards_that_need_different_kernel_modules_are_refused_naming_both(ask_real: Ask) -> None:
    resolution = ask_real("v100,rtx 5090,driver=580.65.06", "pytorch", on="nvidia")
    assert resolution.status is Status.UNSATISFIABLE
    assert [entry.rule for entry in resolution.rejected] == ["kernel-module"]
    assert "proprietary kernel module for device 0 (V100)" in resolution.rejected[0].reason
    assert "open kernel module for device 1 (RTX 5090)" in resolution.rejected[0].reason
    assert resolution.blame[0].seen == "device 0 (V100) is sm_70, device 1 (RTX 5090) is sm_120"
    assert resolution.blame[0].needed == "devices that one kernel module serves"
    assert [remedy.command for remedy in resolution.remedies if remedy.kind == "use-device"] == [
        "envkit up pytorch --engine docker --on nvidia --devices 0",
        "envkit up pytorch --engine docker --on nvidia --devices 1",
    ]


def test_without_a_named_vendor_unusable_cards_degrade_to_the_processor_with_the_same_blame(ask_real: Ask) -> None:
    resolution = ask_real("v100,rtx 5090,driver=580.65.06", "pytorch")
    assert (resolution.status, chosen_of(resolution).vendor) == (Status.DEGRADED, "cpu")
    assert [blame.fact for blame in resolution.blame] == ["device-architecture"]
    unused = [check for check in resolution.checks if check.rule == "accelerator-unused"]
    assert [check.verdict for check in unused] == [Verdict.FAIL]


def test_an_old_libc_takes_the_last_release_that_runs_on_it(ask_real: Ask) -> None:
    resolution = ask_real("cpu,os=centos-7,python=3.11", "pytorch", mode=Mode.NATIVE)
    assert short(resolution) == ("2.6.0", "cpu")
    assert resolution.rejected[0].reason == "wheel needs glibc >=2.28; host has 2.17"


def test_an_old_libc_refuses_newer_releases_and_offers_a_container(ask_real: Ask) -> None:
    resolution = ask_real("cpu,os=centos-7,python=3.11", "pytorch>=2.9", mode=Mode.NATIVE)
    assert resolution.status is Status.UNSATISFIABLE
    blame = {entry.fact: entry for entry in resolution.blame}
    assert (blame["glibc"].seen, blame["glibc"].needed) == ("glibc 2.17", ">=2.28")
    assert blame["glibc"].source == "--target"
    commands = {remedy.kind: remedy.command for remedy in resolution.remedies}
    assert commands["use-container"] == "envkit up 'pytorch>=2.9' --engine docker"


def test_musl_is_refused_even_where_the_version_is_not_known(ask_real: Ask) -> None:
    system = OperatingSystem(system="linux", libc=Libc(family="musl"))
    facts = HostFacts(os=system, cpu=Cpu(architecture="x86_64"), devices=(), pythons=(_python("3.12"),))
    resolution = ask_real(facts, "pytorch", mode=Mode.NATIVE)
    assert resolution.status is Status.UNSATISFIABLE
    assert resolution.blame[0].seen == "musl"


def test_an_unknown_driver_is_assumed_and_said(ask_real: Ask) -> None:
    resolution = ask_real("h100", "pytorch")
    assert (resolution.status, short(resolution)[0]) == (Status.DEGRADED, "2.15.0")
    floor = next(check for check in resolution.checks if check.rule == "driver-floor")
    assert (floor.verdict, floor.reason) == (Verdict.UNKNOWN, "driver is not known; assumed driver >=580.65.06")


def test_the_processor_is_fine_where_it_was_asked_for(ask_real: Ask) -> None:
    resolution = ask_real("h100,driver=580.65.06", "pytorch", on="cpu")
    assert (resolution.status, short(resolution)) == (Status.OK, ("2.15.0", "cpu"))


def test_an_embedded_board_is_not_served_by_desktop_code(ask_real: Ask) -> None:
    resolution = ask_real("jetson agx orin,arch=aarch64,driver=540.4.0", "pytorch", on="nvidia")
    assert resolution.status is Status.UNSATISFIABLE
    assert {entry.rule for entry in resolution.rejected} >= {"device-architecture"}


def test_the_driver_number_of_an_embedded_board_is_not_compared_with_floors(ask_real: Ask) -> None:
    resolution = ask_real("jetson agx thor,arch=aarch64,driver=580.00", "pytorch")
    floor = next(check for check in resolution.checks if check.rule == "driver-floor")
    assert (resolution.status, floor.verdict) == (Status.DEGRADED, Verdict.UNKNOWN)
    assert chosen_of(resolution).driver_range is None


def test_an_unreachable_index_gives_way_to_a_wheelhouse(ask_real: Ask) -> None:
    facts = HostFacts(
        os=OperatingSystem(system="linux", libc=Libc(family="glibc", version="2.36")),
        cpu=Cpu(architecture="x86_64"),
        devices=(),
        engines=(),
        pythons=tuple(_python(version) for version in ("3.11", "3.12", "3.13")),
    )
    wheel = LocalWheel(
        package="torch",
        version="2.13.0+cpu",
        python_tags=("cp311",),
        abi_tags=("cp311",),
        platform_tags=("manylinux_2_28_x86_64",),
        path="/wheels/torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        origin="PIP_FIND_LINKS",
    )
    index = IndexState(name="pytorch-cpu", url="https://download/cpu", reachable=False, reason="name not found")
    availability = Availability(wheels=(wheel,), indexes=(index,))
    resolution = ask_real(facts, "pytorch", mode=None, availability=availability)
    chosen = chosen_of(resolution)
    assert (resolution.status, chosen.candidate) == (Status.OK, "torch 2.13.0+cpu cp311 wheelhouse native")
    assert chosen.packages == {"torch": "2.13.0+cpu"}
    assert chosen.interpreter == "/usr/bin/python3.11"
    assert [(index.url, index.flat, index.packages) for index in chosen.indexes] == [
        ("file:///wheels", True, ("torch",))
    ]
    refused = next(entry for entry in resolution.rejected if entry.rule == "index-availability")
    assert refused.candidate == "torch 2.15.0+cpu cp312 pytorch-cpu native"
    assert "`pytorch-cpu` is unreachable at https://download/cpu: name not found" in refused.reason
    assert "`torchvision` was left out" in chosen.notes[0]


def test_five_recipes_share_one_python(ask_real: Ask) -> None:
    resolution = ask_real("cpu", "pytorch", "jax", "openvino", "onnxruntime", "tensorflow")
    chosen = chosen_of(resolution)
    assert resolution.status is Status.OK
    assert len(chosen.recipes) == 5
    assert {"torch", "jax", "openvino", "onnxruntime", "tensorflow-cpu"} <= chosen.packages.keys()


def test_a_recipe_without_builds_for_the_vendor_stands_in_with_its_processor_build(ask_real: Ask) -> None:
    resolution = ask_real("h100,driver=580.65.06", "pytorch", "openvino")
    chosen = chosen_of(resolution)
    assert (resolution.status, chosen.vendor, chosen.variant) == (Status.OK, "nvidia", "cu130")
    assert chosen.notes == ("OpenVINO has no builds for NVIDIA: its processor build is used",)


def test_a_recipe_alone_without_builds_for_the_vendor_asks_to_agree_to_the_processor(ask_real: Ask) -> None:
    resolution = ask_real("h100,driver=580.65.06", "openvino")
    assert resolution.status is Status.DEGRADED
    assert [remedy.command for remedy in resolution.remedies] == ["envkit up openvino --engine docker --on cpu"]


def _python(version: str) -> Python:
    return Python(version=version, path=f"/usr/bin/python{version}")


@pytest.mark.parametrize(("day", "release"), [("2026-11-03", "2.14.1"), ("2026-11-04", "2.15.0")])
def test_a_release_is_taken_a_week_after_its_day_and_not_before(matrix: Matrix, day: str, release: str) -> None:
    request = Request(specs=(parse_spec("pytorch"),), as_of=day, mode=Mode.CONTAINER)
    resolution = resolve_request(target_facts("cpu", matrix), request, matrix, Availability())
    assert chosen_of(resolution).packages["torch"] == release


@pytest.mark.parametrize(
    ("target", "specs", "packages"),
    [
        ("cpu", ("pytorch", "jax"), {"torch": "2.15.0", "jax": "0.12.0.1"}),
        ("cpu", ("pytorch", "tensorflow"), {"torch": "2.15.0", "tensorflow-cpu": "2.21.0"}),
        ("v100+a100,driver=580.95.05", ("jax", "pytorch"), {"torch": "2.14.1", "jax": "0.12.0.1"}),
        (
            "h100,driver=595.58.03",
            ("pytorch", "openvino", "onnxruntime"),
            {"torch": "2.15.0", "onnxruntime-gpu": "1.32.0"},
        ),
    ],
)
def test_several_recipes_share_one_python_and_the_devices_of_the_one_that_has_builds_for_them(
    ask_real: Ask, target: str, specs: tuple[str, ...], packages: dict[str, str]
) -> None:
    resolution = ask_real(target, *specs)
    chosen = chosen_of(resolution)
    assert chosen.packages.items() >= packages.items()
    assert chosen.vendor == ("cpu" if target == "cpu" else "nvidia")
    assert len(chosen.recipes) == len(specs)
    assert resolution.status is not Status.UNSATISFIABLE


def test_a_driver_older_than_the_generation_of_a_card_never_serves_it(ask_real: Ask) -> None:
    resolution = ask_real("b300,driver=535.54.03", "pytorch", on="nvidia")
    assert [(blame.fact, blame.needed) for blame in resolution.blame] == [("driver", ">=570")]
