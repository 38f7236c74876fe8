"""The resolver against an independent judge that tries every build, over hosts drawn from a grid."""

from collections.abc import Iterator
from random import Random

import pytest
from msgspec.structs import replace

from envkit.data import load_matrix
from envkit.model.availability import Availability
from envkit.model.host import Cpu, Device, HostFacts, Libc, Mask, OperatingSystem, Python, Runtime, Stack
from envkit.model.matrix import Matrix
from envkit.model.recipe import BrokenRow, HostWindow
from envkit.model.request import Allowance, Mode, Request, Spec
from envkit.model.resolution import Chosen, Status
from envkit.resolve import resolve_request
from envkit.resolve.answer import find_answer
from envkit.resolve.chosen import make_chosen
from envkit.resolve.problem import Problem
from tests.resolve.judge import IMAGES, KINDS, Pick, Ruling, judge

DESKTOP = (35, 37, 50, 52, 60, 61, 70, 75, 80, 86, 88, 89, 90, 100, 103, 107, 120, 121, 130)
BOARDS = (53, 62, 72, 87, 110)
DRIVERS = (
    *("390.157", "450.80.02", "470.256.02", "520.61.05", "525.60.13", "535.54.03", "550.54.15", "555.42.02"),
    *("570.124.06", "575.57.08", "580.00", "580.65.06", "580.95.05", "590.48.01", "595.58.03", "610.43.02", "615.1"),
    None,
)
BOARD_DRIVERS = ("540.4.0", "580.00", None)
WINDOWS_DRIVERS = ("452.39", "527.41", "528.33", "573.76", "580.88")
CHIPS = (
    "gfx900",
    "gfx906",
    "gfx908",
    "gfx90a",
    "gfx942",
    "gfx950",
    "gfx1030",
    "gfx1031",
    "gfx1100",
    "gfx1151",
    "gfx1201",
)
AMD_DRIVERS = ("6.3.0", "30.30.2", "30.30.3", "31.0", None)
LIBCS = (
    *(Libc(family="glibc", version=version) for version in ("2.17", "2.26", "2.28", "2.31", "2.35", "2.39")),
    Libc(family="musl", version="1.2.4"),
    Libc(family="glibc"),
    None,
)
PYTHONS = (
    *((f"3.{minor}.1",) for minor in range(8, 16)),
    ("3.8.10", "3.13.2"),
    ("3.10.12", "3.12.3", "3.15.0"),
    ("3.14.0", "3.9.18"),
    (),
    None,
)
RANGES = ("", "", "", ">=2.9", "<2.8", "==2.11.*", "==2.15.0", ">=2.12,<2.15", "==2.14.1+cu126", "<2")
DATES = ("2026-11-22", "2026-11-22", "2026-11-22", "2026-10-30", "2026-11-03", "2026-11-04", "2025-01-01")
KERNELS = (None, "3.10.0-1160.el7.x86_64", "5.15.0-100-generic", "6.8.0")
SYSTEMS = ((), ("ubuntu", "22.04"), ("rhel", "9"))
CPUS = (
    Cpu(architecture="x86_64"),
    Cpu(architecture="x86_64", level="x86_64_v2"),
    Cpu(architecture="x86_64", level="x86_64_v3"),
)
CASES = 600
EXPLAINED = 25
MASKED = 0.3


def draw(chance: Random) -> tuple[HostFacts, Request]:
    """Draw a host and a request; everything that a rule looks at varies on its own."""
    kind = chance.choice(("nvidia", "nvidia", "nvidia", "nvidia", "board", "wsl", "amd", "cpu"))
    facts = HostFacts(
        os=OperatingSystem(
            system="linux",
            libc=chance.choice(LIBCS),
            wsl=kind == "wsl",
            kernel=chance.choice(KERNELS),
            **dict(zip(("id", "version"), chance.choice(SYSTEMS), strict=False)),
        ),
        cpu=chance.choice((*CPUS, *CPUS, *[Cpu(architecture="aarch64")] * 3, None)),
        pythons=_pythons(chance),
        **_accelerators(kind, chance),
    )
    request = Request(
        specs=(Spec(recipe="pytorch", range=chance.choice(RANGES)),),
        as_of=chance.choice(DATES),
        python=chance.choice((None, None, None, ">=3.11", "3.10", "<3.13")),
        on=chance.choice((None, None, "cpu" if kind == "cpu" else "nvidia" if kind != "amd" else "amd")),
        mode=chance.choice((Mode.NATIVE, Mode.CONTAINER)),
        allow=chance.choice(((), (), (Allowance.FORWARD_COMPAT,))),
        only_index=chance.choice((None, None, None, None, "default", "pytorch-cu126", "pytorch-cpu")),
    )
    if request.mode is Mode.CONTAINER and kind in {"nvidia", "cpu"}:
        request = replace(request, base_image=chance.choice((None, None, *IMAGES)))
    return replace(facts, masks=_masks(facts, chance)), request


