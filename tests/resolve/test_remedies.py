"""Blame and remedies: what stands in the way, and commands that are proved to work."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from envkit.model.availability import Availability, Constraint, IndexState, LocalWheel
from envkit.model.host import Evidence, HostFacts
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request
from envkit.model.resolution import Resolution, Status
from envkit.resolve import resolve_request
from envkit.resolve.command import request_command
from envkit.resolve.spec import parse_spec
from envkit.resolve.targets import target_facts

Ask = Callable[..., Resolution]
Replay = Callable[[Resolution], tuple[Request, ...]]
CASES = [
    ("rtx 5090,driver=570.124.06", ("pytorch>=2.12",), {"on": "nvidia"}),
    ("gtx 1080 ti,driver=580.65.06", ("pytorch>=2.15",), {}),
    ("v100,rtx 5090,driver=580.65.06", ("pytorch",), {}),
    ("v100,rtx 5090,driver=580.65.06", ("pytorch>=2.15",), {"on": "nvidia"}),
    ("cpu,os=centos-7", ("pytorch>=2.9",), {"mode": Mode.NATIVE}),
    ("cpu,os=centos-7,python=3.11", ("pytorch>=2.9",), {"mode": Mode.NATIVE, "engine": "native"}),
    ("cpu,os=ubuntu-24.04", ("pytorch==2.99",), {"mode": Mode.NATIVE}),
    ("cpu,os=ubuntu-24.04", ("pytorch",), {"mode": Mode.NATIVE, "python": "==3.8.*"}),
    ("cpu", ("pytorch",), {"packages": ("torch<1",)}),
    ("h100,driver=570.124.06", ("pytorch>=2.15",), {"python": ">=3.13", "packages": ("rich>=13",)}),
    ("k80,driver=470.256.02", ("pytorch>=2.9",), {"on": "nvidia"}),
    ("h100,driver=580.65.06", ("openvino",), {}),
]


@pytest.mark.parametrize(("target", "specs", "fields"), CASES)
def test_every_remedy_that_changes_the_request_resolves_as_written(
    matrix: Matrix, ask_real: Ask, remedied: Replay, target: str, specs: tuple[str, ...], fields: dict[str, object]
) -> None:
    requests = remedied(ask_real(target, *specs, **fields))
    assert requests
    for request in requests:
        again = resolve_request(target_facts(target, matrix), request, matrix, Availability())
        assert again.status is not Status.UNSATISFIABLE, request
        assert not [check for check in again.checks if check.rule == "accelerator-unused"], request


@pytest.mark.parametrize(("target", "specs", "fields"), CASES)
def test_remedies_come_cheapest_first_and_blame_is_never_empty(
    ask_real: Ask, target: str, specs: tuple[str, ...], fields: dict[str, object]
) -> None:
    resolution = ask_real(target, *specs, **fields)
    costs = [remedy.cost for remedy in resolution.remedies]
    assert costs == sorted(costs)
    assert all(blame.seen and blame.needed and blame.source for blame in resolution.blame)
    assert resolution.blame


def test_a_newer_driver_is_named_with_the_last_branch_that_serves_the_card(ask_real: Ask, matrix: Matrix) -> None:
    resolution = ask_real("rtx 5090,driver=570.124.06", "pytorch>=2.15", on="nvidia")
    remedy = next(entry for entry in resolution.remedies if entry.kind == "upgrade-driver")
    nvidia = matrix.vendor("nvidia")
    assert nvidia is not None
    newest = max(row.branch for row in nvidia.driver_branches)
    assert f"NVIDIA driver >=580.65.06; {newest} is the newest branch that serves device 0 (RTX 5090)" in remedy.text
    assert ask_real("rtx 5090,driver=580.65.06", "pytorch>=2.15", on="nvidia").status is Status.OK


def test_the_driver_is_to_blame_where_a_newer_one_meets_the_request_as_it_is(ask_real: Ask) -> None:
    resolution = ask_real("rtx 5090,driver=570.124.06", "pytorch==2.15.0", on="nvidia")
    assert [(blame.fact, blame.needed, blame.seen) for blame in resolution.blame] == [
        ("driver", ">=580.65.06", "570.124.06")
    ]
    assert [remedy.kind for remedy in resolution.remedies] == ["pin-framework", "upgrade-driver", "use-cpu"]


def test_the_oldest_driver_that_is_enough_is_blamed_not_that_of_the_newest_release(ask_real: Ask) -> None:
    resolution = ask_real("rtx 5090,driver=550.54.15", "pytorch", on="nvidia")
    assert [(blame.fact, blame.needed) for blame in resolution.blame] == [("driver", ">=570")]
    assert ask_real("rtx 5090,driver=570", "pytorch", on="nvidia").status is Status.OK


@pytest.mark.parametrize(
    ("target", "loaded", "blamed", "text"),
    [
        (
            "v100,driver=580.95.05",
            "open",
            ("the open kernel module", "the proprietary kernel module"),
            "install the NVIDIA driver with the proprietary kernel module; 580 is the newest branch",
        ),
        (
            "b200,driver=550.54.15",
            "proprietary",
            ("550.54.15 and the proprietary kernel module", ">=570 and the open kernel module"),
            "install the NVIDIA driver >=580.65.06 with the open kernel module; 615 is the newest branch",
        ),
    ],
)
def test_a_driver_of_the_wrong_flavour_is_blamed_with_its_number(
    matrix: Matrix, ask_real: Ask, target: str, loaded: str, blamed: tuple[str, str], text: str
) -> None:
    facts = target_facts(target, matrix)
    stacks = tuple(replace(stack, driver_kind=loaded) for stack in facts.stacks or ())
    resolution = ask_real(replace(facts, stacks=stacks), "pytorch", on="nvidia")
    assert [(blame.fact, blame.seen, blame.needed) for blame in resolution.blame] == [("driver", *blamed)]
    assert any(remedy.text.startswith(text) for remedy in resolution.remedies)


def test_a_device_is_blamed_before_the_request_where_no_driver_would_help(ask_real: Ask) -> None:
    resolution = ask_real("gtx 1080 ti,driver=580.95.05", "pytorch>=2.15", on="nvidia")
    assert [blame.fact for blame in resolution.blame] == ["device-architecture"]


def test_only_what_must_change_is_pinned(ask_real: Ask) -> None:
    resolution = ask_real("v100,driver=580.95.05", "pytorch>=2.15", "jax", on="nvidia")
    assert resolution.remedies[0].command == "envkit up pytorch==2.14.1 jax --engine docker --on nvidia"


def test_devices_that_are_not_there_give_way_to_those_that_are(ask_real: Ask) -> None:
    resolution = ask_real("a100*2,driver=580.95.05", "pytorch", on="nvidia", devices=(7,))
    assert resolution.rejected[0].reason == "needs NVIDIA device 7; host has NVIDIA devices 0, 1"
    assert resolution.remedies[0].command == "envkit up pytorch --engine docker --on nvidia --devices 0,1"


def test_a_command_names_the_wheelhouse_again_that_was_named_on_the_command_line(ask_real: Ask) -> None:
    def wheel(directory: str, origin: str) -> LocalWheel:
        name = "torch-2.14.1+cpu-cp312-cp312-manylinux_2_28_x86_64.whl"
        tags = {"python_tags": ("cp312",), "abi_tags": ("cp312",), "platform_tags": ("manylinux_2_28_x86_64",)}
        return LocalWheel(package="torch", version="2.14.1+cpu", path=f"{directory}/{name}", origin=origin, **tags)

    wheels = (wheel("/my wheels", "--wheelhouse"), wheel("/etc/wheels", "/etc/pip.conf"))
    availability = Availability(wheels=wheels, offline=True)
    resolution = ask_real("cpu", "pytorch==2.99", mode=None, availability=availability)
    assert resolution.remedies[0].command == "envkit up pytorch==2.15.0 --wheelhouse '/my wheels' --offline"


def test_an_old_card_is_never_sent_beyond_its_last_branch(ask_real: Ask) -> None:
    resolution = ask_real("gtx 1080 ti,driver=470.256.02", "pytorch>=2.12", on="nvidia")
    remedy = next(entry for entry in resolution.remedies if entry.kind == "upgrade-driver")
    assert "driver >=525.60.13; 580 is the newest branch" in remedy.text


def test_a_driver_too_new_for_the_card_is_told_to_go_back(ask_real: Ask) -> None:
    resolution = ask_real("gtx 1080 ti,driver=590.48.01", "pytorch", on="nvidia")
    assert [(blame.fact, blame.needed, blame.seen) for blame in resolution.blame] == [("driver", "<581", "590.48.01")]
    assert "change-driver" in {remedy.kind for remedy in resolution.remedies}


def test_when_no_single_change_is_enough_two_are_blamed_and_offered(ask_real: Ask) -> None:
    resolution = ask_real("gtx 1080 ti,driver=390.157", "pytorch", on="nvidia", python="==3.6.*")
    assert {blame.fact for blame in resolution.blame} == {"driver", "python"}
    assert any(set(remedy.kind.split("+")) == {"change-python", "upgrade-driver"} for remedy in resolution.remedies)


def test_blame_says_where_the_fact_was_read(ask_real: Ask, matrix: Matrix) -> None:
    target = target_facts("rtx 5090,driver=570.124.06", matrix)
    evidence = (Evidence(fact="stacks[0].driver", source="/proc/driver/nvidia/version"),)
    facts = HostFacts(cpu=target.cpu, devices=target.devices, stacks=target.stacks, evidence=evidence)
    resolution = ask_real(facts, "pytorch>=2.15", on="nvidia")
    assert {blame.fact: blame.source for blame in resolution.blame}["driver"] == "/proc/driver/nvidia/version"


def test_an_unreachable_index_is_blamed_and_named(ask_real: Ask) -> None:
    away = tuple(
        IndexState(name=name, url=f"https://{name}", reachable=False, reason="no route") for name in ("default", "x")
    )
    resolution = ask_real("cpu", "openvino", availability=Availability(indexes=away))
    assert [(blame.fact, blame.seen) for blame in resolution.blame] == [("index", "`default` unreachable: no route")]
    assert "`default` at https://default" in resolution.remedies[0].text


def test_constraints_are_named_by_their_line(ask_real: Ask) -> None:
    constraints = (Constraint(requirement="openvino<1", source="/etc/constraints.txt:3"),)
    resolution = ask_real("cpu", "openvino", availability=Availability(constraints=constraints))
    assert resolution.remedies[0].kind == "loosen-constraint"
    assert "`openvino<1` (/etc/constraints.txt:3)" in resolution.remedies[0].text


def test_a_processor_that_no_wheel_is_for_is_blamed(ask_real: Ask) -> None:
    resolution = ask_real("cpu,arch=riscv64", "pytorch", mode=Mode.NATIVE)
    assert [(blame.fact, blame.seen) for blame in resolution.blame] == [("cpu-architecture", "riscv64")]
    assert resolution.remedies == ()


def test_a_request_is_written_as_the_command_that_makes_it(read_command: Callable[[str], Request]) -> None:
    request = Request(
        specs=(parse_spec("pytorch[audio]>=2.9,<3"), parse_spec("jax")),
        as_of="2026-11-22",
        engine="docker",
        on="nvidia",
        python=">=3.11",
        devices=(0, 2),
        packages=("rich>=13",),
    )
    command = request_command(request, Availability())
    assert command == (
        "envkit up 'pytorch[audio]<3,>=2.9' jax --engine docker --on nvidia --python '>=3.11'"
        " --devices 0,2 --with 'rich>=13'"
    )
    assert read_command(command) == request
