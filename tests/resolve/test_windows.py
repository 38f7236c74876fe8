"""What builds ask of a host beyond drivers and devices, and what is known not to work, on a hand-made matrix."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from envkit.errors import BadSpecError
from envkit.model.host import Cpu, Device, HostFacts, OperatingSystem, Python, Runtime, Stack
from envkit.model.matrix import Matrix
from envkit.model.recipe import BrokenRow, HostWindow, ReleaseRow
from envkit.model.request import Mode
from envkit.model.resolution import Resolution, Status, Verdict
from envkit.model.vendor import PackageCap
from envkit.resolve.versions import vendor_within

Ask = Callable[..., Resolution]
MakeRelease = Callable[..., ReleaseRow]
MakeMatrix = Callable[..., Matrix]


def host(driver: str | None = "570.26", architecture: str = "sm_90", **stack: object) -> HostFacts:
    return HostFacts(
        os=OperatingSystem(system="linux", id="rocky", version="9.4", kernel="5.14.0-427.el9.x86_64", wsl=False),
        cpu=Cpu(architecture="x86_64", level="x86_64_v2", features=("avx", "sse4_2")),
        devices=(Device(vendor="nvidia", index=0, architecture=architecture),),
        stacks=(Stack(vendor="nvidia", driver=driver, **stack),),
        pythons=(Python(version="3.12.1", path="/p"),),
    )


@pytest.fixture
def with_variant(make_matrix: MakeMatrix, make_release: MakeRelease) -> Callable[..., Matrix]:
    """Make a matrix whose CUDA variant has some fields of its own."""

    def make(**fields: object) -> Matrix:
        matrix = make_matrix(make_release("2.0", default={"x86_64": "cu128"}, libc={}, indexed=("cpu",)))
        (toy,) = matrix.recipes
        variants = tuple(replace(row, **fields) if row.vendor == "nvidia" else row for row in toy.variants)
        return replace(matrix, recipes=(replace(toy, variants=variants),))

    return make


Vary = Callable[..., Matrix]


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"cpu_level": "x86_64_v2"}, Verdict.PASS),
        ({"cpu_level": "x86_64_v3"}, Verdict.FAIL),
        ({"cpu_level": "armv8.2a"}, Verdict.UNKNOWN),
        ({"cpu_features": ("avx",)}, Verdict.PASS),
        ({"cpu_features": ("avx", "avx2")}, Verdict.FAIL),
    ],
)
def test_the_processor_has_the_level_and_the_features_of_the_code(
    ask_in: Ask, with_variant: Vary, fields: dict[str, object], verdict: Verdict
) -> None:
    resolution = ask_in(with_variant(**fields), host(), "toy", on="nvidia")
    if verdict is Verdict.FAIL:
        assert [entry.rule for entry in resolution.rejected] == ["cpu-level"]
        assert resolution.blame[0].fact == "cpu-level"
    else:
        check = next(check for check in resolution.checks if check.rule == "cpu-level")
        assert check.verdict is verdict
        assert resolution.status is (Status.OK if verdict is Verdict.PASS else Status.DEGRADED)


def test_a_processor_of_unknown_level_is_assumed_to_do(ask_in: Ask, with_variant: Vary) -> None:
    facts = replace(host(), cpu=Cpu(architecture="x86_64"))
    assert ask_in(with_variant(cpu_level="x86_64_v3"), facts, "toy", on="nvidia").status is Status.DEGRADED


@pytest.mark.parametrize(
    ("window", "fits"),
    [
        (HostWindow(fact="os", allowed=("ubuntu-*", "rocky-9"), source="toy"), True),
        (HostWindow(fact="os", allowed=("ubuntu-22.04",), source="toy"), False),
        (HostWindow(fact="kernel", allowed=("<5", ">=5.10,<5.15"), source="toy"), True),
        (HostWindow(fact="kernel", allowed=(">=5.15",), source="toy"), False),
        (HostWindow(fact="driver", allowed=("==570.*",), source="toy"), True),
        (HostWindow(fact="driver", allowed=(">570.26",), source="toy"), False),
        (HostWindow(fact="firmware", allowed=(">=7.1",), source="toy"), True),
        (HostWindow(fact="firmware", allowed=("<=7.0",), source="toy"), False),
        (HostWindow(fact="runtime", allowed=(">=12.8",), source="toy"), True),
        (HostWindow(fact="runtime", allowed=(">=13",), source="toy"), False),
    ],
)
def test_a_build_is_for_the_hosts_of_its_windows(
    ask_in: Ask, with_variant: Vary, window: HostWindow, *, fits: bool
) -> None:
    runtimes = (Runtime(name="cuda", version="12.4"), Runtime(name="cuda", version="12.9"))
    facts = host(firmware="7.1.3", runtimes=runtimes)
    resolution = ask_in(with_variant(windows=(window,)), facts, "toy", on="nvidia", mode=Mode.NATIVE)
    assert (resolution.chosen is not None) is fits
    if not fits:
        assert resolution.rejected[0].rule == "host-window"
        assert resolution.blame[0].fact == window.fact


def test_what_a_window_is_about_may_be_unknown(ask_in: Ask, with_variant: Vary) -> None:
    window = HostWindow(fact="firmware", allowed=(">=7",), source="toy")
    assert ask_in(with_variant(windows=(window,)), host(), "toy", on="nvidia").status is Status.DEGRADED


def test_in_a_container_the_base_decides_about_the_system(ask_in: Ask, with_variant: Vary) -> None:
    window = HostWindow(fact="os", allowed=("debian-12",), source="toy")
    assert ask_in(with_variant(windows=(window,)), host(), "toy", on="nvidia").chosen is not None


def test_vendor_ranges_hold_for_vendor_versions_alone() -> None:
    assert vendor_within(">=8.2.RC1,<8.3", "8.2.RC2")
    assert not vendor_within("==8.2.*", "8.20.1")
    assert not vendor_within(">=1", "unknown")
    with pytest.raises(BadSpecError):
        vendor_within("8.2 or so", "8.2")


def test_a_build_that_was_seen_to_fail_on_a_device_is_refused_although_ptx_matches(
    ask_in: Ask, with_variant: Vary
) -> None:
    broken = BrokenRow(reason="kernels crash", source="toy", releases="<2.1", architectures=("sm_90",))
    matrix = with_variant(broken=(broken,))
    resolution = ask_in(matrix, host(), "toy", on="nvidia")
    assert resolution.rejected[0].reason == "known not to work on sm_90: kernels crash"
    assert resolution.blame[0].fact == "device-architecture"
    assert ask_in(matrix, host(architecture="sm_86"), "toy", on="nvidia").status is Status.OK


def test_a_release_may_be_broken_in_some_variants(
    ask_in: Ask, make_matrix: MakeMatrix, make_release: MakeRelease
) -> None:
    rows = (BrokenRow(reason="the wheel is empty", source="toy", variants=("cpu",)),)
    matrix = make_matrix(make_release("3.0", broken=rows), make_release("2.0"))
    resolution = ask_in(matrix, replace(host(), devices=()), "toy")
    assert resolution.chosen is not None
    assert resolution.chosen.packages["toy"] == "2.0"
    assert resolution.rejected[0].rule == "known-broken"


def test_a_library_that_dropped_the_device_is_held_back(ask_in: Ask, with_variant: Vary) -> None:
    matrix = with_variant()
    (nvidia,) = matrix.vendors
    cap = PackageCap(package="toynn", allowed="<9.11", architectures=("sm_90",), reason="no kernels", source="toy")
    edited = replace(matrix, vendors=(replace(nvidia, package_caps=(cap,)),))
    held = ask_in(edited, host(), "toy", on="nvidia")
    assert held.chosen is not None
    assert held.chosen.constraints == ("toynn<9.11",)
    (check,) = [check for check in held.checks if check.rule == "package-cap"]
    assert check.reason == "`toynn` is held at <9.11: no kernels (device 0, sm_90)"
    other = ask_in(edited, host(architecture="sm_86"), "toy", on="nvidia")
    assert other.chosen is not None
    assert other.chosen.constraints == ()


def test_cudnn_is_held_back_for_devices_before_turing(ask_real: Ask) -> None:
    def constraints(card: str) -> tuple[str, ...]:
        chosen = ask_real(f"{card},driver=580.65.06", "pytorch").chosen
        assert chosen is not None
        return chosen.constraints

    assert constraints("v100") == ("nvidia-cudnn-cu12<9.11",)
    assert constraints("v100,t4") == ("nvidia-cudnn-cu12<9.11",)
    assert constraints("t4") == ()
