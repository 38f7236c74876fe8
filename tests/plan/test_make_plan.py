import msgspec
import pytest
from msgspec.structs import replace

from envkit.data import load_matrix
from envkit.errors import DataError, UnsatisfiableError, UsageError
from envkit.model.host import ContainerEngine, Device, HostFacts, Mask
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Mount, Plan
from envkit.model.request import Mode, Request
from envkit.model.resolution import Base, Chosen, MatrixStamp, PackageIndex, Resolution, Status
from envkit.model.value import to_json
from envkit.plan import Use, make_plan

MATRIX = load_matrix(("pytorch",))
DIGEST = "sha256:" + "1" * 64
FACTS = HostFacts(
    devices=tuple(Device(vendor="nvidia", index=index, nodes=(f"/dev/nvidia{index}",)) for index in range(4)),
    engines=(
        ContainerEngine(name="podman", usable=False, cdi=True, cdi_devices=("nvidia.com/gpu=2", "nvidia.com/gpu=3")),
        ContainerEngine(name="docker", usable=True, runtimes=("nvidia",)),
    ),
)
CHOSEN = Chosen(
    candidate="torch 2.9.1 cu128",
    recipes=("pytorch",),
    vendor="nvidia",
    variant="cu128",
    mode=Mode.CONTAINER,
    python="3.12",
    packages={"torch": "2.9.1", "torchvision": "0.24.1"},
    indexes=(
        PackageIndex(
            name="pytorch-cu128", url="https://user:word@mirror.example.com/cu128", packages=("torch", "torchvision")
        ),
        PackageIndex(name="wheelhouse", url="file:///wheels", packages=("torch",), flat=True),
    ),
    base=Base(image="python:3.12-slim-bookworm", os="debian-12", digest=DIGEST),
    devices=(2, 3),
)
LOCK = Lock(
    python="3.12",
    platform="x86_64-manylinux_2_36",
    packages=(
        LockedPackage(
            name="torch", version="2.9.1+cu128", file=LockedFile(filename="torch.whl", sha256="a" * 64, url="https://x")
        ),
    ),
    pylock="",
    sha256="b" * 64,
)


def plan(
    chosen: Chosen | None = CHOSEN,
    *,
    name: str = "demo",
    engine: str | None = None,
    mounts: tuple[Mount, ...] = (),
    facts: HostFacts = FACTS,
) -> Plan:
    resolution = Resolution(
        status=Status.OK,
        request=Request(specs=(), as_of="2026-11-22", engine=engine),
        matrix=MatrixStamp(revision="r1", newest_source="2026-11-22"),
        chosen=chosen,
    )
    return make_plan(resolution, LOCK, facts, MATRIX, name=name, fingerprint="f1", use=Use(mounts=mounts))


def test_plan_carries_what_was_chosen_and_locked() -> None:
    mounts = (Mount(source="/home/me", target="/workspace"),)
    made = plan(mounts=mounts)
    assert (made.vendor, made.variant, made.python, made.base) == ("nvidia", "cu128", "3.12", CHOSEN.base)
    assert (made.lock, made.mounts, made.fingerprint) == (LOCK, mounts, "f1")


def test_equal_input_gives_equal_bytes() -> None:
    assert to_json(plan()) == to_json(plan())


def test_plan_survives_its_json() -> None:
    assert msgspec.json.decode(to_json(plan()), type=Plan) == plan()


def test_smoke_test_counts_devices_as_the_framework_will() -> None:
    assert plan().smoke[0].device == "cuda"
    assert plan().smoke[0].indices == (0, 1)
    native = msgspec.structs.replace(CHOSEN, mode=Mode.NATIVE, base=None)
    assert plan(native).smoke[0].indices == (2, 3)
    for left, indices in (((3, 0, 2), (0, 2)), ((2, 3), (0, 1)), (None, (0,))):
        mask = Mask(vendor="nvidia", variable="CUDA_VISIBLE_DEVICES", value="drawn", devices=left)
        other = Mask(vendor="amd", variable="HIP_VISIBLE_DEVICES", value="", devices=())
        facts = msgspec.structs.replace(FACTS, masks=(other, mask))
        assert plan(native, facts=facts).smoke[0].indices == indices
        assert plan(facts=facts).smoke[0].indices == (0, 1)
    processor = msgspec.structs.replace(CHOSEN, vendor="cpu", variant="cpu", devices=())
    assert (plan(processor).smoke[0].device, plan(processor).smoke[0].indices) == ("cpu", (0,))


def test_modules_of_the_smoke_test_are_compiled() -> None:
    assert plan().imports == ("torch",)


def test_vendor_without_a_proof_is_an_error_that_names_both() -> None:
    with pytest.raises(DataError, match=r"`pytorch`.*: qualcomm"):
        plan(msgspec.structs.replace(CHOSEN, vendor="qualcomm"))


def test_access_is_planned_for_the_usable_engine_or_the_one_asked_for() -> None:
    assert plan().access.gpu_indices == (2, 3)
    assert plan(engine="podman").access.cdi == ("nvidia.com/gpu=2", "nvidia.com/gpu=3")


def test_native_environment_needs_no_access() -> None:
    native = msgspec.structs.replace(CHOSEN, mode=Mode.NATIVE, base=None)
    assert plan(native).access == type(plan().access)()


def test_indexes_are_public_whatever_mirror_the_user_has() -> None:
    (index,) = plan().indexes
    assert (index.name, index.url) == ("pytorch-cu128", "https://download.pytorch.org/whl/cu128")
    assert "word" not in to_json(plan())


def test_labels_say_what_is_inside_and_nothing_of_time_or_user() -> None:
    assert plan().labels == {
        "dev.envkit.fingerprint": "f1",
        "dev.envkit.lock": "b" * 64,
        "dev.envkit.matrix": "r1",
        "dev.envkit.name": "demo",
        "dev.envkit.packages": '{"torch":"2.9.1+cu128"}',
        "dev.envkit.python": "3.12",
        "dev.envkit.recipes": "pytorch",
        "dev.envkit.variant": "cu128",
        "dev.envkit.vendor": "nvidia",
        "org.opencontainers.image.base.digest": DIGEST,
        "org.opencontainers.image.base.name": "python:3.12-slim-bookworm",
        "org.opencontainers.image.description": "PyTorch (torch 2.9.1) for cu128 on Python 3.12",
        "org.opencontainers.image.title": "pytorch",
    }


@pytest.mark.parametrize("name", ["", "-x", "../x", "a b", "a/b", "a\nb", "ü", "x" * 64])
def test_name_that_no_engine_takes_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        plan(name=name)


def test_resolution_without_a_choice_makes_no_plan() -> None:
    with pytest.raises(UnsatisfiableError, match="demo"):
        plan(None)


def test_wheels_that_bring_the_vendors_runtime_are_told_apart() -> None:
    file = LockedFile(filename="x.whl", sha256="a" * 64, url="https://x")
    names = ("nvidia-cublas-cu12", "torch", "tqdm")
    lock = replace(LOCK, packages=tuple(LockedPackage(name=name, version="1", file=file) for name in names))
    resolution = Resolution(
        status=Status.OK,
        request=Request(specs=(), as_of="2026-11-22"),
        matrix=MatrixStamp(revision="r1", newest_source="2026-11-22"),
        chosen=CHOSEN,
    )
    assert make_plan(resolution, lock, FACTS, MATRIX, name="demo", fingerprint="f1").runtime_packages == names[:1]
