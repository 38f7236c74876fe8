"""The resolver against the judge of vendors, over drawn hosts with devices of one vendor."""

from collections.abc import Iterator
from random import Random

import pytest

from envkit.data import load_matrix
from envkit.model.host import Cpu, Device, HostFacts, Libc, OperatingSystem, Python, Runtime, Stack
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request, Spec
from tests.resolve.judge_vendors import judge_vendor
from tests.resolve.test_judge import answered

CHIPS = {
    "ascend": ("910", "310p", "310b", "910b", "a3", "950"),
    "intel": ("bmg", "dg2", "pvc"),
    "google-tpu": ("v5e", "v6e"),
    "intel-gaudi": ("gaudi", "gaudi2", "gaudi3"),
    "hygon": ("gfx928",),
    "metax": ("c550",),
    "mthreads": ("s4000", "s80"),
    "iluvatar": ("bi-v150",),
    "apple": ("m1", "m4"),
}
IN_IMAGES = {"intel-gaudi", "hygon", "metax", "mthreads", "iluvatar"}  # have their frameworks there alone
DRIVERS = {
    "ascend": ("20.2.0", "23.0.3", "24.1.rc3", "25.0.rc1.1", "25.2.0", "25.5.1", "26.1.0.3", "27.0", None),
    "intel-gaudi": ("1.21.0", "1.23.0", None),
    "iluvatar": ("4.4.0", "4.2.0", "4.3.0", None),
}
RUNTIMES = (None, (), ("9.1.0",), ("8.5.0",), ("9.0.0", "8.2.RC1"), ("7.0.0",))
LIBCS = (Libc(family="glibc", version="2.17"), Libc(family="glibc", version="2.35"), None)
PYTHONS = (("3.9.1",), ("3.10.2", "3.12.3"), ("3.11.7",), ("3.14.1",), None)
RANGES = ("", "", "<2.10", "==2.9.*", "==2.9.0+cpu", ">=2.13")
CASES = 450


def draw(chance: Random) -> tuple[HostFacts, Request]:
    """Draw a host of one vendor and a request; everything that a rule looks at varies on its own."""
    vendor = chance.choice(("ascend", "ascend", "intel", *CHIPS))
    mac = vendor == "apple"
    installed = chance.choice(RUNTIMES)
    versions = chance.choice(PYTHONS)
    system = OperatingSystem(system="darwin", version=chance.choice(("11.7", "12.6", "13.5", "14.2", "15.1", None)))
    facts = HostFacts(
        os=system if mac else OperatingSystem(system="linux", libc=chance.choice(LIBCS), wsl=False),
        cpu=Cpu(architecture="aarch64" if mac else chance.choice(("x86_64", "aarch64"))),
        devices=tuple(
            Device(vendor=vendor, index=place, architecture=chance.choice(CHIPS[vendor]))
            for place in range(chance.choice((1, 1, 2)))
        ),
        stacks=(
            Stack(
                vendor=vendor,
                driver=chance.choice(DRIVERS.get(vendor, (None,))),
                runtimes=None if installed is None else tuple(Runtime(name="cann", version=text) for text in installed),
            ),
        ),
        pythons=None if versions is None else tuple(Python(version=text, path=f"/{text}") for text in versions),
    )
    request = Request(
        specs=(Spec(recipe="pytorch", range=chance.choice(RANGES)),),
        as_of=chance.choice(("2026-11-22", "2026-11-22", "2026-05-15")),
        on=chance.choice((None, vendor)),
        mode=chance.choice((Mode.NATIVE, Mode.CONTAINER)),
    )
    return facts, request


def cases(seed: int) -> Iterator[tuple[HostFacts, Request]]:
    chance = Random(seed)  # noqa: S311 - a sample of a grid, the same each time
    return (draw(chance) for _ in range(CASES // 3))


@pytest.fixture(scope="module")
def pytorch() -> Matrix:
    return load_matrix(("pytorch",))


@pytest.mark.parametrize("seed", range(3))
def test_vendors_are_answered_as_their_judge_does(seed: int, pytorch: Matrix) -> None:
    vendors = set()
    for facts, request in cases(seed):
        expected = judge_vendor(facts, request, pytorch)
        assert answered(facts, request, pytorch) == expected, (facts, request)
        vendors |= {expected.pick.vendor} if expected.pick is not None else set()
    assert {"ascend", "intel", "google-tpu", "apple", "cpu"} <= vendors
    assert len(vendors & IN_IMAGES) > 1
