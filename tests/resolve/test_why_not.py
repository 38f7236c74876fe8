"""Why something else was not chosen."""

from collections.abc import Callable

import pytest

from envkit.errors import BadSpecError, UsageError
from envkit.model.request import Doubt, Mode
from envkit.model.resolution import Resolution, WhyNot
from envkit.resolve import parse_doubt
from envkit.resolve.present import describe_resolution

Ask = Callable[..., Resolution]
H100 = "h100,driver=570.124.06,os=ubuntu-24.04"


def doubted(ask: Ask, target: str, text: str, *specs: str, **fields: object) -> WhyNot:
    answer = ask(target, *(specs or ("pytorch",)), why_not=parse_doubt(text), **fields).why_not
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("text", "spec", "variant"),
    [
        ("pytorch==2.9.1", "pytorch==2.9.1", None),
        ("pytorch+cu130", "pytorch", "cu130"),
        ("pytorch+cu130>=2.9", "pytorch>=2.9", "cu130"),
        ("torch==2.9.1+cu128", "torch==2.9.1", "cu128"),
        ("pytorch+rocm7.2", "pytorch", "rocm7.2"),
    ],
)
def test_a_question_names_a_release_a_variant_or_both(text: str, spec: str, variant: str | None) -> None:
    doubt = parse_doubt(text)
    assert (str(doubt.spec), doubt.variant) == (spec, variant)


def test_a_question_that_is_none_is_refused() -> None:
    with pytest.raises(BadSpecError):
        parse_doubt("pytorch ==")


def test_a_refused_build_is_told_with_rule_and_reason(ask_real: Ask) -> None:
    answer = doubted(ask_real, H100, "pytorch==2.14.1+cu130")
    assert answer.objections[0].rule == "driver-floor"
    assert answer.text == (
        "pytorch+cu130==2.14.1 is refused by driver-floor: cuda 13.0 needs driver >=580.65.06; host has 570.124.06"
    )
    assert answer.objections[0].sources


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pytorch==2.9.1", "is newer than torch 2.9.1+cu128"),
        ("pytorch+cpu", "the environment is made for NVIDIA; `--on cpu` asks for this one"),
    ],
)
def test_a_possible_build_is_told_with_what_ranks_it_lower(ask_real: Ask, text: str, words: str) -> None:
    answer = doubted(ask_real, H100, text)
    assert answer.objections[0].outcome == "outranked"
    assert words in answer.text


def test_an_assumption_ranks_a_build_lower(ask_real: Ask) -> None:
    answer = doubted(ask_real, "mi300x,driver=6.4.0", "pytorch==2.9.1+rocm6.4")
    assert answer.objections[0].outcome == "outranked"


def test_places_are_told_apart(ask_real: Ask) -> None:
    answer = doubted(ask_real, H100, "pytorch==2.14.1+cu126")
    assert answer.objections[0].outcome == "chosen"
    reasons = [entry.reason for entry in answer.objections if entry.outcome == "outranked"]
    assert "Python 3.12 is preferred to 3.13" in reasons
    assert any(entry.rule == "python" for entry in answer.objections)


def test_builds_of_a_vendor_that_the_host_does_not_have_are_refused_for_that(ask_real: Ask) -> None:
    answer = doubted(ask_real, "cpu,os=ubuntu-24.04", "pytorch==2.14.1+cu130")
    assert (answer.objections[0].rule, answer.objections[0].reason) == (
        "device",
        "needs an NVIDIA device; host has no NVIDIA device",
    )


def test_what_was_tried_before_the_processor_is_answered_for(ask_real: Ask) -> None:
    answer = doubted(ask_real, "gtx 1080 ti,driver=580.65.06", "pytorch==2.15.0", "pytorch==2.15.0")
    assert {entry.outcome for entry in answer.objections} >= {"chosen", "refused"}
    assert any(entry.rule == "device-architecture" for entry in answer.objections)


def test_a_build_that_the_matrix_does_not_have_is_told_with_what_it_has(ask_real: Ask) -> None:
    answer = doubted(ask_real, H100, "pytorch==2.9.1+cu999")
    assert answer.objections == ()
    assert "it knows releases 1.13" in answer.text
    assert "cu126" in answer.text


def test_a_question_about_another_recipe_is_a_mistake(ask_real: Ask) -> None:
    with pytest.raises(UsageError, match="does not have: jax"):
        doubted(ask_real, H100, "jax")


def test_beside_other_recipes_the_pins_decide(ask_real: Ask) -> None:
    host, asked = "h100,driver=580.65.06", ("vllm==0.32.0", "pytorch")
    answer = doubted(ask_real, host, "pytorch==2.14.1", *asked)
    assert answer.objections[0].reason == "torch 2.14.1+cu130 takes torch 2.14.1, vllm 0.32.0+cu130 2.13.0"
    hopeless = doubted(ask_real, host, "pytorch==2.14.1", "vllm==99", "pytorch", on="nvidia")
    assert hopeless.objections[0].reason.startswith("fits by itself")


def test_an_unsatisfiable_request_is_answered_for_too(ask_real: Ask) -> None:
    answer = doubted(ask_real, H100, "pytorch==2.14.1", "pytorch==2.15.0", on="nvidia", mode=Mode.NATIVE)
    assert answer.objections[0].rule == "request-range"


def test_the_answer_is_part_of_the_text(ask_real: Ask) -> None:
    resolution = ask_real(H100, "pytorch", why_not=Doubt(spec=parse_doubt("pytorch==2.9.1").spec))
    text = describe_resolution(resolution)
    assert "why not:\n  pytorch==2.9.1 is possible as torch 2.9.1+cu128 cp312 default" in text
    assert "      source: " in describe_resolution(resolution, verbose=True)