def _masks(facts: HostFacts, chance: Random) -> tuple[Mask, ...]:
    """Draw what variables of the shell leave of the devices: nothing, some, all, or what cannot be told."""
    devices = facts.devices or ()
    if not devices or chance.random() > MASKED:
        return ()
    left = chance.choice(((), (0,), (len(devices) - 1,), tuple(range(len(devices))), None))
    container = left is None and chance.random() > MASKED
    vendor = devices[0].vendor
    masks = (Mask(vendor=vendor, variable="VISIBLE", value="drawn", devices=left, container=container),)
    if chance.random() < MASKED:
        masks = (Mask(vendor=vendor, variable="FIRST", value="0", devices=(0,)), *masks)
    return masks


def _pythons(chance: Random) -> tuple[Python, ...] | None:
    versions = chance.choice(PYTHONS)
    return None if versions is None else tuple(Python(version=text, path=f"/{text}") for text in versions)


def _accelerators(kind: str, chance: Random) -> dict[str, object]:
    if kind == "cpu":
        return {"devices": chance.choice(((), (), None)), "stacks": ()}
    if kind == "amd":
        count = chance.choice((1, 1, 2))
        chips = [chance.choice(CHIPS) for _ in range(count)]
        devices = tuple(Device(vendor="amd", index=n, architecture=chip) for n, chip in enumerate(chips))
        return {"devices": devices, "stacks": (Stack(vendor="amd", driver=chance.choice(AMD_DRIVERS)),)}
    numbers = [chance.choice(BOARDS if kind == "board" else DESKTOP) for _ in range(chance.choice((1, 1, 1, 2)))]
    drivers = {"board": BOARD_DRIVERS, "wsl": WINDOWS_DRIVERS}.get(kind, DRIVERS)
    ceiling = Runtime(name="cuda", version=chance.choice(("12.2", "12.8", "13.0")))
    stack = Stack(
        vendor="nvidia",
        driver=chance.choice(drivers),
        driver_kind=chance.choice((None, None, "open", "proprietary")),
        runtime_ceiling=chance.choice((None, None, ceiling)),
    )
    name = chance.choice((*KINDS, "H100")) if kind == "nvidia" else None
    devices = tuple(
        Device(vendor="nvidia", index=n, architecture=f"sm_{code}", name=name) for n, code in enumerate(numbers)
    )
    return {"devices": devices, "stacks": (stack,)}


def strange_matrix() -> Matrix:
    """Return the real matrix with rows that upstream has no need of: levels, windows, and builds that are broken."""
    matrix = load_matrix(("pytorch",))
    kernel = HostWindow(fact="kernel", allowed=(">=5.4",), source="toy")
    system = HostWindow(fact="os", allowed=("ubuntu-*", "debian-12"), source="toy")
    broken = BrokenRow(reason="wrong results", source="toy", architectures=("sm_90", "sm_120"))
    fields: dict[str, dict[str, object]] = {
        "cu126": {"windows": (kernel,)},
        "cu128": {"broken": (broken,)},
        "cu130": {"cpu_level": "x86_64_v3"},
        "cu132": {"windows": (system, kernel)},
        "cpu": {"cpu_level": "x86_64_v2"},
    }
    return replace(
        matrix,
        recipes=tuple(
            replace(recipe, variants=tuple(replace(row, **fields.get(row.variant, {})) for row in recipe.variants))
            for recipe in matrix.recipes
        ),
    )


def ruled(chosen: Chosen | None, status: Status) -> Ruling:
    """Put an answer into the judge's words."""
    if chosen is None:
        return Ruling(str(status), None)
    index = chosen.indexes[0].name if chosen.indexes else "default"
    return Ruling(str(status), Pick(chosen.vendor, chosen.packages["torch"], chosen.variant, index, chosen.python))


def answered(facts: HostFacts, request: Request, matrix: Matrix) -> Ruling:
    """Answer without the explanation of a refusal, which takes ten times as long."""
    answer = find_answer(Problem(facts=facts, request=request, matrix=matrix, availability=Availability()))
    combination = answer.attempt.combination
    return ruled(None if combination is None else make_chosen(answer, combination), answer.status)


def cases(seed: int, count: int) -> Iterator[tuple[HostFacts, Request]]:
    chance = Random(seed)  # noqa: S311 - a sample of a grid, the same each time
    return (draw(chance) for _ in range(count))


@pytest.mark.parametrize("seed", range(5))
def test_the_resolver_answers_as_a_judge_that_tries_every_build(seed: int) -> None:
    matrix = load_matrix(("pytorch",)) if seed < 4 else strange_matrix()
    picked = 0
    for facts, request in cases(seed, CASES // 4):
        expected = judge(facts, request, matrix)
        assert answered(facts, request, matrix) == expected._replace(runnable=0), (facts, request)
        picked += expected.pick is not None
    assert picked > CASES // 4 // 4  # the grid must not be one of refusals alone


def test_the_explained_answer_is_the_judges_too() -> None:
    matrix = load_matrix(("pytorch",))
    for facts, request in cases(99, EXPLAINED):
        resolution = resolve_request(facts, request, matrix, Availability())
        assert ruled(resolution.chosen, resolution.status) == judge(facts, request, matrix)._replace(runnable=0)
