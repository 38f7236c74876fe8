from collections.abc import Callable

from msgspec.structs import replace

from envkit.data import load_vendor
from envkit.generate.savings import describe_saving, find_saving
from envkit.model.host import Runtime
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Plan
from envkit.model.resolution import Base

MakePlan = Callable[..., Plan]
GIB = 1 << 30


def cuda_plan(make: MakePlan, size: int | None = GIB) -> Plan:
    packages = tuple(
        LockedPackage(name=name, version="1", file=LockedFile(filename=f"{name}.whl", sha256="a" * 64, size=size))
        for name in ("torch", "nvidia-cublas-cu12", "nvidia-cudnn-cu12", "numpy")
    )
    lock = Lock(python="3.12", platform="any", packages=packages, pylock="", sha256="c" * 64)
    return make(vendor="nvidia", variant="cu128", lock=lock, runtime=Runtime(name="cuda", version="12.8"))


def test_runtime_of_the_wheels_is_what_a_base_of_the_vendor_would_add(container_plan: MakePlan) -> None:
    saving = find_saving(cuda_plan(container_plan), load_vendor("nvidia"))
    assert saving is not None
    assert saving.packages == ("nvidia-cublas-cu12", "nvidia-cudnn-cu12")
    assert saving.size == 2 * GIB
    assert describe_saving(saving) == (
        "cuda 12.8 is in the image once: nvidia-cublas-cu12 and 1 more bring it; a base image of NVIDIA would add at"
        " least 2.0 GiB to store and to pull"
    )


def test_size_is_left_out_where_it_is_not_known_of_all(container_plan: MakePlan) -> None:
    saving = find_saving(cuda_plan(container_plan, None), load_vendor("nvidia"))
    assert saving is not None
    assert saving.size is None
    assert describe_saving(saving).endswith("would add the same again")


def test_nothing_is_saved_on_the_vendor_s_own_image_or_without_its_wheels(container_plan: MakePlan) -> None:
    nvidia, plan = load_vendor("nvidia"), cuda_plan(container_plan)
    own = Base(image="nvidia/cuda:12.8.1-cudnn-devel-ubuntu24.04", os="ubuntu-24.04")
    assert find_saving(replace(plan, base=own), nvidia) is None
    assert find_saving(container_plan(), nvidia) is None
    assert find_saving(replace(plan, base=None), nvidia) is None
    assert find_saving(plan, load_vendor("cpu")) is None
    assert find_saving(plan, None) is None
