"""One rule at a time, on a hand-made matrix."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from envkit.errors import BadSpecError, DataError, UnknownRecipeError, UsageError
from envkit.model.availability import Availability, Constraint, ImageState, IndexState, Refusal
from envkit.model.host import (
    ContainerEngine,
    Cpu,
    Device,
    Finding,
    HostFacts,
    Libc,
    OperatingSystem,
    Python,
    Runtime,
    Severity,
    Stack,
)
from envkit.model.matrix import Matrix
from envkit.model.recipe import Denied, ReleaseRow
from envkit.model.request import Mode
from envkit.model.resolution import Check, Chosen, Resolution, Status, Verdict
from envkit.model.vendor import ArchitectureRow
from envkit.resolve.checks.host import with_article

Ask = Callable[..., Resolution]
MakeRelease = Callable[..., ReleaseRow]
MakeMatrix = Callable[..., Matrix]

CPU_HOST = HostFacts(cpu=Cpu(architecture="x86_64"), devices=())


def gpu_host(architecture: str | None, driver: str | None, **stack: object) -> HostFacts:
    return HostFacts(
        os=OperatingSystem(system="linux", wsl=False),
        cpu=Cpu(architecture="x86_64"),
        devices=(Device(vendor="nvidia", index=0, architecture=architecture),),
        stacks=(Stack(vendor="nvidia", driver=driver, **stack),),
    )


def chosen_of(resolution: Resolution) -> Chosen:
    assert resolution.chosen is not None
    return resolution.chosen


def check_of(resolution: Resolution, rule: str) -> Check:
    return next(check for check in resolution.checks if check.rule == rule)


@pytest.fixture
def cuda(make_matrix: MakeMatrix, make_release: MakeRelease) -> Matrix:
    return make_matrix(make_release("2.0", default={"x86_64": "cu128"}, indexed=("cpu",)))


@pytest.mark.parametrize("architecture", ["sm_80", "sm_86"])
def test_machine_code_serves_the_same_major_upwards(ask_in: Ask, cuda: Matrix, architecture: str) -> None:
    resolution = ask_in(cuda, gpu_host(architecture, "535.54.03"), "toy", on="nvidia")
    assert resolution.status is Status.OK
    assert check_of(resolution, "device-architecture").reason.endswith("with machine code")


def test_an_older_device_is_served_neither_by_code_nor_by_ptx(ask_in: Ask, cuda: Matrix) -> None:
    resolution = ask_in(cuda, gpu_host("sm_75", "570.26"), "toy", on="nvidia")
    assert [entry.rule for entry in resolution.rejected] == ["device-architecture"]


def test_ptx_needs_the_driver_of_the_exact_runtime(ask_in: Ask, cuda: Matrix) -> None:
    old = ask_in(cuda, gpu_host("sm_90", "535.54.03"), "toy", on="nvidia")
    new = ask_in(cuda, gpu_host("sm_90", "570.26"), "toy", on="nvidia")
    assert old.rejected[0].reason == "PTX of cuda 12.8 needs driver >=570.26; host has 535.54.03"
    assert (new.status, chosen_of(new).driver_range) == (Status.OK, ">=570.26")


def test_a_driver_that_names_its_runtime_needs_no_number(ask_in: Ask, cuda: Matrix) -> None:
    host = gpu_host("sm_80", None, runtime_ceiling=Runtime(name="cuda", version="12.4"))
    assert check_of(ask_in(cuda, host, "toy"), "driver-floor").verdict is Verdict.PASS


def test_under_wsl_the_windows_floor_counts(ask_in: Ask, cuda: Matrix) -> None:
    def on_wsl(driver: str) -> Resolution:
        linux = gpu_host("sm_80", driver)
        host = HostFacts(os=OperatingSystem(system="linux", wsl=True), devices=linux.devices, stacks=linux.stacks)
        return ask_in(cuda, host, "toy", on="nvidia")

    assert on_wsl("527.41").rejected[0].reason == "cuda 12.8 needs driver >=528.33; host has 527.41"
    assert chosen_of(on_wsl("573.76")).driver_range == ">=528.33"


@pytest.mark.parametrize("wheel", ["sm_80", "sm_87"])
def test_the_architecture_row_says_what_an_embedded_board_is(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease, wheel: str
) -> None:
    matrix = make_matrix(make_release("2.0", default={"x86_64": "cu128"}))
    board = ArchitectureRow(architecture="sm_87", generation="Toy", source="toy", tegra=True, first_driver="600")
    (toy,), (nvidia,) = matrix.recipes, matrix.vendors
    variants = tuple(replace(row, architectures=(wheel,), ptx=()) for row in toy.variants if row.vendor == "nvidia")
    edited = replace(
        matrix,
        recipes=(replace(toy, variants=variants),),
        vendors=(replace(nvidia, architectures=(board,)),),
    )
    resolution = ask_in(edited, gpu_host("sm_87", "540.4.0"), "toy", on="nvidia")
    if wheel == "sm_80":
        assert [entry.rule for entry in resolution.rejected] == ["device-architecture"]
    else:
        assert check_of(resolution, "driver-floor").verdict is Verdict.UNKNOWN
        assert chosen_of(resolution).driver_range is None


def test_the_module_of_embedded_boards_marks_their_driver_as_not_comparable(ask_in: Ask, cuda: Matrix) -> None:
    board = Device(vendor="nvidia", index=0, architecture="sm_80", kernel_driver="nvgpu")
    host = HostFacts(cpu=Cpu(architecture="x86_64"), devices=(board,), stacks=(Stack(vendor="nvidia", driver="1.0"),))
    assert check_of(ask_in(cuda, host, "toy", on="nvidia"), "driver-floor").verdict is Verdict.UNKNOWN


def test_a_device_that_no_table_knows_counts_where_its_driver_serves_a_runtime(ask_in: Ask, cuda: Matrix) -> None:
    served = ask_in(cuda, gpu_host("sm_207", "570.26"), "toy")
    unserved = ask_in(cuda, gpu_host("sm_207", None), "toy")
    assert (chosen_of(served).vendor, served.status) == ("nvidia", Status.OK)
    assert (chosen_of(unserved).vendor, unserved.status) == ("cpu", Status.OK)


def test_an_unknown_architecture_degrades_with_what_was_assumed(ask_in: Ask, cuda: Matrix) -> None:
    resolution = ask_in(cuda, gpu_host(None, "570.26"), "toy", on="nvidia")
    assert resolution.status is Status.DEGRADED
    assert "architecture of device 0 is not known; assumed" in check_of(resolution, "device-architecture").reason


def test_devices_that_are_not_there_are_refused(ask_in: Ask, cuda: Matrix) -> None:
    resolution = ask_in(cuda, gpu_host("sm_80", "570.26"), "toy", on="nvidia", devices=(3,))
    assert resolution.rejected[0].reason == "needs NVIDIA device 3; host has NVIDIA device 0"


def test_an_unusable_device_is_refused_with_the_cause_that_detection_found(ask_in: Ask, cuda: Matrix) -> None:
    device = Device(vendor="nvidia", index=0, architecture="sm_80", usable=False)
    finding = Finding(
        id="x", severity=Severity.ERROR, fact="devices[0]", evidence="", cause="no driver", remedy=("apt install it",)
    )
    host = HostFacts(cpu=Cpu(architecture="x86_64"), devices=(device,), findings=(finding,))
    resolution = ask_in(cuda, host, "toy", on="nvidia")
    assert resolution.rejected[0].reason == "device 0 cannot be used as things are: no driver"
    assert resolution.blame[0].fact == "platform"
    assert "mend the device: apt install it" in resolution.remedies[0].text


def test_unknown_devices_degrade_the_processor_build(ask_in: Ask, cuda: Matrix) -> None:
    resolution = ask_in(cuda, HostFacts(cpu=Cpu(architecture="x86_64")), "toy")
    assert (resolution.status, chosen_of(resolution).vendor) == (Status.DEGRADED, "cpu")


def test_an_unknown_processor_is_assumed(ask_in: Ask, cuda: Matrix) -> None:
    assert check_of(ask_in(cuda, HostFacts(devices=()), "toy"), "cpu-architecture").verdict is Verdict.UNKNOWN


def test_another_vendors_build_comes_after_every_processor_build(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    newer = make_release("3.0", default={"x86_64": "cu128"})
    assert chosen_of(ask_in(make_matrix(newer, make_release("2.0")), CPU_HOST, "toy")).packages["toy"] == "2.0"
    alone = ask_in(make_matrix(newer), CPU_HOST, "toy")
    assert (alone.status, chosen_of(alone).variant) == (Status.OK, "cu128")
    assert "much larger download" in chosen_of(alone).notes[0]


def test_prereleases_are_never_taken(ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease) -> None:
    matrix = make_matrix(make_release("2.0"), make_release("3.0rc1"), make_release("3.0.dev1"))
    assert chosen_of(ask_in(matrix, CPU_HOST, "toy")).packages["toy"] == "2.0"


def test_a_young_release_waits_unless_it_is_pinned(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    matrix = make_matrix(make_release("2.0"), make_release("2.1", released="2026-11-16"))
    waiting = ask_in(matrix, CPU_HOST, "toy")
    assert (chosen_of(waiting).packages["toy"], waiting.rejected[0].rule) == ("2.0", "release-age")
    assert ask_in(matrix, CPU_HOST, "toy==2.1.*").status is Status.UNSATISFIABLE
    assert chosen_of(ask_in(matrix, CPU_HOST, "toy==2.1")).packages["toy"] == "2.1"


def test_a_release_of_exactly_the_settling_time_is_taken(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    matrix = make_matrix(make_release("2.0"), make_release("2.1", released="2026-11-15"))
    assert chosen_of(ask_in(matrix, CPU_HOST, "toy")).packages["toy"] == "2.1"


def test_a_withdrawn_release_is_refused_unless_it_is_pinned(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    matrix = make_matrix(make_release("2.0"), make_release("2.1", yanked="broken"))
    resolution = ask_in(matrix, CPU_HOST, "toy")
    assert (chosen_of(resolution).packages["toy"], resolution.rejected[0].rule) == ("2.0", "yanked")
    assert chosen_of(ask_in(matrix, CPU_HOST, "toy==2.1")).packages["toy"] == "2.1"


def test_denied_versions_and_packages_are_refused(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    denied = (
        Denied(package="toy", reason="it burns", source="toy", versions="==2.1"),
        Denied(package="toy-look-alike", reason="not ours", source="toy"),
    )
    matrix = make_matrix(make_release("2.0"), make_release("2.1"), denied=denied)
    assert chosen_of(ask_in(matrix, CPU_HOST, "toy")).packages["toy"] == "2.0"
    refused = ask_in(matrix, CPU_HOST, "toy", packages=("toy_look_alike>=1",))
    assert "`toy-look-alike` is denied: not ours" in {entry.reason for entry in refused.rejected}
    assert [remedy.kind for remedy in refused.remedies] == ["drop-package"]


def test_default_companions_are_pinned_and_open_ones_required(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    versions = {"toyvision": "0.2", "toyaudio": "0.3"}
    matrix = make_matrix(make_release("2.0", packages=versions))
    plain, with_audio = (chosen_of(ask_in(matrix, CPU_HOST, spec)) for spec in ("toy", "toy[audio]"))
    assert plain.packages == {"toy": "2.0", "toyvision": "0.2"}
    assert plain.requirements == ("numpy",)
    assert with_audio.packages == {"toy": "2.0", "toyvision": "0.2", "toyaudio": "0.3"}


def test_a_default_companion_without_a_wheel_for_the_python_is_left_out_with_a_note(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    versions, pythons = {"toyvision": "0.2"}, {"toyvision": ("3.12",)}
    matrix = make_matrix(make_release("2.0", packages=versions, packages_pythons=pythons))
    older = chosen_of(ask_in(matrix, CPU_HOST, "toy", python="3.11"))
    assert older.packages == {"toy": "2.0"}
    assert older.notes == (
        "`toyvision` was left out: toyvision 0.2 has no wheel for Python 3.11; `toy[vision]` requires it",
    )
    preferred = chosen_of(ask_in(matrix, CPU_HOST, "toy"))
    assert (preferred.python, preferred.packages) == ("3.12", {"toy": "2.0", "toyvision": "0.2"})


def test_a_companion_that_was_asked_for_refuses_the_pythons_it_has_no_wheel_for(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    pythons = {"toyvision": ("3.11",)}
    matrix = make_matrix(make_release("2.0", packages={"toyvision": "0.2"}, packages_pythons=pythons))
    assert chosen_of(ask_in(matrix, CPU_HOST, "toy[vision]")).python == "3.11"
    refused = ask_in(matrix, CPU_HOST, "toy[vision]", python="3.12")
    assert "wheels of toyvision 0.2 are for Python 3.11; here is 3.12" in {entry.reason for entry in refused.rejected}
    assert [(blame.fact, blame.needed) for blame in refused.blame] == [("python", "Python 3.11")]
    assert {remedy.command for remedy in refused.remedies} == {
        "envkit up 'toy[vision]' --engine docker --python 3.11",
        "envkit up toy --engine docker --python 3.12",
    }


def test_a_constraint_on_a_companion_that_is_left_out_refuses_nothing(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    pythons = {"toyvision": ("3.12",)}
    matrix = make_matrix(make_release("2.0", packages={"toyvision": "0.2"}, packages_pythons=pythons))
    availability = Availability(constraints=(Constraint(requirement="toyvision<0.1", source="c.txt:1"),))
    assert chosen_of(ask_in(matrix, CPU_HOST, "toy", availability=availability)).python == "3.11"


def test_builds_for_another_processor_never_give_way_to_a_silent_processor_build(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    release = make_release("2.0", default={"x86_64": "cu128", "aarch64": "cpu"}, indexed=("cpu",))
    matrix = make_matrix(release)
    (toy,) = matrix.recipes
    both = ("x86_64", "aarch64")
    variants = tuple(replace(row, cpu_architectures=both) if row.vendor == "cpu" else row for row in toy.variants)
    edited = replace(matrix, recipes=(replace(toy, variants=variants),))
    facts = gpu_host("sm_80", "570.26")
    host = replace(facts, cpu=Cpu(architecture="aarch64"))
    resolution = ask_in(edited, host, "toy", mode=Mode.NATIVE)
    assert (resolution.status, chosen_of(resolution).vendor) == (Status.DEGRADED, "cpu")
    assert resolution.rejected[0].reason == "wheel is for x86_64; host is aarch64"
    assert [(blame.fact, blame.seen) for blame in resolution.blame] == [("cpu-architecture", "aarch64")]
    assert ask_in(edited, host, "toy", mode=Mode.NATIVE, on="nvidia").status is Status.UNSATISFIABLE


@pytest.mark.parametrize(
    ("title", "text"),
    [("NVIDIA", "an NVIDIA"), ("AWS Neuron", "an AWS Neuron"), ("Intel GPU", "an Intel GPU"), ("MetaX", "a MetaX")],
)
def test_a_vendor_is_named_by_its_title_with_the_right_article(title: str, text: str) -> None:
    assert with_article(title) == text


def test_an_extra_refuses_releases_without_its_companion(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    matrix = make_matrix(make_release("2.1"), make_release("2.0", packages={"toyaudio": "0.3"}))
    resolution = ask_in(matrix, CPU_HOST, "toy[audio]")
    assert (chosen_of(resolution).packages["toy"], resolution.rejected[0].rule) == ("2.0", "extras")


def test_constraints_hold_for_the_main_package_and_companions(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    releases = (make_release(f"2.{n}", packages={"toyvision": f"0.{n}"}) for n in (0, 1, 2))
    constraints = (
        Constraint(requirement="toy<2.2", source="c.txt:1"),
        Constraint(requirement="toyvision!=0.1", source="c.txt:2"),
        Constraint(requirement='toy<1; python_version<"3.8"', source="c.txt:3"),
    )
    resolution = ask_in(make_matrix(*releases), CPU_HOST, "toy", availability=Availability(constraints=constraints))
    assert chosen_of(resolution).packages["toy"] == "2.0"
    assert [entry.reason for entry in resolution.rejected] == [
        "`toy<2.2` from c.txt:1 excludes toy 2.2",
        "`toyvision!=0.1` from c.txt:2 excludes toyvision 0.1",
    ]


def test_a_constraint_that_leaves_nothing_is_blamed_by_file_and_line(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    availability = Availability(constraints=(Constraint(requirement="toy<1", source="/etc/c.txt:4"),))
    resolution = ask_in(make_matrix(make_release("2.0")), CPU_HOST, "toy", availability=availability)
    blame = resolution.blame[0]
    assert (blame.fact, blame.seen, blame.source) == ("package-conflict", "`toy<1`", "/etc/c.txt:4")


def test_further_packages_hold_like_constraints(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    matrix = make_matrix(make_release("2.0"), make_release("2.1"))
    chosen = chosen_of(ask_in(matrix, CPU_HOST, "toy", packages=("toy<2.1", "rich")))
    assert (chosen.packages["toy"], chosen.requirements) == ("2.0", ("numpy", "toy<2.1", "rich"))


def test_own_indexes_are_compared_with_the_label_of_their_wheels(ask_in: Ask, cuda: Matrix) -> None:
    chosen = chosen_of(ask_in(cuda, CPU_HOST, "toy==2.0+cpu"))
    assert (chosen.packages["toy"], chosen.indexes[0].name) == ("2.0", "toy-cpu")


def test_a_mirror_replaces_the_address_of_a_named_index(ask_in: Ask, cuda: Matrix) -> None:
    availability = Availability(index_urls={"toy-cpu": "https://mirror/cpu"})
    assert chosen_of(ask_in(cuda, CPU_HOST, "toy", availability=availability)).indexes[0].url == "https://mirror/cpu"


def test_what_was_not_asked_yet_does_not_degrade(ask_in: Ask, cuda: Matrix) -> None:
    resolution = ask_in(cuda, CPU_HOST, "toy")
    assert resolution.status is Status.OK
    assert check_of(resolution, "index-availability").verdict is Verdict.UNKNOWN
    reachable = Availability(indexes=(IndexState(name="toy-cpu", url="u", reachable=True),))
    asked = ask_in(cuda, CPU_HOST, "toy", availability=reachable)
    assert check_of(asked, "index-availability").verdict is Verdict.PASS


def test_offline_an_index_is_assumed_to_be_cached(ask_in: Ask, cuda: Matrix) -> None:
    resolution = ask_in(cuda, CPU_HOST, "toy", availability=Availability(offline=True))
    assert (resolution.status, check_of(resolution, "offline").verdict) == (Status.DEGRADED, Verdict.UNKNOWN)


def test_a_base_image_out_of_reach_gives_way_to_the_next_python(ask_in: Ask, cuda: Matrix) -> None:
    away = ImageState(image="python:3.12-toy", available=False, reason="401")
    there = ImageState(image="python:3.11-toy", available=True, digest="sha256:1")
    resolution = ask_in(cuda, CPU_HOST, "toy", availability=Availability(images=(away, there)))
    base = chosen_of(resolution).base
    assert base is not None
    assert (base.image, base.digest) == ("python:3.11-toy", "sha256:1")
    assert resolution.rejected[0].reason == "python:3.12-toy cannot be had: 401"


def test_a_refused_candidate_is_not_chosen_again(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    matrix = make_matrix(make_release("2.0"), make_release("2.1"))
    first = chosen_of(ask_in(matrix, CPU_HOST, "toy")).candidate
    refusal = Refusal(candidate=first, rule="package-conflict", reason="numpy cannot be both")
    resolution = ask_in(matrix, CPU_HOST, "toy", availability=Availability(refusals=(refusal,)))
    assert chosen_of(resolution).candidate != first
    assert (first, "numpy cannot be both") in {(entry.candidate, entry.reason) for entry in resolution.rejected}


def test_the_host_python_is_preferred_in_order_and_named_with_its_path(ask_in: Ask, cuda: Matrix) -> None:
    pythons = tuple(Python(version=version, path=f"/{version}") for version in ("3.11.7", "3.12.1", "3.12.4", "3.10.2"))
    host = HostFacts(
        os=OperatingSystem(system="linux", libc=Libc(family="glibc", version="2.36")),
        cpu=Cpu(architecture="x86_64"),
        devices=(),
        pythons=pythons,
    )
    resolution = ask_in(cuda, host, "toy", mode=Mode.NATIVE)
    assert (chosen_of(resolution).python, chosen_of(resolution).interpreter) == ("3.12", "/3.12.4")
    older = ask_in(cuda, host, "toy", mode=Mode.NATIVE, python="<3.12")
    assert chosen_of(older).interpreter == "/3.11.7"


def test_a_free_threaded_python_is_only_taken_when_named(ask_in: Ask, cuda: Matrix) -> None:
    host = HostFacts(
        os=OperatingSystem(system="linux", libc=Libc(family="glibc", version="2.36")),
        cpu=Cpu(architecture="x86_64"),
        devices=(),
        pythons=(Python(version="3.13.1", path="/usr/bin/python3.13t"),),
    )
    assert ask_in(cuda, host, "toy", mode=Mode.NATIVE).status is Status.UNSATISFIABLE
    assert chosen_of(ask_in(cuda, host, "toy", mode=Mode.NATIVE, python="3.13t")).python == "3.13t"


def test_a_host_without_python_is_refused_and_offers_a_container(ask_in: Ask, cuda: Matrix) -> None:
    host = HostFacts(cpu=Cpu(architecture="x86_64"), devices=(), pythons=())
    resolution = ask_in(cuda, host, "toy", mode=Mode.NATIVE)
    assert resolution.rejected[0].rule == "python"
    assert "use-container" in {remedy.kind for remedy in resolution.remedies}


@pytest.mark.parametrize(
    ("engines", "engine", "mode"),
    [
        ((ContainerEngine(name="docker", usable=True),), None, Mode.CONTAINER),
        ((ContainerEngine(name="docker", usable=False),), None, Mode.NATIVE),
        ((ContainerEngine(name="docker", usable=True),), "native", Mode.NATIVE),
        (None, "podman", Mode.CONTAINER),
    ],
)
def test_the_mode_follows_the_engines(
    ask_in: Ask, cuda: Matrix, engines: tuple[ContainerEngine, ...] | None, engine: str | None, mode: Mode
) -> None:
    host = HostFacts(cpu=Cpu(architecture="x86_64"), devices=(), engines=engines)
    assert chosen_of(ask_in(cuda, host, "toy", mode=None, engine=engine)).mode is mode


def test_recipes_whose_pins_contradict_take_the_newest_pair_that_agrees(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    toy = make_matrix(make_release("2.0"), make_release("2.1")).recipes[0]
    other = make_matrix(make_release("5.0", packages={"toy": "2.0"})).recipes[0]
    server = type(other)(
        name="server",
        title="Server",
        summary="",
        package="server",
        sources={},
        releases=other.releases,
        variants=other.variants,
        smoke=other.smoke,
        companions=(type(other.companions[0])(package="toy", extra="toy", default=True),),
    )
    matrix = make_matrix(*toy.releases, others=(server,))
    resolution = ask_in(matrix, CPU_HOST, "toy", "server")
    packages = chosen_of(resolution).packages
    assert (packages["toy"], packages["server"]) == ("2.0", "5.0")
    assert resolution.rejected[0].rule == "package-conflict"


def test_names_that_are_not_there_are_usage_errors_with_the_nearest(ask_in: Ask, cuda: Matrix) -> None:
    with pytest.raises(UnknownRecipeError) as recipe:
        ask_in(cuda, CPU_HOST, "tou")
    with pytest.raises(BadSpecError) as extra:
        ask_in(cuda, CPU_HOST, "toy[visoin]")
    with pytest.raises(UsageError) as vendor:
        ask_in(cuda, CPU_HOST, "toy", on="nvidai")
    assert recipe.value.hints == ("did you mean `toy`?",)
    assert extra.value.hints == ("did you mean `vision`?",)
    assert vendor.value.hints == ("did you mean `nvidia`?",)


def test_a_constraint_that_cannot_be_read_names_its_line(ask_in: Ask, cuda: Matrix) -> None:
    broken = Availability(constraints=(Constraint(requirement="toy<=", source="c.txt:9"),))
    with pytest.raises(DataError, match=r"c\.txt:9"):
        ask_in(cuda, CPU_HOST, "toy", availability=broken)
