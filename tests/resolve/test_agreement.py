"""Several recipes in one environment: pins, ranges, runtimes, and the index that serves what they share."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from envkit.model.availability import Availability, IndexState
from envkit.model.host import Cpu, Device, HostFacts, Runtime, Stack
from envkit.model.matrix import Matrix
from envkit.model.recipe import CompanionRow, IndexRow, Recipe, ReleaseRow, SmokeRow, VariantRow
from envkit.model.resolution import Chosen, Resolution, Status
from envkit.model.vendor import DriverFloor

Ask = Callable[..., Resolution]
MakeRelease = Callable[..., ReleaseRow]
MakeMatrix = Callable[..., Matrix]
Pair = Callable[..., Matrix]


def host(architecture: str = "sm_86") -> HostFacts:
    return HostFacts(
        cpu=Cpu(architecture="x86_64"),
        devices=(Device(vendor="nvidia", index=0, architecture=architecture),),
        stacks=(Stack(vendor="nvidia", driver="999.1"),),
    )


def variant(name: str, runtime: str, *architectures: str) -> VariantRow:
    return VariantRow(
        variant=name,
        vendor="nvidia",
        releases="",
        cpu_architectures=("x86_64",),
        source="toy",
        runtime=Runtime(name="cuda", version=runtime),
        architectures=architectures or ("sm_80",),
    )


VARIANTS = (variant("cu126", "12.6"), variant("cu128", "12.8", "sm_80", "sm_90"), variant("cu130", "13.0", "sm_80"))


def chosen_of(resolution: Resolution) -> Chosen:
    assert resolution.chosen is not None
    return resolution.chosen


@pytest.fixture
def pair(make_matrix: MakeMatrix, make_release: MakeRelease) -> Pair:
    """Make a matrix with `toy`, on the main index for cu130 and on its own for the others, and `engine` beside it."""

    def make(*releases: ReleaseRow, toys: tuple[ReleaseRow, ...] | None = None, **fields: object) -> Matrix:
        engine = Recipe(
            name="engine",
            title="Engine",
            summary="A toy engine.",
            package="engine",
            sources={},
            releases=releases,
            variants=VARIANTS,
            smoke=SmokeRow(program="", devices={}, imports=()),
            companions=(CompanionRow(package="toy", extra="toy", default=True),),
            **fields,
        )
        own = {"default": {"x86_64": "cu130"}, "indexed": ("cu126", "cu128")}
        matrix = make_matrix(
            *(toys or (make_release("2.1", **own), make_release("2.0", **own))),
            variants=VARIANTS,
            companions=(),
            others=(engine,),
        )
        (nvidia,) = matrix.vendors
        floors = (*nvidia.driver_floors, DriverFloor(runtime_major=13, minimum="580.65.06", source="toy"))
        return replace(matrix, vendors=(replace(nvidia, driver_floors=floors),))

    return make


def test_a_pinned_companion_keeps_the_other_recipe_at_its_version(
    ask_in: Ask, pair: Pair, make_release: MakeRelease
) -> None:
    matrix = pair(make_release("1.0", default={"x86_64": "cu130"}, packages={"toy": "2.0"}))
    for specs in (("engine", "toy"), ("toy", "engine")):
        assert chosen_of(ask_in(matrix, host(), *specs)).packages == {"engine": "1.0", "toy": "2.0"}


def test_a_range_keeps_the_other_recipe_within_it(ask_in: Ask, pair: Pair, make_release: MakeRelease) -> None:
    matrix = pair(make_release("1.0", default={"x86_64": "cu130"}, requires={"toy": ">=1.5,<2.1"}))
    assert chosen_of(ask_in(matrix, host(), "engine", "toy")).packages["toy"] == "2.0"
    assert ask_in(matrix, host(), "engine", "toy==2.1", on="nvidia").status is Status.UNSATISFIABLE


def test_a_range_that_goes_both_ways_ends_and_holds(ask_in: Ask, pair: Pair, make_release: MakeRelease) -> None:
    cyclic = make_release("2.1", default={"x86_64": "cu130"}, requires={"engine": "<1.0"})
    matrix = pair(
        make_release("1.0", default={"x86_64": "cu130"}, requires={"toy": ">=2.1"}),
        make_release("0.9", default={"x86_64": "cu130"}, requires={"toy": ">=2.1"}),
        toys=(cyclic,),
    )
    assert chosen_of(ask_in(matrix, host(), "toy", "engine")).packages == {"toy": "2.1", "engine": "0.9"}
    hopeless = pair(make_release("1.0", default={"x86_64": "cu130"}, requires={"toy": ">=3"}), toys=(cyclic,))
    refused = ask_in(hopeless, host(), "toy", "engine", on="nvidia")
    assert refused.status is Status.UNSATISFIABLE
    assert "package-conflict" in {entry.rule for entry in refused.rejected}


def test_recipes_that_share_a_package_have_one_major_version_of_the_runtime(
    ask_in: Ask, pair: Pair, make_release: MakeRelease
) -> None:
    matrix = pair(make_release("1.0", default={"x86_64": "cu128"}, packages={"toy": "2.1"}))
    chosen = chosen_of(ask_in(matrix, host(), "engine", "toy"))
    assert chosen.packages["toy"] == "2.1"
    assert [(index.name, index.packages) for index in chosen.indexes] == [("toy-cu128", ("toy",))]


def test_a_companion_comes_from_the_index_of_the_builds_runtime(
    ask_in: Ask, pair: Pair, make_release: MakeRelease
) -> None:
    matrix = pair(make_release("1.0", default={"x86_64": "cu128"}, packages={"toy": "2.1"}))
    chosen = chosen_of(ask_in(matrix, host(), "engine"))
    assert [index.name for index in chosen.indexes] == ["toy-cu128"]
    assert chosen.candidate == "engine 1.0+cu128 cp312 default+toy-cu128 container debian-12"
    plain = pair(make_release("1.0", default={"x86_64": "cu130"}, packages={"toy": "2.1"}))
    assert chosen_of(ask_in(plain, host(), "engine")).indexes == ()


def test_a_companions_build_serves_the_device_too(ask_in: Ask, pair: Pair, make_release: MakeRelease) -> None:
    toys = (make_release("2.1", default={"x86_64": "cu126"}, indexed=("cu128",)),)
    engine = make_release("1.0", default={"x86_64": "cu128"}, packages={"toy": "2.1"})
    matrix = pair(engine, toys=toys)
    assert chosen_of(ask_in(matrix, host("sm_86"), "engine")).indexes == ()
    newer = ask_in(matrix, host("sm_90"), "engine")
    assert [index.name for index in chosen_of(newer).indexes] == ["toy-cu128"]
    assert newer.rejected[0].reason == "toy 2.1+cu126: wheel has sm_80; device 0 is sm_90"


def test_a_companion_that_no_index_has_for_the_runtime_refuses_the_build(
    ask_in: Ask, pair: Pair, make_release: MakeRelease
) -> None:
    toys = (make_release("2.1", default={"x86_64": "cu130"}),)
    matrix = pair(make_release("1.0", default={"x86_64": "cu128"}, packages={"toy": "2.1"}), toys=toys)
    refused = ask_in(matrix, host(), "engine", on="nvidia")
    assert refused.rejected[0].rule == "companion-index"
    assert refused.rejected[0].reason == "no index has toy 2.1 for the runtime of cu128; there is cu130"


def test_a_companions_index_that_is_out_of_reach_refuses_the_build(
    ask_in: Ask, pair: Pair, make_release: MakeRelease
) -> None:
    matrix = pair(make_release("1.0", default={"x86_64": "cu128"}, packages={"toy": "2.1"}))
    away = IndexState(name="toy-cu128", url="https://toy/cu128", reachable=False, reason="no route")
    refused = ask_in(matrix, host(), "engine", on="nvidia", availability=Availability(indexes=(away,)))
    assert refused.rejected[0].rule == "index-availability"


def test_one_index_serves_what_two_recipes_share(ask_in: Ask, pair: Pair, make_release: MakeRelease) -> None:
    own = (IndexRow(name="engine-{variant}", url="https://engine/{variant}", packages=("engine", "toy"), source="toy"),)
    matrix = pair(make_release("1.0", default={}, indexed=("cu130",), packages={"toy": "2.1"}, libc={}), indexes=own)
    refused = ask_in(matrix, host(), "engine", "toy", on="nvidia")
    assert refused.status is Status.UNSATISFIABLE
    assert [index.name for index in chosen_of(ask_in(matrix, host(), "engine")).indexes] == ["engine-cu130"]


def test_vllm_takes_the_torch_that_it_pins(ask_real: Ask, matrix: Matrix) -> None:
    vllm = matrix.recipe("vllm")
    assert vllm is not None
    pinned = {row.version: row.packages["torch"] for row in vllm.releases}
    for specs in (("vllm", "pytorch"), ("vllm",)):
        packages = chosen_of(ask_real("h100,driver=580.65.06,os=ubuntu-24.04", *specs)).packages
        assert packages["torch"] == pinned[packages["vllm"]]
