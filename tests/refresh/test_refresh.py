import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envkit.data import decode_document
from envkit.data.canonical import canonical_document
from envkit.errors import DataError, IndexUnreachableError
from envkit.model.deriving import AlsoRow, BinaryRow, DeriveRow, ModuleRow
from envkit.model.host import Runtime
from envkit.model.recipe import CompanionRow, IndexRow, Recipe, ReleaseRow, VariantRow
from envkit.refresh import refresh_recipe
from envkit.refresh.parallel import CONNECTIONS, work_through

World = Any  # see conftest.py
Write = Callable[..., Path]
Make = Callable[..., bytes]
CU128 = VariantRow(
    variant="cu128",
    vendor="nvidia",
    releases=">=1",
    cpu_architectures=("x86_64",),
    source="people",
    runtime=Runtime(name="cuda", version="12.8"),
    architectures=("sm_80", "sm_90"),
    ptx_indexed=("sm_90",),
    note="by hand",
)


def refreshed(world: World, recipe: Recipe, **options: Any) -> Any:  # noqa: ANN401 - Refreshed
    return refresh_recipe(recipe, world.facts(**options), world.session().reader)


def said(result: Any) -> list[str]:  # noqa: ANN401 - Refreshed
    return [f"{'!' if change.loud else ''}{change.release} {change.text}" for change in result.changes]


