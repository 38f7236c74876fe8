"""Frameworks that an image brings: chosen in that image alone, together with what else it brings."""

import pytest

from envkit.data import load_matrix
from envkit.model.availability import Availability
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request
from envkit.model.resolution import Resolution
from envkit.resolve import resolve_request
from envkit.resolve.spec import parse_doubt, parse_spec
from envkit.resolve.targets import target_facts

TODAY = "2026-11-22"
TARGET = "k100_ai,os=ubuntu-22.04"
IMAGE = "gpustack/runner:dtk26.04-vllm0.18.1"


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_matrix()


def ask(matrix: Matrix, *specs: str, target: str = TARGET, **fields: object) -> Resolution:
    wanted = {"mode": Mode.CONTAINER, "on": target_facts(target, matrix).devices[0].vendor, **fields}  # type: ignore[index]  # the target names one
    request = Request(specs=tuple(map(parse_spec, specs)), as_of=TODAY, **wanted)
    return resolve_request(target_facts(target, matrix), request, matrix, Availability())


def rules(answer: Resolution) -> set[str]:
    return {entry.rule for entry in answer.rejected}


def test_what_one_image_brings_goes_together_although_its_releases_on_an_index_do_not(matrix: Matrix) -> None:
    answer = ask(matrix, "vllm==0.21.0", "pytorch", target="c550,os=ubuntu-22.04")
    assert answer.chosen is not None
    assert answer.chosen.packages == {"torch": "2.8.0", "vllm": "0.21.0"}  # vLLM's own wheel needs torch 2.11.0
    assert answer.chosen.base is not None
    assert answer.chosen.base.packages == answer.chosen.packages
    assert (answer.chosen.requirements, answer.chosen.indexes) == ((), ())


def test_two_recipes_that_are_in_two_images_are_not_put_together(matrix: Matrix) -> None:
    answer = ask(matrix, "vllm==0.18.1", "pytorch==2.5.1")
    assert answer.status == "unsatisfiable"
    assert answer.blame


def test_the_image_is_taken_whole_and_its_python_with_it(matrix: Matrix) -> None:
    answer = ask(matrix, "pytorch", target="mlu590,os=ubuntu-22.04")
    assert answer.chosen is not None
    assert answer.chosen.base is not None
    assert answer.chosen.base.python_program == "/torch/venv3/pytorch_infer/bin/python"
    assert answer.chosen.candidate.endswith(answer.chosen.base.image)


def test_the_chosen_build_is_not_told_to_be_refused_where_it_cannot_be(matrix: Matrix) -> None:
    answer = ask(matrix, "pytorch")
    assert answer.chosen is not None
    assert answer.chosen.candidate.startswith("torch 2.10.0+dtk26.04 cp310 ")
    assert not [entry for entry in answer.rejected if entry.candidate.startswith("torch 2.10.0+dtk26.04 ")]


def test_no_other_build_of_a_framework_is_put_on_an_image_that_brings_one(matrix: Matrix) -> None:
    answer = ask(matrix, "pytorch", base_image=IMAGE, why_not=parse_doubt("pytorch==2.9.0"))
    assert answer.chosen is not None
    assert answer.chosen.packages == {"torch": "2.10.0"}
    assert answer.why_not is not None
    assert {entry.rule for entry in answer.why_not.objections} == {"vendor-image"}


def test_an_extra_that_nobody_knows_to_be_in_the_image_is_not_promised(matrix: Matrix) -> None:
    answer = ask(matrix, "pytorch[audio]")
    assert answer.status == "unsatisfiable"
    assert "extras" in rules(answer)
    assert "envkit up pytorch --engine docker --on hygon" in [remedy.command for remedy in answer.remedies]


def test_what_further_packages_mean_on_such_an_image_is_said(matrix: Matrix) -> None:
    alone, beside = ask(matrix, "pytorch"), ask(matrix, "pytorch", packages=("accelerate>=1",))
    assert alone.chosen is not None
    assert beside.chosen is not None
    assert alone.chosen.notes == ()
    (note,) = beside.chosen.notes
    assert note.startswith(f"what {IMAGE} has beside torch, vllm is not known")
    assert "accelerate>=1 goes before" in note


def test_natively_the_container_is_offered_and_proved(matrix: Matrix) -> None:
    answer = ask(matrix, "pytorch", mode=Mode.NATIVE)
    assert answer.status == "unsatisfiable"
    assert [(blame.fact, blame.seen, blame.needed) for blame in answer.blame] == [
        ("platform", "no container", f"a container from {IMAGE}")
    ]
    (remedy,) = [remedy for remedy in answer.remedies if remedy.kind == "use-container"]
    assert remedy.text.startswith(f"use a container from {IMAGE}")


def test_a_system_that_no_such_image_has_is_refused(matrix: Matrix) -> None:
    answer = ask(matrix, "pytorch", target="gaudi 3,driver=1.23.0,os=ubuntu-22.04", os="debian-12")
    assert answer.status == "unsatisfiable"
    assert "vendor-image" in rules(answer)
