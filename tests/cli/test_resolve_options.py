"""Options of `resolve` and `up`: good values, bad values, and what the answer says."""

import pytest

H100 = "h100,driver=535.104.05,os=ubuntu-24.04"


def test_a_fact_is_replaced(home) -> None:
    old = home.run("resolve", "pytorch>=2.15", "--on", "nvidia", "--target", H100, "--json")
    assert old.status == 3
    new = home.run(
        "resolve",
        "pytorch>=2.15",
        "--on",
        "nvidia",
        "--target",
        H100,
        "--fact",
        "stacks.nvidia.driver=595.58.03",
        "--json",
    )
    assert (new.status, new.json["chosen"]["packages"]["torch"]) == (0, "2.15.0")


def test_why_not_is_a_field_and_a_section_and_does_not_change_the_status(home) -> None:
    answer = home.run("resolve", "pytorch", "--target", H100, "--why-not", "pytorch==2.15.0+cu130", "--json")
    assert answer.status == 0
    assert answer.json["why_not"]["objections"][0]["rule"] == "driver-floor"
    text = home.run("resolve", "pytorch", "--target", H100, "--why-not", "pytorch+cu130", "-v").stdout
    assert "why not:" in text
    assert "source: " in text


def test_forward_compatibility_is_allowed(home) -> None:
    answer = home.run("resolve", "pytorch>=2.15", "--target", H100, "--allow", "forward-compat", "--json").json
    assert (answer["status"], answer["chosen"]["additions"][0]["package"]) == ("degraded", "cuda-compat-13-2")


def test_only_one_index_and_an_image_of_ones_own(home) -> None:
    options = ("--only-index", "pytorch-cu126", "--base-image", "python:3.11-bookworm")
    chosen = home.run("resolve", "pytorch", "--target", H100, *options, "--json").json["chosen"]
    assert (chosen["indexes"][0]["name"], chosen["base"]["image"]) == ("pytorch-cu126", "python:3.11-bookworm")
    assert (chosen["python"], chosen["mode"]) == ("3.11", "container")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--fact", "stacks.nvidia.drivr=580"), "EK0201", "did you mean `stacks.nvidia.driver`?"),
        (("--fact", "stacks.nvidia.driver"), "EK0201", "not a fact"),
        (("--fact", "devices[0].memory_mib=big"), "EK0201", "`devices[0].memory_mib` takes a whole number: big"),
        (("--fact", "os.kernel=6\x1b[31m"), "EK0802", "`--fact`"),
        (("--allow", "everything"), "EK0201", "`--allow` takes `forward-compat`: everything"),
        (("--only-index", "pytorch-cu999"), "EK0201", "did you mean `pytorch-cu"),
        (("--base-image", "Not An Image"), "EK0201", "`--base-image` takes"),
        (("--base-image", "python"), "EK0201", "`--base-image` takes"),
        (("--base-image", "python:3.12", "--native"), "EK0201", "`--base-image` is for containers"),
        (("--why-not", "jax"), "EK0201", "`--why-not` asks about a recipe that the request does not have: jax"),
        (("--why-not", "pytorch ="), "EK0202", "not a recipe with an optional range"),
    ],
)
def test_a_bad_value_is_a_coded_error(home, arguments: tuple[str, ...], code: str, words: str) -> None:
    ended = home.run("resolve", "pytorch", "--target", H100, *arguments)
    status = 8 if code == "EK0802" else 2
    assert (ended.status, f"error[{code}]" in ended.stderr, words in ended.stderr) == (status, True, True), ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize("option", [("--allow", "nothing"), ("--base-image", "a b"), ("--only-index", "nowhere")])
def test_up_refuses_the_same_values(home, option: tuple[str, str]) -> None:
    ended = home.run("up", "pytorch", "--offline", *option)
    assert ended.status in {2, 4}
    assert ended.stdout == ""
    if option[0] != "--only-index":
        assert (ended.status, option[0] in ended.stderr) == (2, True)


def test_up_takes_no_facts_and_no_questions(home) -> None:
    for option in ("--fact", "--why-not"):
        assert "No such option" in home.run("up", "pytorch", option, "x").stderr
