"""Wheels of the user: tags, labels, companions."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from envkit.model.availability import Availability, LocalWheel
from envkit.model.host import Cpu, HostFacts
from envkit.model.matrix import Matrix
from envkit.model.recipe import ReleaseRow, VariantRow
from envkit.model.resolution import Chosen, Resolution, Status
from envkit.resolve.wheelhouse import wheel_builds, wheel_platform, wheel_pythons

Ask = Callable[..., Resolution]
MakeRelease = Callable[..., ReleaseRow]
MakeMatrix = Callable[..., Matrix]
CPU_HOST = HostFacts(cpu=Cpu(architecture="x86_64"), devices=())


def wheel(package: str, version: str, **fields: object) -> LocalWheel:
    defaults: dict[str, object] = {
        "python_tags": ("cp312",),
        "abi_tags": ("cp312",),
        "platform_tags": ("manylinux_2_28_x86_64",),
        "path": f"/wheels/{package}-{version}.whl",
        "origin": "--wheelhouse",
    }
    return LocalWheel(package=package, version=version, **{**defaults, **fields})


def chosen_of(resolution: Resolution) -> Chosen:
    assert resolution.chosen is not None
    return resolution.chosen


@pytest.fixture
def matrix(make_matrix: MakeMatrix, make_release: MakeRelease) -> Matrix:
    versions = {"toyvision": "0.2"}
    return make_matrix(make_release("2.0", packages=versions, libc={"x86_64": "2.17"}))


@pytest.mark.parametrize(
    ("tags", "floor"),
    [
        (("manylinux_2_28_x86_64",), "2.28"),
        (("manylinux_2_17_x86_64", "manylinux2014_x86_64"), "2.17"),
        (("manylinux_2_27_x86_64", "manylinux_2_28_x86_64"), "2.27"),
        (("manylinux2014_x86_64",), "2.17"),
        (("manylinux1_x86_64",), "2.5"),
        (("linux_x86_64",), None),
        (("any",), None),
    ],
)
def test_platform_tags_tell_the_libc_floor(tags: tuple[str, ...], floor: str | None) -> None:
    platform = wheel_platform(wheel("toy", "2.0", platform_tags=tags), "x86_64")
    assert platform is not None
    assert platform.libc == floor


@pytest.mark.parametrize("tag", ["manylinux_2_28_aarch64", "musllinux_1_2_x86_64", "win_amd64"])
def test_wheels_for_other_platforms_are_passed_over(tag: str) -> None:
    assert wheel_platform(wheel("toy", "2.0", platform_tags=(tag,)), "x86_64") is None


@pytest.mark.parametrize(
    ("python", "abi", "expected"),
    [
        ("cp311", "cp311", ("3.11",)),
        ("cp313", "cp313t", ("3.13t",)),
        ("cp311", "abi3", ("3.11", "3.12")),
        ("py3", "none", ("3.10", "3.11", "3.12")),
    ],
)
def test_python_tags_tell_the_pythons(python: str, abi: str, expected: tuple[str, ...]) -> None:
    tagged = wheel("toy", "2.0", python_tags=(python,), abi_tags=(abi,))
    assert wheel_pythons(tagged, ("3.10", "3.11", "3.12")) == expected


def test_a_wheel_of_the_same_release_and_variant_comes_before_the_index(ask_in: Ask, matrix: Matrix) -> None:
    chosen = chosen_of(ask_in(matrix, CPU_HOST, "toy", availability=Availability(wheels=(wheel("toy", "2.0+cpu"),))))
    assert chosen.candidate == "toy 2.0+cpu cp312 wheelhouse container debian-12"
    assert chosen.packages == {"toy": "2.0+cpu"}


def test_companions_come_along_from_a_wheelhouse_in_the_same_variant(ask_in: Ask, matrix: Matrix) -> None:
    wheels = (wheel("toy", "2.0+cpu"), wheel("toyvision", "0.2+cpu"), wheel("toyvision", "0.2+cu128"))
    chosen = chosen_of(ask_in(matrix, CPU_HOST, "toy", availability=Availability(wheels=wheels)))
    assert chosen.packages == {"toy": "2.0+cpu", "toyvision": "0.2+cpu"}
    assert chosen.indexes[0].packages == ("toy", "toyvision")


def test_a_companion_for_another_python_is_left_out_with_a_note(ask_in: Ask, matrix: Matrix) -> None:
    vision = wheel("toyvision", "0.2+cpu", python_tags=("cp311",), abi_tags=("cp311",))
    wheels = (wheel("toy", "2.0+cpu"), vision)
    chosen = chosen_of(ask_in(matrix, CPU_HOST, "toy", availability=Availability(wheels=wheels)))
    assert chosen.packages == {"toy": "2.0+cpu"}
    assert chosen.notes == (
        "`toyvision` was left out: no wheelhouse has it for toy 2.0+cpu; `toy[vision]` requires it",
    )


def test_a_companion_among_the_further_packages_is_asked_for_as_by_its_extra(ask_in: Ask, matrix: Matrix) -> None:
    # That of another index is built against another toy, and would not load.
    availability = Availability(wheels=(wheel("toy", "2.0+cpu"),))
    alone = chosen_of(ask_in(matrix, CPU_HOST, "toy", availability=availability))
    assert alone.packages == {"toy": "2.0+cpu"}
    beside = chosen_of(ask_in(matrix, CPU_HOST, "toy", availability=availability, packages=("toyvision>=0.1",)))
    assert beside.packages == {"toy": "2.0", "toyvision": "0.2"}
    never = ("toyvision; sys_platform == 'win32'",)
    assert chosen_of(ask_in(matrix, CPU_HOST, "toy", availability=availability, packages=never)) == replace(
        alone, requirements=(*alone.requirements, *never)
    )


def test_an_extra_that_a_wheelhouse_cannot_give_goes_to_the_index(ask_in: Ask, matrix: Matrix) -> None:
    availability = Availability(wheels=(wheel("toy", "2.0+cpu"),))
    chosen = chosen_of(ask_in(matrix, CPU_HOST, "toy[vision]", availability=availability))
    assert chosen.packages == {"toy": "2.0", "toyvision": "0.2"}


def test_the_measured_floor_counts_where_a_tag_promises_less(ask_in: Ask, matrix: Matrix) -> None:
    lying = wheel("toy", "2.0+cpu", platform_tags=("manylinux1_x86_64",))
    resolution = ask_in(matrix, CPU_HOST, "toy", availability=Availability(wheels=(lying,)))
    libc = next(check for check in resolution.checks if check.rule == "libc")
    assert libc.reason.startswith("wheel needs glibc >=2.17")


def test_a_wheel_without_a_label_is_of_the_default_variant(ask_in: Ask, matrix: Matrix) -> None:
    chosen = chosen_of(ask_in(matrix, CPU_HOST, "toy", availability=Availability(wheels=(wheel("toy", "2.0"),))))
    assert (chosen.variant, chosen.packages["toy"]) == ("cpu", "2.0")


def test_an_unknown_release_is_used_by_its_label(ask_in: Ask, matrix: Matrix) -> None:
    availability = Availability(wheels=(wheel("toy", "9.0+cpu"),))
    resolution = ask_in(matrix, CPU_HOST, "toy>=9", availability=availability)
    assert (resolution.status, chosen_of(resolution).packages) == (Status.OK, {"toy": "9.0+cpu"})


def test_an_unknown_label_is_an_assumption_and_comes_last(ask_in: Ask, matrix: Matrix) -> None:
    availability = Availability(wheels=(wheel("toy", "9.0+mine"),))
    plain = ask_in(matrix, CPU_HOST, "toy", availability=availability)
    asked = ask_in(matrix, CPU_HOST, "toy>=9", availability=availability)
    assert (plain.status, chosen_of(plain).packages["toy"]) == (Status.OK, "2.0")
    assert plain.rejected[0].reason == "what toy 9.0+mine was built for is not known; assumed cpu"
    assert (asked.status, chosen_of(asked).packages) == (Status.DEGRADED, {"toy": "9.0+mine"})


def test_the_only_variant_of_a_recipe_is_that_of_any_unlabelled_wheel(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    row = VariantRow(
        variant="cpu", vendor="cpu", releases="", cpu_architectures=("x86_64",), source="toy", architectures=()
    )
    matrix = make_matrix(make_release("2.0"), variants=(row,))
    resolution = ask_in(matrix, CPU_HOST, "toy>=9", availability=Availability(wheels=(wheel("toy", "9.0"),)))
    assert (resolution.status, chosen_of(resolution).variant) == (Status.OK, "cpu")


def test_of_two_equal_files_the_first_by_path_is_named(ask_in: Ask, matrix: Matrix) -> None:
    wheels = tuple(wheel("toy", "2.0+cpu", path=f"/{place}/toy.whl") for place in ("b", "a"))
    chosen = chosen_of(ask_in(matrix, CPU_HOST, "toy", availability=Availability(wheels=wheels)))
    assert chosen.indexes[0].url == "file:///a"


def test_offline_a_wheelhouse_needs_no_assumption(ask_in: Ask, matrix: Matrix) -> None:
    availability = Availability(wheels=(wheel("toy", "2.0+cpu"),), offline=True)
    assert ask_in(matrix, CPU_HOST, "toy", availability=availability).status is Status.OK


@pytest.mark.parametrize(("label", "ptx"), [("", ()), ("+cu128", ("sm_120",))])
def test_a_wheel_of_the_main_index_has_its_ptx_and_not_that_of_the_own_index(
    make_matrix: MakeMatrix, make_release: MakeRelease, label: str, ptx: tuple[str, ...]
) -> None:
    (toy,) = make_matrix(make_release("2.0", default={"x86_64": "cu128"})).recipes
    variants = tuple(replace(row, ptx=(), ptx_indexed=("sm_120",)) for row in toy.variants)
    wheels = (wheel("toy", f"2.0{label}"),)
    (found,) = wheel_builds(replace(toy, variants=variants), "x86_64", wheels, ("3.11", "3.12"))
    assert (found.build.variant, found.build.ptx) == ("cu128", ptx)
