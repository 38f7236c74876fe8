"""Options of a request: one index alone, an image of one's own, forward compatibility."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from envkit.errors import UsageError
from envkit.model.availability import Availability
from envkit.model.host import HostFacts, Runtime
from envkit.model.matrix import Matrix
from envkit.model.recipe import ReleaseRow
from envkit.model.request import Allowance, Mode, Request
from envkit.model.resolution import Resolution, Status, Verdict
from envkit.resolve.command import request_command
from envkit.resolve.images import image_python, image_system
from envkit.resolve.present import describe_resolution
from envkit.resolve.spec import parse_spec
from envkit.resolve.targets import target_facts

Ask = Callable[..., Resolution]
FORWARD = (Allowance.FORWARD_COMPAT,)


def rules(resolution: Resolution) -> set[str]:
    return {entry.rule for entry in resolution.rejected}


def test_only_the_index_that_was_asked_for_counts(ask_real: Ask) -> None:
    resolution = ask_real("h100,driver=580.65.06", "pytorch", only_index="pytorch-cu126")
    assert resolution.chosen is not None
    assert (resolution.chosen.variant, resolution.chosen.indexes[0].name) == ("cu126", "pytorch-cu126")
    assert "only-index" in rules(resolution)


def test_an_index_without_a_fitting_build_may_be_left_out(ask_real: Ask) -> None:
    resolution = ask_real("rtx 5090,driver=580.65.06", "pytorch", on="nvidia", only_index="pytorch-cu126")
    assert resolution.status is Status.UNSATISFIABLE
    remedy = next(entry for entry in resolution.remedies if entry.kind == "any-index")
    assert "--only-index" not in remedy.command


def test_an_index_that_no_recipe_has_is_a_mistake(ask_real: Ask) -> None:
    with pytest.raises(UsageError) as caught:
        ask_real("cpu", "pytorch", only_index="pytorch-cu999")
    assert any("pytorch-cu1" in hint for hint in caught.value.hints)


@pytest.mark.parametrize(
    ("image", "system", "python"),
    [
        ("python:3.11-slim-bookworm", "debian-12", "3.11"),
        ("python:3.13.2-trixie", "debian-13", "3.13"),
        ("docker.io/library/python:3.12", None, "3.12"),
        ("ubuntu:24.04", "ubuntu-24.04", None),
        ("nvidia/cuda:12.8.1-base-ubuntu22.04", "ubuntu-22.04", None),
        ("mine:latest", None, None),
    ],
)
def test_the_name_of_an_image_tells_what_is_in_it(
    matrix: Matrix, image: str, system: str | None, python: str | None
) -> None:
    row = image_system(image, matrix.foundations)
    assert (None if row is None else f"{row.os}-{row.version}") == system
    assert image_python(image, matrix.foundations) == python


def test_an_image_of_ones_own_is_taken_with_what_its_name_tells(ask_real: Ask) -> None:
    known = ask_real("h100,driver=580.65.06", "pytorch", base_image="python:3.11-bookworm", mode=None)
    assert known.chosen is not None
    assert known.chosen.base is not None
    assert (known.status, known.chosen.python) == (Status.OK, "3.11")
    assert (known.chosen.base.image, known.chosen.base.libc) == ("python:3.11-bookworm", "2.36")
    unknown = ask_real("h100,driver=580.65.06", "pytorch", base_image="mine:latest")
    open_rules = {check.rule for check in unknown.checks if check.verdict is Verdict.UNKNOWN}
    assert (unknown.status, open_rules >= {"python", "libc"}) == (Status.DEGRADED, True)
    old = ask_real("h100,driver=580.65.06", "pytorch>=2.9", base_image="python:3.10-buster", on="nvidia")
    assert old.chosen is not None  # glibc 2.28 is the floor of these wheels


IMAGE = "nvidia/cuda:12.8.1-base-ubuntu24.04"


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        ("h100,driver=570.26", Verdict.PASS),  # the driver implements 12.8 itself
        ("h100,driver=535.104.05", Verdict.PASS),  # a listed branch, and a data centre device
        ("rtx 3090,driver=535.104.05", Verdict.FAIL),  # the same branch, but a GeForce
        ("h100,driver=545.23.08", Verdict.FAIL),  # not a listed branch
    ],
)
def test_a_vendors_image_has_a_condition_of_its_own(ask_real: Ask, target: str, verdict: Verdict) -> None:
    resolution = ask_real(target, "pytorch>=2.9", on="nvidia", base_image=IMAGE)
    if verdict is Verdict.FAIL:
        assert "container-admission" in rules(resolution)
        remedy = next(entry for entry in resolution.remedies if entry.kind == "plain-base")
        assert "--base-image" not in remedy.command
        assert [blame.fact for blame in resolution.blame] == ["driver"]
    else:
        check = next(check for check in resolution.checks if check.rule == "container-admission")
        assert check.verdict is verdict
    assert (
        ask_real(target, "pytorch>=2.9", on="nvidia").chosen is not None
    )  # on a plain image it never stands in the way


def test_an_image_whose_condition_was_not_read_is_assumed_to_start(ask_real: Ask) -> None:
    resolution = ask_real("h100,driver=580.65.06", "pytorch", base_image="nvcr.io/nvidia/cuda:12.9.1-base-ubuntu24.04")
    check = next(check for check in resolution.checks if check.rule == "container-admission")
    assert (check.verdict, resolution.status) == (Verdict.UNKNOWN, Status.DEGRADED)


def test_forward_compatibility_is_offered_and_never_silent(ask_real: Ask) -> None:
    refused = ask_real("h100,driver=535.104.05", "pytorch>=2.15", on="nvidia")
    assert refused.status is Status.UNSATISFIABLE
    remedy = next(entry for entry in refused.remedies if entry.kind == "forward-compat")
    assert remedy.command == "envkit resolve 'pytorch>=2.15' --engine docker --on nvidia --allow forward-compat"
    assert "`cuda-compat-13-2` of NVIDIA's repository, which envkit does not install" in remedy.text
    allowed = ask_real("h100,driver=535.104.05", "pytorch>=2.15", on="nvidia", allow=FORWARD)
    assert (allowed.status, allowed.chosen is not None) == (Status.DEGRADED, True)
    assert allowed.chosen is not None
    assert [(row.package, row.provided) for row in allowed.chosen.additions] == [("cuda-compat-13-2", False)]
    assert allowed.chosen.driver_range is None
    assert "needs     cuda-compat-13-2, which envkit does not install" in describe_resolution(allowed)


@pytest.mark.parametrize(
    "target",
    [
        "rtx 4090,driver=535.104.05",  # not a data centre device
        "h100,driver=545.23.08",  # not a listed branch
        "b200,driver=535.104.05",  # the kernel driver does not know the device
    ],
)
def test_forward_compatibility_is_for_listed_branches_and_data_centre_devices(ask_real: Ask, target: str) -> None:
    resolution = ask_real(target, "pytorch>=2.15", on="nvidia", allow=FORWARD)
    assert resolution.status is Status.UNSATISFIABLE
    assert "forward-compat" not in {entry.kind for entry in ask_real(target, "pytorch>=2.15", on="nvidia").remedies}


def test_what_the_driver_serves_by_itself_goes_before_forward_compatibility(ask_real: Ask) -> None:
    resolution = ask_real("h100,driver=535.104.05", "pytorch", allow=FORWARD)
    assert resolution.chosen is not None
    assert (resolution.chosen.variant, resolution.chosen.additions) == ("cu126", ())


def test_a_library_that_is_loaded_counts_for_native_environments_alone(ask_real: Ask, matrix: Matrix) -> None:
    target = target_facts("h100,driver=535.104.05,os=ubuntu-24.04", matrix)
    assert target.stacks is not None
    stack = replace(target.stacks[0], runtime_ceiling=Runtime(name="cuda", version="13.2"))
    facts = replace(target, stacks=(stack,))

    def provided(facts: HostFacts, mode: Mode) -> bool:
        chosen = ask_real(facts, "pytorch>=2.15", on="nvidia", allow=FORWARD, mode=mode).chosen
        assert chosen is not None
        return chosen.additions[0].provided

    assert provided(facts, Mode.NATIVE)
    assert not provided(facts, Mode.CONTAINER)
    assert not provided(target, Mode.NATIVE)


def test_a_proposed_command_repeats_every_option() -> None:
    request = Request(
        specs=(parse_spec("pytorch"),),
        as_of="2026-11-22",
        name="train",
        allow=FORWARD,
        only_index="default",
        base_image="mine:1",
        mode=Mode.CONTAINER,
    )
    assert request_command(request, Availability()) == (
        "envkit up pytorch --engine docker --only-index default --base-image mine:1 --name train --allow forward-compat"
    )
    assert "--name" not in request_command(request, Availability(), verb="resolve")


def test_remedies_keep_the_name_of_the_environment(ask_real: Ask) -> None:
    resolution = ask_real("gtx 1080 ti,driver=580.65.06", "pytorch>=2.15", on="nvidia", name="train")
    assert resolution.remedies
    assert all("--name train" in remedy.command for remedy in resolution.remedies if " up " in remedy.command)


def test_a_release_after_the_day_of_the_request_is_not_called_young(
    ask_in: Ask, make_matrix: Callable[..., Matrix], make_release: Callable[..., ReleaseRow]
) -> None:
    matrix = make_matrix(make_release("3.0", released="2026-12-24"), make_release("2.0"))
    resolution = ask_in(matrix, HostFacts(devices=()), "toy")
    assert resolution.rejected[0].reason.startswith("3.0 was released 2026-12-24, after 2026-11-22")


def test_sources_are_shown_with_every_check_when_asked(ask_real: Ask) -> None:
    resolution = ask_real("v100,driver=580.65.06", "pytorch")
    assert "source: immich-app/immich#23110" in describe_resolution(resolution, verbose=True)
    assert "source:" not in describe_resolution(resolution)


def test_a_device_that_cannot_be_used_is_a_note_and_does_not_degrade(ask_real: Ask, matrix: Matrix) -> None:
    target = target_facts("rtx 5090,os=ubuntu-24.04", matrix)
    assert target.devices is not None
    usable = ask_real(replace(target, devices=(replace(target.devices[0], usable=None),)), "pytorch==2.6.0")
    broken = ask_real(replace(target, devices=(replace(target.devices[0], usable=False),)), "pytorch==2.6.0")
    assert (usable.status, broken.status) == (Status.DEGRADED, Status.OK)
    assert broken.chosen is not None
    assert "NVIDIA device 0 (RTX 5090) is left unused: it cannot be used as things are" in broken.chosen.notes
