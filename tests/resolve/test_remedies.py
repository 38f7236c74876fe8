"""Blame and remedies: what stands in the way, and commands that are proved to work."""

from collections.abc import Callable

import pytest

from envkit.model.availability import Availability, Constraint, IndexState
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
    command = request_command(request)
    assert command == (
        "envkit up 'pytorch[audio]<3,>=2.9' jax --engine docker --on nvidia --python '>=3.11'"
        " --devices 0,2 --with 'rich>=13'"
    )
    assert read_command(command) == request
