"""The conversation between the resolver and the world, with the real matrix and worlds that answer as told."""

import msgspec
import pytest

from envkit.data import load_matrix
from envkit.errors import LockError, NetworkError
from envkit.model.availability import Availability, ImageState, IndexState, LocalWheel
from envkit.model.host import Python
from envkit.model.lock import Lock
from envkit.model.request import Mode, Request
from envkit.model.resolution import Resolution, Status
from envkit.negotiate import MAX_LOCK_ATTEMPTS, Ask, settle_lock, settle_resolution
from envkit.resolve import parse_spec, target_facts

MATRIX = load_matrix(("pytorch",))
LAPTOP = target_facts("cpu,os=ubuntu-24.04,python=3.11", MATRIX)
WHEEL = LocalWheel(
    package="torch",
    version="2.13.0+cpu",
    python_tags=("cp311",),
    abi_tags=("cp311",),
    platform_tags=("manylinux_2_28_x86_64",),
    path="/wheels/torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
    origin="--wheelhouse",
)


class World:
    """Indexes, registry and lock that answer as told, and remember what they were asked."""

    def __init__(
        self, *, unreachable: frozenset[str] = frozenset(), images: frozenset[str] | None = None, conflicts: int = 0
    ) -> None:
        self.unreachable = unreachable
        self.images = images
        self.conflicts = conflicts
        self.error: type[LockError | NetworkError] = LockError
        self.facts: tuple[str, ...] = ()
        self.asked_indexes: list[str] = []
        self.locked: list[str] = []
        self.said: list[str] = []

    def ask(self) -> Ask:
        return Ask(
            index=self._index,
            image=self._image if self.images is not None else None,
            lock=self._lock,
            refused=self.said.append,
        )

    def _index(self, name: str, url: str, package: str) -> IndexState:
        self.asked_indexes.append(name)
        reachable = name not in self.unreachable
        return IndexState(
            name=name, url=url, reachable=reachable, reason="" if reachable else f"no route for {package}"
        )

    def _image(self, image: str) -> ImageState:
        available = self.images is not None and image in self.images
        return ImageState(
            image=image,
            available=available,
            digest=f"sha256:{'0' * 64}" if available else None,
            reason="" if available else "not found",
        )

    def _lock(self, resolution: Resolution) -> Lock:
        assert resolution.chosen is not None
        self.locked.append(resolution.chosen.candidate)
        if len(self.locked) <= self.conflicts:
            message = "no versions fit together"
            raise self.error(message, facts=self.facts)
        return Lock(python=resolution.chosen.python, platform="p", packages=(), pylock="", sha256="0" * 64)


def request(mode: Mode = Mode.NATIVE) -> Request:
    return Request(specs=(parse_spec("pytorch"),), as_of="2026-11-22", mode=mode, python="==3.11.*")


def test_a_reachable_index_is_asked_once_and_its_build_stands() -> None:
    world = World()
    settled = settle_resolution(LAPTOP, request(), MATRIX, Availability(), world.ask())
    assert settled.resolution.status is Status.OK
    assert world.asked_indexes == ["pytorch-cpu"]


def test_an_unreachable_index_gives_way_to_the_wheelhouse_and_is_named() -> None:
    world = World(unreachable=frozenset({"pytorch-cpu"}))
    settled = settle_resolution(LAPTOP, request(), MATRIX, Availability(wheels=(WHEEL,)), world.ask())
    chosen = settled.resolution.chosen
    assert chosen is not None
    assert chosen.packages["torch"] == "2.13.0+cpu"
    assert any(rejected.rule == "index-availability" for rejected in settled.resolution.rejected)
    assert any("pytorch-cpu" in sentence and "no route for torch" in sentence for sentence in world.said)


def test_a_base_image_that_cannot_be_had_gives_way_to_another_python() -> None:
    world = World(images=frozenset({"python:3.11-slim-bookworm"}))
    wanted = Request(specs=(parse_spec("pytorch"),), as_of="2026-11-22", mode=Mode.CONTAINER)
    settled = settle_resolution(LAPTOP, wanted, MATRIX, Availability(), world.ask())
    chosen = settled.resolution.chosen
    assert chosen is not None
    assert chosen.base is not None
    assert (chosen.base.image, chosen.base.digest) == ("python:3.11-slim-bookworm", f"sha256:{'0' * 64}")


@pytest.mark.parametrize("error", [LockError, NetworkError])
def test_a_candidate_that_cannot_be_locked_is_refused_and_the_next_one_taken(
    error: type[LockError | NetworkError],
) -> None:
    world = World(conflicts=1)
    world.error = error
    settled = settle_resolution(LAPTOP, request(), MATRIX, Availability(), world.ask())
    settled = settle_lock(LAPTOP, request(), MATRIX, settled, world.ask())
    assert settled.lock is not None
    assert len(world.locked) == len(set(world.locked)) == 2
    assert any(world.locked[0] in sentence for sentence in world.said)
    assert world.locked[0] in {rejected.candidate for rejected in settled.resolution.rejected}


def test_locking_ends_with_the_last_reason_when_nothing_can_be_locked() -> None:
    world = World(conflicts=MAX_LOCK_ATTEMPTS)
    settled = settle_resolution(LAPTOP, request(), MATRIX, Availability(), world.ask())
    with pytest.raises(LockError, match="no versions fit together"):
        settle_lock(LAPTOP, request(), MATRIX, settled, world.ask())
    assert len(world.locked) == MAX_LOCK_ATTEMPTS


@pytest.mark.parametrize(
    ("explanation", "attempts"),
    [
        ("Because mistyped was not found in the package registry", 2),
        ("Because mistyped depends on torch<2", MAX_LOCK_ATTEMPTS),
    ],
)
def test_a_reason_that_no_other_candidate_can_mend_ends_the_search(explanation: str, attempts: int) -> None:
    world = World(conflicts=99)
    world.facts = (explanation,)
    pythons = (
        Python(version="3.11.7", path="/usr/bin/python3.11"),
        Python(version="3.12.1", path="/usr/bin/python3.12"),
    )
    host = msgspec.structs.replace(LAPTOP, pythons=pythons)
    asked = Request(specs=(parse_spec("pytorch"),), as_of="2026-11-22", mode=Mode.NATIVE)
    settled = settle_resolution(host, asked, MATRIX, Availability(), world.ask())
    with pytest.raises(LockError) as raised:
        settle_lock(host, asked, MATRIX, settled, world.ask())
    assert raised.value.facts == (explanation,)
    assert len(world.locked) == attempts