def test_a_release_becomes_a_row_and_its_builds_become_rows_of_variants(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8", ptx=(90,), architectures=("x86_64",), uploaded="2026-02-03")
    world.release("1.0", pythons=("cp312-cp312",), architectures=("aarch64",), libc="manylinux2014")
    result = refreshed(world, recipe)
    assert result.recipe.releases == (
        ReleaseRow(
            version="1.0",
            released="2026-01-01",
            pythons=("3.12", "3.13"),
            source="wheels",
            pythons_by_architecture={"aarch64": ("3.12",)},
            libc={"x86_64": "2.28", "aarch64": "2.17"},
            default={"x86_64": "cu128", "aarch64": "cpu"},
            derived=True,
        ),
    )
    assert [row for row in result.recipe.variants if row.derived] == [
        VariantRow(
            variant="cu128",
            vendor="nvidia",
            releases=">=1.0",
            cpu_architectures=("x86_64",),
            source="wheels",
            runtime=Runtime(name="cuda", version="12.8"),
            architectures=("sm_80", "sm_90"),
            ptx=("sm_90",),
            derived=True,
        )
    ]
    assert result.recipe.sources["wheels"].retrieved == "2026-06-01"
    assert result.gaps == ()


def test_the_result_is_canonical_and_refreshing_it_again_changes_nothing(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8")
    world.release("1.1", cuda="13.0", machine=(90,), uploaded="2026-03-01")
    once = refreshed(world, recipe).recipe
    text = canonical_document(once)
    again = refreshed(world, decode_document(text, "frame.yaml", Recipe), today="2026-07-01")
    assert again.recipe == once
    assert again.changes == ()
    assert canonical_document(again.recipe) == text


def test_the_news_of_a_release_are_told_against_the_release_before(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8", machine=(70, 80), pythons=("cp310-cp310", "cp312-cp312"))
    recipe = refreshed(world, recipe).recipe
    world.release("1.1", cuda="13.0", machine=(80, 120), libc="manylinux_2_34", uploaded="2026-05-30")
    news = (
        "1.1 new, published 2026-05-30, waits until 2026-06-06, default cu128 → cu130, Python 3.10 dropped,"
        " Python 3.13 added, glibc 2.28 → 2.34, sm_120 added (cu130, x86_64)"
    )
    assert said(refreshed(world, recipe)) == [
        news,
        "!1.1 LOST ARCHITECTURE sm_70 on x86_64: cu128 → cu130",
        "!1.1 DRIVER FLOOR RAISED 525.60.13 → 580.65.06 on x86_64: cu128 → cu130",
    ]


def test_a_release_that_is_no_longer_built_for_a_device_is_shouted(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8")
    world.release("1.1", uploaded="2026-02-01")
    assert "!1.1 NO LONGER BUILT FOR CUDA on x86_64: cu128 → cpu" in said(refreshed(world, recipe))


def test_a_wheel_that_comes_later_and_a_yanked_release_are_changes_of_their_row(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8")
    recipe = refreshed(world, recipe).recipe
    world.release("1.0", cuda="12.8", pythons=("cp314-cp314t",), uploaded="2026-03-03")
    assert said(refreshed(world, recipe)) == ["1.0 Python 3.14t added"]
    for path in world.files.iterdir():
        world.server.yanked[path.name] = "wrong numbers"
    result = refreshed(world, recipe)
    assert said(result) == ["1.0 Python 3.14t added", "!1.0 YANKED: wrong numbers"]
    assert result.recipe.releases[0].yanked == "wrong numbers"


def test_a_release_that_left_the_index_keeps_its_row_and_is_shouted(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8")
    world.release("1.1", cuda="12.8", uploaded="2026-02-01")
    recipe = refreshed(world, recipe).recipe
    for path in world.files.glob("frame-1.0-*"):
        path.unlink()
    result = refreshed(world, recipe)
    assert said(result) == ["!1.0 GONE: the index does not have it any more; its row is kept"]
    assert result.recipe == recipe


def test_curated_rows_and_fields_stay(world: World, recipe: Recipe) -> None:
    (cpu,) = recipe.variants
    world.release("1.0", cuda="12.8")
    world.release("0.9", cuda="12.8")
    world.release("1.1", cuda="12.8", uploaded="2026-02-01")
    mine = ReleaseRow(
        version="1.1", released="2000-01-01", pythons=("3.8",), source="people", default={"x86_64": "cpu"}
    )
    known = ReleaseRow(
        version="1.0",
        released="2026-01-01",
        pythons=("3.8",),
        source="people",
        libc={"x86_64": "2.31"},
        default={"x86_64": "cpu"},
        indexed=("cu126",),
        derived=True,
    )
    recipe = msgspec.structs.replace(recipe, releases=(mine, known), variants=(CU128, cpu))
    result = refreshed(world, recipe).recipe
    assert result.variants == (CU128, cpu)
    assert result.releases[0] == mine
    row = result.releases[1]
    assert (row.indexed, row.source, row.libc) == (("cu126",), "people", {"x86_64": "2.31"})
    assert (row.pythons, row.default) == (("3.12", "3.13"), {"x86_64": "cu128"})
    assert len(result.releases) == 2


def test_a_curated_row_that_a_wheel_contradicts_is_reported_and_kept(world: World, recipe: Recipe) -> None:
    (cpu,) = recipe.variants
    world.release("1.0", cuda="12.8", machine=(80, 100))
    recipe = msgspec.structs.replace(recipe, variants=(CU128, cpu))
    known = refreshed(world, msgspec.structs.replace(recipe, variants=(cpu,))).recipe.releases
    recipe = msgspec.structs.replace(recipe, releases=known)
    result = refreshed(world, recipe)
    assert result.recipe == recipe
    assert said(result) == [
        "!1.0 a curated row disagrees: 1.0 cu128 x86_64: the row has architectures sm_80 sm_90, the wheel sm_80 sm_100"
    ]


def test_a_curated_row_ends_where_a_new_release_is_made_otherwise(world: World, recipe: Recipe) -> None:
    (cpu,) = recipe.variants
    world.release("1.0", cuda="12.8")
    recipe = refreshed(world, msgspec.structs.replace(recipe, variants=(CU128, cpu))).recipe
    assert recipe.variants == (CU128, cpu)
    world.release("1.1", cuda="12.8", machine=(90,), uploaded="2026-02-01")
    world.release("1.2", cuda="12.8", machine=(90,), uploaded="2026-03-01")
    result = refreshed(world, recipe)
    new, old, _ = result.recipe.variants
    assert (old.releases, old.note) == (">=1,<1.1", "by hand")
    assert (new.releases, new.architectures, new.ptx_indexed, new.confidence) == (
        ">=1.1",
        ("sm_90",),
        ("sm_90",),
        "medium",
    )
    assert "!1.1 LOST ARCHITECTURE sm_80 on x86_64: cu128 → cu128" in said(result)


def test_contents_go_before_requirements(world: World, recipe: Recipe) -> None:
    world.release("1.0", requires=("nvidia-cudnn==9.1",))  # lists CUDA packages, and is built for the processor
    assert refreshed(world, recipe).recipe.releases[0].default == {"x86_64": "cpu"}


def test_a_module_without_a_name_for_a_runtime_says_that_there_is_none(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    for architecture, source in (
        ("x86_64", b"build = {'cuda': '12.5.1'}"),
        ("aarch64", b"build = {'compiler': 'clang'}"),
    ):
        tag = f"cp312-cp312-manylinux_2_28_{architecture}"
        needs = ("cuda-toolkit==12.5.1; extra == 'cuda'",)
        write_wheel(world.files, "frame", "1.0", tag, members={"frame/build.py": source}, requires=needs)
    # A wheel of nothing but requirements, as TensorFlow has had for aarch64.
    write_wheel(world.files, "frame", "0.9", "cp312-cp312-manylinux_2_28_aarch64", requires=needs)
    module = ModuleRow(path="frame/build.py", runtimes={"cuda": "cuda"})
    also = AlsoRow(variant="cu{major}", runtime="cuda", extra="cuda", modules=(module,))
    derive = DeriveRow(source="wheels", releases=">=0.9", runtimes=recipe.derive.runtimes, also=(also,))
    row, older = refreshed(world, msgspec.structs.replace(recipe, derive=derive)).recipe.releases
    assert older.also == {}
    assert (row.default, row.also) == ({"x86_64": "cpu", "aarch64": "cpu"}, {"x86_64": ("cu12",)})


def test_a_row_reaches_over_releases_that_lack_its_build(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8", uploaded="2026-01-01")
    world.release("1.1", cuda="13.0", uploaded="2026-02-01")
    world.release("1.2", cuda="12.8", uploaded="2026-03-01")
    rows = [row for row in refreshed(world, recipe).recipe.variants if row.derived]
    assert [(row.variant, row.releases) for row in rows] == [("cu130", ">=1.1,<1.2"), ("cu128", ">=1.0")]


def test_the_floor_of_required_packages_counts_and_a_missing_one_is_shouted(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    write_wheel(world.files, "nvidia-cudnn", "9.1", "py3-none-manylinux_2_34_x86_64")
    write_wheel(world.files, "nvidia-cudnn", "9.1", "py3-none-manylinux_2_40_aarch64")
    world.release("1.0", cuda="13.0", requires=("nvidia-cudnn==9.1", "nvidia-gone==0.0.1"))
    result = refreshed(world, recipe)
    assert result.recipe.releases[0].libc == {"x86_64": "2.34"}
    assert "!1.0 REQUIRES WHAT THE INDEX DOES NOT HAVE on x86_64: nvidia-gone==0.0.1" in said(result)


def test_the_runtime_is_known_by_the_toolkit_and_by_its_parts(world: World, recipe: Recipe, write_wheel: Write) -> None:
    parts = {"12.6.3": "12.6.77", "12.8.1": "12.8.90"}
    for version, part in parts.items():
        needs = (f"nvidia-cuda-runtime-cu12=={part}.*; extra == 'all' or extra == 'cudart'",)
        write_wheel(world.files, "cuda-toolkit", version, requires=needs)
        write_wheel(world.files, "nvidia-cuda-runtime-cu12", part, "py3-none-manylinux_2_31_x86_64")
    tag = "cp312-cp312-manylinux_2_28_x86_64"
    write_wheel(world.files, "frame", "1.0", tag, requires=("nvidia-cuda-runtime-cu12==12.8.90",))
    write_wheel(world.files, "frame", "1.1", tag, requires=("cuda-toolkit[cudart]==12.6.3",))
    derive = msgspec.structs.replace(recipe.derive, modules=(), binaries=())
    releases = refreshed(world, msgspec.structs.replace(recipe, derive=derive)).recipe.releases
    assert [(row.version, row.default["x86_64"], row.libc["x86_64"]) for row in releases] == [
        ("1.1", "cu126", "2.31"),
        ("1.0", "cu128", "2.31"),
    ]


def test_companions_are_paired_by_requirement_by_pin_and_by_date(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    dates = {"1.0": "2026-01-01", "1.1": "2026-02-01", "1.2": "2026-03-01"}
    for version, day in dates.items():
        world.release(version, requires=(f"core<={version},>=1.0",), uploaded=day)
        write_wheel(world.files, "core", version)
    for version, needs, day in (
        ("5.0", "frame==1.0", "2026-01-01"),
        ("5.1", "frame==1.1", "2026-02-01"),
        ("6.0", "frame>=1.2", "2026-03-05"),
    ):
        path = write_wheel(world.files, "vision", version, "cp312-cp312-manylinux_2_28_x86_64", requires=(needs,))
        world.server.uploaded[path.name] = day
    path = write_wheel(world.files, "audio", "1.0")
    world.server.uploaded[path.name] = "2026-01-20"
    companions = tuple(CompanionRow(package=name, extra=name) for name in ("core", "vision", "audio"))
    rows = refreshed(world, msgspec.structs.replace(recipe, companions=companions)).recipe.releases
    assert [row.packages for row in rows] == [
        {"core": "1.2", "vision": "6.0", "audio": "1.0"},
        {"core": "1.1", "vision": "5.1", "audio": "1.0"},
        {"core": "1.0", "vision": "5.0", "audio": "1.0"},
    ]
    assert rows[0].packages_pythons == {"vision": ("3.12",)}


def test_a_companion_without_an_upper_end_is_one_of_the_release_s_day(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    world.release("1.0", requires=("core>=1.0",), uploaded="2026-01-10")
    world.release("1.1", requires=("core>=3.0",), uploaded="2026-01-10")
    for version, day in (("1.0", "2026-01-01"), ("2.0", "2026-01-10"), ("3.0", "2026-02-01")):
        world.server.uploaded[write_wheel(world.files, "core", version).name] = day
    companions = (CompanionRow(package="core", extra="core"),)
    rows = refreshed(world, msgspec.structs.replace(recipe, companions=companions)).recipe.releases
    assert [row.packages for row in rows] == [{"core": "3.0"}, {"core": "2.0"}]


def test_a_companion_in_any_version_goes_with_the_companion_before_it(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    world.release("1.0", requires=("core==2.0", "vision"), uploaded="2026-03-01")
    world.release("1.1", requires=("core==2.1", "vision"), uploaded="2026-03-02")
    for version, day in (("2.0", "2026-01-01"), ("2.1", "2026-02-01"), ("2.2", "2026-02-20")):
        world.server.uploaded[write_wheel(world.files, "core", version).name] = day
    for version, needs, day in (
        ("5.0", "core==2.0", "2026-01-01"),
        ("5.1", "core>=2.1", "2026-02-02"),
        ("5.2", "core>=2.1", "2026-02-21"),
    ):
        world.server.uploaded[write_wheel(world.files, "vision", version, requires=(needs,)).name] = day
    companions = tuple(CompanionRow(package=name, extra=name) for name in ("core", "vision"))
    rows = refreshed(world, msgspec.structs.replace(recipe, companions=companions)).recipe.releases
    assert [row.packages for row in rows] == [{"core": "2.1", "vision": "5.1"}, {"core": "2.0", "vision": "5.0"}]


def test_a_package_of_python_only_has_the_pythons_of_its_binary_companion(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    write_wheel(world.files, "frame", "1.0", requires=("core==1.0",))
    world.server.requires["frame-1.0-py3-none-any.whl"] = ">=3.12"
    for python in ("cp311-cp311", "cp312-cp312", "cp313-cp313t"):
        write_wheel(world.files, "core", "1.0", f"{python}-manylinux_2_27_x86_64")
    derive = DeriveRow(source="wheels", releases=">=1", wheels="core")
    recipe = msgspec.structs.replace(recipe, derive=derive, companions=(CompanionRow(package="core", extra="core"),))
    (row,) = refreshed(world, recipe).recipe.releases
    assert (row.pythons, row.libc, row.default) == (("3.12", "3.13t"), {"x86_64": "2.27"}, {"x86_64": "cpu"})


def test_builds_under_another_name_become_further_variants(
    world: World, recipe: Recipe, write_wheel: Write, elf: Make, device_code: Make
) -> None:
    tag = "cp312-cp312-manylinux_2_31_x86_64"
    for version, machine, day in (("1.0", (70, 90), "2026-01-11"), ("1.1", (90, 120), "2026-02-11")):
        world.release(version, pythons=("cp312-cp312",), uploaded=day)
        members = {"frame/lib/cuda.so": elf(device_code(machine))}
        write_wheel(world.files, "frame-gpu", version, tag, members=members, requires=("nvidia-x==1;extra=='cuda'",))
    write_wheel(world.files, "nvidia-x", "1", "py3-none-manylinux_2_34_x86_64")
    also = AlsoRow(
        variant="cu{major}",
        runtime="cuda",
        package="frame-gpu",
        version="12",
        extra="cuda",
        binaries=(BinaryRow(member="frame/lib/cuda.so", tells="code"),),
    )
    recipe = msgspec.structs.replace(recipe, derive=msgspec.structs.replace(recipe.derive, also=(also,)))
    result = refreshed(world, recipe)
    assert [row.also for row in result.recipe.releases] == [{"x86_64": ("cu12",)}] * 2
    assert [row.default for row in result.recipe.releases] == [{"x86_64": "cpu"}] * 2
    new, old = (row for row in result.recipe.variants if row.derived)
    assert (new.variant, new.package, new.extra, new.vendor) == ("cu12", "frame-gpu", "cuda", "nvidia")
    assert (new.releases, new.architectures, new.libc) == (">=1.1", ("sm_90", "sm_120"), "2.34")
    assert (old.releases, old.architectures) == (">=1.0,<1.1", ("sm_70", "sm_90"))
    assert "!1.1 LOST ARCHITECTURE sm_70 on x86_64: cu12 → cu12" in said(result)
    again = refreshed(world, result.recipe)
    assert (again.recipe, again.changes) == (result.recipe, ())


def test_builds_of_a_plugin_are_found_by_what_the_extra_requires(
    world: World, recipe: Recipe, write_wheel: Write, elf: Make, device_code: Make
) -> None:
    write_wheel(
        world.files, "frame", "1.0", "cp312-cp312-manylinux_2_28_x86_64", requires=("plug<=0.9;extra=='cuda13'",)
    )
    for version, machine in (("0.9", (75,)), ("1.0", (90,))):
        members = {"plug/cuda.so": elf(device_code(machine))}
        write_wheel(world.files, "plug", version, "py3-none-manylinux_2_27_x86_64", members=members)
    binary = BinaryRow(member="plug/*.so", tells="code")
    rows = (
        AlsoRow(variant="cuda{major}", runtime="cuda", extra="cuda13", wheels="plug", version="13", binaries=(binary,)),
        AlsoRow(variant="cuda{major}", runtime="cuda", extra="cuda12", wheels="plug", version="12", binaries=(binary,)),
        AlsoRow(variant="cuda11", runtime="cuda", package="gone", version="11"),
    )
    derive = msgspec.structs.replace(recipe.derive, modules=(), binaries=(), requirements=(), also=rows)
    result = refreshed(world, msgspec.structs.replace(recipe, derive=derive))
    assert result.recipe.releases[0].also == {"x86_64": ("cuda13",)}
    (row,) = (row for row in result.recipe.variants if row.derived)
    assert (row.extra, row.package, row.architectures) == ("cuda13", None, ("sm_75",))
    assert [gap.fact for gap in result.gaps] == ["variant cuda11"]


def test_ranges_for_other_recipes_are_taken_from_the_requirements(world: World, recipe: Recipe) -> None:
    world.release("1.0", requires=("torch==2.9.1", "numpy>=1"))
    derive = DeriveRow(source="wheels", releases=">=1", requires=("torch", "transformers"))
    recipe = refreshed(world, msgspec.structs.replace(recipe, derive=derive)).recipe
    assert recipe.releases[0].requires == {"torch": "==2.9.1"}
    world.release("1.1", requires=("torch==2.10.0",), uploaded="2026-02-01")
    assert "requires torch ==2.9.1 → ==2.10.0" in said(refreshed(world, recipe))[0]


def test_a_range_that_only_an_extra_requires_is_read_with_the_extra(world: World, recipe: Recipe) -> None:
    world.release("1.0", requires=("torch>=2.6; extra == 'torch'",))
    derive = DeriveRow(source="wheels", releases=">=1", requires=("torch",))
    plain = refreshed(world, msgspec.structs.replace(recipe, derive=derive)).recipe
    assert plain.releases[0].requires == {}
    derive = msgspec.structs.replace(derive, requires_extra="torch")
    asked = refreshed(world, msgspec.structs.replace(recipe, derive=derive)).recipe
    assert asked.releases[0].requires == {"torch": ">=2.6"}


def test_a_measured_floor_goes_over_to_the_next_release_and_a_named_one_does_not(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    world.release("1.0", libc="manylinux_2_17")
    recipe = msgspec.structs.replace(recipe, derive=DeriveRow(source="wheels", releases=">=1"))
    known = refreshed(world, recipe).recipe.releases[0]
    world.release("1.1", libc="manylinux_2_5", uploaded="2026-02-01")
    write_wheel(world.files, "frame", "1.2")
    for floor, expected in (("2.17", "2.5"), ("2.31", "2.31")):
        row = msgspec.structs.replace(known, libc={"x86_64": floor})
        rows = refreshed(world, msgspec.structs.replace(recipe, releases=(row,))).recipe.releases
        assert rows[1].libc == {"x86_64": expected}
    assert rows[0].libc == {"x86_64": "2.31"}


def test_a_new_release_has_no_further_build_of_the_one_before_that_is_read_and_not_there(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    world.release("1.0")
    world.release("1.1", uploaded="2026-02-01")
    write_wheel(world.files, "frame-gpu", "1.0", "cp312-cp312-manylinux_2_28_x86_64")
    also = AlsoRow(variant="cu{major}", runtime="cuda", package="frame-gpu", version="12.0")
    derive = DeriveRow(source="wheels", releases=">=1", runtimes=recipe.derive.runtimes, also=(also,))
    recipe = msgspec.structs.replace(recipe, derive=derive)
    known = refreshed(world, recipe).recipe.releases[1]
    assert known.also == {"x86_64": ("cu12",)}
    row = msgspec.structs.replace(known, also={"x86_64": ("cu12", "npu")})
    recipe = msgspec.structs.replace(recipe, releases=(row,))
    assert [row.also for row in refreshed(world, recipe).recipe.releases] == [
        {"x86_64": ("npu",)},
        {"x86_64": ("cu12", "npu")},
    ]
    write_wheel(world.files, "frame-gpu", "1.1", "cp312-cp312-manylinux_2_28_x86_64")
    assert refreshed(world, recipe).recipe.releases[0].also == {"x86_64": ("cu12", "npu")}


def test_where_only_the_list_of_files_is_read_a_new_release_is_as_the_one_before(world: World, recipe: Recipe) -> None:
    known = ReleaseRow(
        version="1.0",
        released="2026-01-01",
        pythons=("3.12", "3.13"),
        source="people",
        libc={"x86_64": "2.28"},
        default={"x86_64": "cu128"},
        also={"x86_64": ("cpu",)},
        derived=True,
    )
    outside = msgspec.structs.replace(known, version="0.9")
    world.release("1.0")
    world.release("1.1", uploaded="2026-02-01", architectures=("x86_64", "aarch64"))
    recipe = msgspec.structs.replace(
        recipe,
        derive=DeriveRow(source="wheels", releases=">=1"),
        releases=(known, outside),
        variants=(msgspec.structs.replace(CU128, releases=">=0.9,<1.1"), *recipe.variants),
    )
    result = refreshed(world, recipe)
    new, *others = result.recipe.releases
    assert others == [known, outside]
    assert (new.default, new.also) == ({"x86_64": "cu128", "aarch64": "cpu"}, {"x86_64": ("cpu",)})
    assert said(result)[-1] == "1.1 no row of `variants` covers cu128 on x86_64"


def test_wheels_that_name_no_python_bring_no_python_that_nobody_has_tried(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    write_wheel(world.files, "frame", "1.0")
    world.server.requires["frame-1.0-py3-none-any.whl"] = ">=3.11"
    recipe = msgspec.structs.replace(recipe, derive=DeriveRow(source="wheels", releases=">=1"))
    first = refreshed(world, recipe).recipe.releases[0]
    assert {"3.11", "3.12"} < set(first.pythons)
    tried = msgspec.structs.replace(first, pythons=("3.10", "3.11", "3.12"))
    for version in ("1.1", "1.2"):
        write_wheel(world.files, "frame", version)
    world.server.requires["frame-1.2-py3-none-any.whl"] = ">=3.12"
    rows = refreshed(world, msgspec.structs.replace(recipe, releases=(tried,))).recipe.releases
    assert [row.pythons for row in rows] == [("3.12",), ("3.11", "3.12"), ("3.11", "3.12")]


def test_a_new_release_of_a_recipe_with_own_indexes_asks_for_a_person(world: World, recipe: Recipe) -> None:
    world.release("1.0")
    index = IndexRow(name="own-{variant}", url="http://own.example/{variant}", packages=("frame",), source="people")
    assert said(refreshed(world, msgspec.structs.replace(recipe, indexes=(index,))))[-1] == (
        "1.0 the variants on the recipe's own indexes are not known: set `indexed`"
    )


@pytest.mark.parametrize("html", [False, True])
def test_nothing_new_is_one_request_for_each_project(
    world: World, recipe: Recipe, write_wheel: Write, *, html: bool
) -> None:
    world.release("1.0", cuda="12.8", requires=("nvidia-cudnn==9.1",))
    write_wheel(world.files, "nvidia-cudnn", "9.1")
    write_wheel(world.files, "vision", "5.0", requires=("frame==1.0",))
    recipe = msgspec.structs.replace(recipe, companions=(CompanionRow(package="vision", extra="vision"),))
    recipe = refreshed(world, recipe).recipe
    world.server.seen.clear()
    world.server.html = html
    world.read.clear()
    assert refreshed(world, recipe).recipe == recipe
    assert sorted(world.server.seen) == ["/simple/frame/", "/simple/vision/"]
    assert world.read == []


def test_a_listing_that_the_server_knows_unchanged_is_not_sent_again(world: World, recipe: Recipe) -> None:
    world.release("1.0")
    world.server.etags = True
    recipe = refreshed(world, recipe).recipe
    session = world.session()
    assert refresh_recipe(recipe, world.facts(), session.reader).recipe == recipe
    assert (session.requests, session.bytes) == (1, 0)


def test_offline_takes_what_was_read_before_and_asks_nobody(world: World, recipe: Recipe) -> None:
    with pytest.raises(IndexUnreachableError, match="nothing is remembered of `frame`"):
        refresh_recipe(recipe, world.facts(), world.session(offline=True).reader)
    world.release("1.0", cuda="12.8")
    expected = refreshed(world, recipe).recipe
    world.server.seen.clear()
    assert refresh_recipe(recipe, world.facts(), world.session(offline=True).reader).recipe == expected
    assert world.server.seen == []


def test_an_interrupted_refresh_goes_on_where_it_was(world: World, recipe: Recipe) -> None:
    for number in range(40):
        world.release(f"1.{number}", cuda="12.8", pythons=("cp312-cp312",))
    session = world.session()
    read: list[str] = []

    def stop_at_five(name: str) -> None:
        read.append(name)
        if len(read) == 5:
            raise KeyboardInterrupt

    session.reader._progress = stop_at_five  # noqa: SLF001 - an interrupt at a known place
    with pytest.raises(KeyboardInterrupt):
        refresh_recipe(recipe, world.facts(), session.reader)
    time.sleep(0.5)  # what was in work ends
    done = {path.split("/")[-1] for path in world.server.seen if path.startswith("/files")}
    assert 5 <= len(done) < 40
    world.server.seen.clear()
    assert len(refreshed(world, recipe).recipe.releases) == 40
    again = {path.split("/")[-1] for path in world.server.seen if path.startswith("/files")}
    assert not done & again
    assert len(done | again) == 40


def test_at_most_eight_connections_are_open() -> None:
    busy: set[int] = set()
    most = 0
    lock = threading.Lock()

    def work(item: int) -> int:
        nonlocal most
        with lock:
            busy.add(item)
            most = max(most, len(busy))
        time.sleep(0.01)
        with lock:
            busy.discard(item)
        return item * 2

    assert work_through(range(40), work, lambda _: None) == {item: item * 2 for item in range(40)}
    assert most == CONNECTIONS == 8


@pytest.mark.parametrize("damage", ["truncated", "noise", "module", "no-metadata"])
def test_a_damaged_wheel_of_a_new_release_is_a_gap(
    world: World, recipe: Recipe, write_wheel: Write, damage: str
) -> None:
    world.release("1.0", cuda="12.8")
    world.release("1.1", cuda="12.8", pythons=("cp312-cp312",))
    (path,) = world.files.glob("frame-1.1-*")
    tag = path.stem.split("-", 2)[2]
    match damage:
        case "truncated":
            path.write_bytes(path.read_bytes()[:-40])
        case "noise":
            path.write_bytes(b"no zip file " * 100)
        case "module":
            path = write_wheel(world.files, "frame", "1.1", tag, members={"frame/version.py": b"("})
        case _:
            path = write_wheel(world.files, "frame", "1.1", tag)
            path.write_bytes(path.read_bytes().replace(b"METADATA", b"METEDATA"))
    result = refreshed(world, recipe)
    assert [row.version for row in result.recipe.releases] == ["1.0"]
    first, second = result.gaps
    assert (first.fact, first.source) == ("1.1 x86_64", path.name)
    assert second.reason == "not recorded: its wheels for x86_64 could not be read"


def test_a_server_without_ranges_is_a_gap_and_known_rows_stay(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8")
    recipe = refreshed(world, recipe).recipe
    world.release("1.1", cuda="12.8")
    world.server.ranges = False
    result = refreshed(world, recipe)
    assert result.recipe == recipe
    assert "the server does not serve parts of files" in result.gaps[0].reason


def test_html_has_no_dates_so_that_a_new_release_is_a_gap(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8")
    world.server.html = True
    result = refreshed(world, recipe)
    assert result.recipe.releases == ()
    assert [gap.reason for gap in result.gaps] == ["not recorded: the index does not say when it was published"]


def test_metadata_that_is_served_beside_a_wheel_is_taken_from_there(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    world.release("1.0", requires=("core==1",))
    write_wheel(world.files, "core", "1")
    world.server.metadata = True
    derive = DeriveRow(source="wheels", releases=">=1")
    recipe = msgspec.structs.replace(recipe, derive=derive, companions=(CompanionRow(package="core", extra="core"),))
    assert refreshed(world, recipe).recipe.releases[0].packages == {"core": "1"}
    files = [path for path in world.server.seen if path.startswith("/files")]
    assert files == ["/files/frame-1.0-cp312-cp312-manylinux_2_28_x86_64.whl.metadata"]


def test_an_index_without_the_package_and_a_recipe_without_a_way_are_errors(
    world: World, recipe: Recipe, write_wheel: Write
) -> None:
    with pytest.raises(DataError, match="the index has no project `frame`"):
        refreshed(world, recipe)
    write_wheel(world.files, "frame", "1.0+cu126", "cp312-cp312-manylinux_2_28_x86_64", members={"x": b""})
    with pytest.raises(DataError, match="no release of `frame` that the recipe wants") as caught:
        refreshed(world, recipe)
    assert "local versions" in caught.value.hints[0]
    with pytest.raises(DataError, match="field missing: `derive` of frame"):
        refreshed(world, msgspec.structs.replace(recipe, derive=None))
    with pytest.raises(DataError, match="not one of its sources: nobody"):
        refreshed(
            world, msgspec.structs.replace(recipe, derive=msgspec.structs.replace(recipe.derive, source="nobody"))
        )


def test_hostile_texts_of_an_index_do_not_reach_the_recipe(world: World, recipe: Recipe, tmp_path: Path) -> None:
    world.release("1.0")
    world.server.yanked["frame-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"] = "a\x1b[31mb"
    world.server.extra = [
        {"filename": "frame-9.9-py3-none-any.whl\u202e", "url": "x"},
        {"filename": "frame-9.8-py3-none-any.whl", "url": "file:///etc/passwd", "upload-time": "2026-01-01T00:00:00Z"},
    ]
    result = refreshed(world, recipe)
    assert [row.version for row in result.recipe.releases] == ["1.0"]
    assert "not an address that files are read from" in result.gaps[0].reason
    decode_document(canonical_document(result.recipe), str(tmp_path / "frame.yaml"), Recipe)
