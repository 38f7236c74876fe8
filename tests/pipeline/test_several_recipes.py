"""Several recipes whose rows know nothing of each other: the package resolver has the final word."""

import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.errors import LockError
from envkit.lock import lock_request
from envkit.model.availability import Availability, IndexState
from envkit.model.host import Cpu, HostFacts, Libc, OperatingSystem, Python
from envkit.model.lock import Lock
from envkit.model.matrix import Foundations, Matrix
from envkit.model.recipe import Recipe, ReleaseRow, SmokeRow, VariantRow
from envkit.model.request import Mode, Request
from envkit.model.resolution import Resolution
from envkit.model.sources import PackageSources, Setting
from envkit.negotiate import Ask, settle_lock, settle_resolution
from envkit.resolve import parse_spec
from envkit.system.wheelhouse import scan_wheelhouses

MakeWheel = Callable[..., Path]
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
HOST = HostFacts(
    os=OperatingSystem(system="linux", libc=Libc(family="glibc", version="2.36")),
    cpu=Cpu(architecture=platform.machine()),
    devices=(),
    pythons=(Python(version=platform.python_version(), path=sys.executable),),
)


def recipe(name: str) -> Recipe:
    releases = tuple(
        ReleaseRow(version=version, released="2026-01-01", pythons=(MINOR,), source="toy", default={HOST_CPU: "cpu"})
        for version in ("2.0", "1.0")
    )
    variant = VariantRow(
        variant="cpu", vendor="cpu", releases="", cpu_architectures=(HOST_CPU,), source="toy", architectures=()
    )
    return Recipe(
        name=name,
        title=name,
        summary="A toy.",
        package=name,
        sources={},
        releases=releases,
        variants=(variant,),
        smoke=SmokeRow(program="", devices={"cpu": "cpu"}, imports=()),
    )


HOST_CPU = platform.machine()
MATRIX = Matrix(
    revision="toy",
    newest_source="2026-11-22",
    foundations=Foundations(sources={}, python_preference=(MINOR,), settle_days=7, bases=(), distributions=()),
    recipes=(recipe("alpha"), recipe("beta")),
    vendors=(),
)
REQUEST = Request(specs=(parse_spec("alpha"), parse_spec("beta")), as_of="2026-11-22", mode=Mode.NATIVE)


class Locking:
    """Real locks from a directory of wheels, and what was said of those that failed."""

    def __init__(self, wheels: Path, cache: Path) -> None:
        self.sources = PackageSources(no_index=True, wheelhouses=(Setting(value=str(wheels), origin="test"),))
        self.cache = cache
        self.said: list[str] = []

    def ask(self) -> Ask:
        return Ask(index=self._index, image=None, lock=self._lock, refused=self.said.append)

    def settled(self) -> tuple[Resolution, Lock | None]:
        availability = Availability(wheels=scan_wheelhouses(self.sources), offline=True)
        first = settle_resolution(HOST, REQUEST, MATRIX, availability, self.ask())
        settled = settle_lock(HOST, REQUEST, MATRIX, first, self.ask())
        return settled.resolution, settled.lock

    def _index(self, name: str, url: str, package: str) -> IndexState:
        return IndexState(name=name, url=url, reachable=False, reason=f"nothing is asked for {package}")

    def _lock(self, resolution: Resolution) -> Lock:
        return lock_request(
            resolution, self.sources, libc="2.36", cpu_architecture=HOST_CPU, cache_directory=self.cache
        )


@pytest.fixture
def locking(tmp_path: Path) -> Locking:
    return Locking(tmp_path / "wheels", tmp_path / "cache")


def test_a_conflict_that_only_the_wheels_know_comes_back_as_a_refused_candidate(
    tmp_path: Path, make_wheel: MakeWheel, locking: Locking
) -> None:
    wheels = tmp_path / "wheels"
    for version in ("1.0", "2.0"):
        make_wheel(wheels, "alpha", version)
    make_wheel(wheels, "beta", "2.0", ("alpha<2",))
    make_wheel(wheels, "beta", "1.0", ("alpha>=1",))
    resolution, lock = locking.settled()
    assert lock is not None
    assert {package.name: package.version for package in lock.packages} == {"alpha": "2.0", "beta": "1.0"}
    refused = [entry for entry in resolution.rejected if entry.candidate.startswith("alpha 2.0+cpu")]
    assert [entry.rule for entry in refused] == ["package-conflict"]
    assert "; beta 2.0+cpu" in refused[0].candidate
    assert len(locking.said) == 1


def test_recipes_that_no_versions_bring_together_end_with_the_package_resolvers_words(
    tmp_path: Path, make_wheel: MakeWheel, locking: Locking
) -> None:
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "alpha", "2.0")
    make_wheel(wheels, "beta", "2.0", ("alpha<2",))
    with pytest.raises(LockError) as caught:
        locking.settled()
    assert "alpha" in " ".join(caught.value.facts)
