"""What is chosen and needs more than packages: `up` says so before anything is built."""

import pytest
from msgspec.structs import replace

from envkit.data import load_matrix
from envkit.errors import AdditionMissingError
from envkit.model.availability import Availability
from envkit.model.host import Runtime
from envkit.model.request import Allowance, Mode, Request
from envkit.model.resolution import Resolution
from envkit.resolve import parse_spec, resolve_request, target_facts
from envkit.settle import require_additions

MATRIX = load_matrix(("pytorch",))
HOST = target_facts("h100,driver=535.104.05,os=ubuntu-24.04", MATRIX)


def resolved(mode: Mode, *, loaded: bool = False, image: str | None = None) -> Resolution:
    assert HOST.stacks is not None
    stack = replace(HOST.stacks[0], runtime_ceiling=Runtime(name="cuda", version="13.2") if loaded else None)
    request = Request(
        specs=(parse_spec("pytorch>=2.15"),),
        as_of="2026-11-22",
        on="nvidia",
        mode=mode,
        base_image=image,
        allow=(Allowance.FORWARD_COMPAT,),
    )
    return resolve_request(replace(HOST, stacks=(stack,)), request, MATRIX, Availability())


@pytest.mark.parametrize("mode", list(Mode))
def test_a_library_that_nothing_brings_ends_up_with_its_name_and_what_to_do(mode: Mode) -> None:
    with pytest.raises(AdditionMissingError) as caught:
        require_additions(resolved(mode))
    assert "`cuda-compat-13-2`" in caught.value.message
    assert "forward-compatibility.html" in caught.value.facts[0]
    assert "--allow" not in caught.value.hints[-1]


def test_a_library_that_is_loaded_lets_a_native_environment_be_made() -> None:
    require_additions(resolved(Mode.NATIVE, loaded=True))


def test_an_image_of_ones_own_may_bring_it() -> None:
    require_additions(resolved(Mode.CONTAINER, image="python:3.12-bookworm"))
