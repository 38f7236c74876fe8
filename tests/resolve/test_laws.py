"""Laws that hold for any host: order does not matter, newer drivers lose nothing, `ok` means that every rule passes."""

from collections.abc import Callable
from functools import cache
from random import Random
from typing import TypeVar

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from envkit.data import load_matrix
from envkit.model.availability import Availability, IndexState
from envkit.model.host import Device, HostFacts, Libc, Python
from envkit.model.matrix import Matrix
from envkit.model.recipe import Recipe
from envkit.model.request import Allowance, Mode, Request
from envkit.model.resolution import Resolution, Status, Verdict
from envkit.model.value import to_line
from envkit.resolve import resolve_request
from envkit.resolve.answer import find_answer
from envkit.resolve.grade import judge_fully
from envkit.resolve.problem import Problem
from envkit.resolve.spec import parse_spec
from envkit.resolve.targets import target_facts

Shuffle = Callable[[tuple["Item", ...]], tuple["Item", ...]]
Item = TypeVar("Item")

CARDS = (
    "k80",
    "gtx 980",
    "p100",
    "gtx 1080 ti",
    "v100",
    "t4",
    "a100",
    "rtx 3090",
    "rtx 4090",
    "h100",
    "b200",
    "rtx 5090",
)
DRIVERS = ("450.80.02", "470.256.02", "525.60.13", "535.54.03", "550.54.15", "570.124.06", "580.65.06", "595.58.03")
UNREACHABLE = st.sets(st.sampled_from(["default", "pytorch-cpu", "pytorch-cu126", "pytorch-cu130"]))
SPECS = st.sampled_from(["pytorch", "pytorch>=2.9", "pytorch<2.8", "pytorch[audio]", "pytorch>=2.12,<2.15"])
# Shrinking resolves thousands of times: a failing example is short enough as it is.
FEW = settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))


@cache
def real_matrix() -> Matrix:
    return load_matrix(("pytorch", "openvino"))


@st.composite
def hosts(draw: st.DrawFn) -> HostFacts:
    cards = draw(st.lists(st.sampled_from(CARDS), min_size=0, max_size=3))
    driver = draw(st.sampled_from((*DRIVERS, None))) if cards else None
    text = ",".join(cards or ["cpu"]) + (f",driver={driver}" if driver else "")
    facts = target_facts(text, real_matrix())
    assert facts.os is not None
    libc = draw(st.sampled_from([None, Libc(family="glibc", version="2.17"), Libc(family="glibc", version="2.35")]))
    versions = draw(
        st.none() | st.lists(st.sampled_from(["3.8.1", "3.10.2", "3.11.7", "3.12.3", "3.14.0"]), unique=True)
    )
    pythons = None if versions is None else tuple(Python(version=text, path=f"/{text}") for text in versions)
    return replace(facts, os=replace(facts.os, libc=libc), pythons=pythons)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    mode = draw(st.sampled_from(Mode))
    images = (None, None, "python:3.11-bookworm", "nvidia/cuda:12.8.1-base-ubuntu22.04", "mine:latest")
    return Request(
        base_image=draw(st.sampled_from(images)) if mode is Mode.CONTAINER else None,
        only_index=draw(st.sampled_from([None, None, None, "default", "pytorch-cu126"])),
        allow=draw(st.sampled_from([(), (Allowance.FORWARD_COMPAT,)])),
        specs=(parse_spec(draw(SPECS)),),
        as_of="2026-11-22",
        mode=mode,
        on=draw(st.sampled_from([None, "nvidia", "cpu"])),
        python=draw(st.sampled_from([None, ">=3.11", "==3.12.*"])),
    )


@st.composite
def availabilities(draw: st.DrawFn) -> Availability:
    states = (
        IndexState(name=name, url=f"https://{name}", reachable=False, reason="gone")
        for name in sorted(draw(UNREACHABLE))
    )
    return Availability(indexes=tuple(states))


def _shuffled_recipe(recipe: Recipe, shuffle: Shuffle) -> Recipe:
    return replace(
        recipe,
        releases=tuple(replace(row, indexed=shuffle(row.indexed)) for row in shuffle(recipe.releases)),
        variants=shuffle(recipe.variants),
        companions=shuffle(recipe.companions),
        indexes=shuffle(recipe.indexes),
        denied=shuffle(recipe.denied),
    )


def _shuffled(matrix: Matrix, shuffle: Shuffle) -> Matrix:
    vendors = (
        replace(
            vendor,
            models=shuffle(vendor.models),
            architectures=shuffle(vendor.architectures),
            driver_floors=shuffle(vendor.driver_floors),
            driver_rows=shuffle(vendor.driver_rows),
            driver_branches=shuffle(vendor.driver_branches),
            driver_windows=shuffle(vendor.driver_windows),
            forward_rows=shuffle(vendor.forward_rows),
            admissions=shuffle(vendor.admissions),
            package_caps=shuffle(vendor.package_caps),
        )
        for vendor in shuffle(matrix.vendors)
    )
    return replace(
        matrix,
        foundations=replace(matrix.foundations, bases=shuffle(matrix.foundations.bases)),
        recipes=tuple(_shuffled_recipe(recipe, shuffle) for recipe in shuffle(matrix.recipes)),
        vendors=tuple(vendors),
    )


@FEW
@given(facts=hosts(), request=requests(), availability=availabilities(), chance=st.randoms(use_true_random=False))
def test_the_order_of_the_data_does_not_matter(
    facts: HostFacts, request: Request, availability: Availability, chance: Random
) -> None:
    def shuffle(items: tuple[Item, ...]) -> tuple[Item, ...]:
        mixed = list(items)
        chance.shuffle(mixed)
        return tuple(mixed)

    mixed_facts = replace(facts, pythons=None if facts.pythons is None else shuffle(facts.pythons))
    mixed_availability = replace(availability, indexes=shuffle(availability.indexes))
    first = resolve_request(facts, request, real_matrix(), availability)
    second = resolve_request(mixed_facts, request, _shuffled(real_matrix(), shuffle), mixed_availability)
    assert to_line(first) == to_line(second)


@FEW
@given(card=st.sampled_from(CARDS), spec=SPECS, drivers=st.tuples(st.sampled_from(DRIVERS), st.sampled_from(DRIVERS)))
def test_a_newer_driver_never_loses_a_candidate_whose_range_is_open(
    card: str, spec: str, drivers: tuple[str, str]
) -> None:
    older, newer = sorted(drivers)
    first = _on_driver(card, spec, older)
    if first.chosen is None or "<" in (first.chosen.driver_range or ""):
        return
    package = f"pytorch=={first.chosen.packages['torch']}"
    again = _on_driver(card, package, newer)
    assert again.status is not Status.UNSATISFIABLE
    refused = {entry.candidate for entry in again.rejected}
    assert first.chosen.candidate not in refused


@FEW
@given(card=st.sampled_from(CARDS), driver=st.sampled_from(DRIVERS), spec=SPECS)
def test_an_unrelated_device_changes_nothing_for_the_vendor_that_was_asked_for(
    card: str, driver: str, spec: str
) -> None:
    facts = target_facts(f"{card},driver={driver}", real_matrix())
    other = Device(vendor="amd", index=0, architecture="gfx942", memory_mib=192 * 1024, usable=True)
    mixed = replace(facts, devices=(*(facts.devices or ()), other))
    request = Request(specs=(parse_spec(spec),), as_of="2026-11-22", mode=Mode.CONTAINER, on="nvidia")
    alone = resolve_request(facts, request, real_matrix(), Availability())
    beside = resolve_request(mixed, request, real_matrix(), Availability())
    assert to_line(alone) == to_line(beside)


@FEW
@given(facts=hosts(), request=requests(), availability=availabilities())
def test_ok_means_that_every_rule_passes_when_it_is_asked_again(
    facts: HostFacts, request: Request, availability: Availability
) -> None:
    answer = find_answer(Problem(facts=facts, request=request, matrix=real_matrix(), availability=availability))
    combination = answer.attempt.combination
    if combination is None:
        assert answer.status is Status.UNSATISFIABLE
        return
    for part in combination.parts:
        judged = judge_fully(part.option, combination.place, answer.attempt.situation)
        assert not [judgement for judgement in judged if judgement.fails]
        if answer.status is Status.OK:
            unknown = {entry.rule for entry in judged if entry.check.verdict is Verdict.UNKNOWN}
            assert unknown <= {"index-availability", "base-image"}


@FEW
@given(facts=hosts(), request=requests(), availability=availabilities())
def test_a_refusal_always_has_someone_to_blame_and_a_choice_always_has_checks(
    facts: HostFacts, request: Request, availability: Availability
) -> None:
    resolution = resolve_request(facts, request, real_matrix(), availability)
    if resolution.chosen is None:
        assert resolution.blame
        assert resolution.rejected
    else:
        assert resolution.checks


@FEW
@given(facts=hosts(), request=requests(), availability=availabilities())
def test_every_remedy_that_changes_the_request_resolves(
    remedied: Callable[[Resolution], tuple[Request, ...]],
    facts: HostFacts,
    request: Request,
    availability: Availability,
) -> None:
    for changed in remedied(resolve_request(facts, request, real_matrix(), availability)):
        again = resolve_request(facts, changed, real_matrix(), availability)
        assert again.status is not Status.UNSATISFIABLE, changed
        assert not [check for check in again.checks if check.rule == "accelerator-unused"], changed


def _on_driver(card: str, spec: str, driver: str) -> Resolution:
    facts = target_facts(f"{card},driver={driver}", real_matrix())
    request = Request(specs=(parse_spec(spec),), as_of="2026-11-22", mode=Mode.CONTAINER, on="nvidia")
    return resolve_request(facts, request, real_matrix(), Availability())
