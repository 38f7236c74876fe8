"""How the rows of a recipe are derived from its wheels; see `envkit/refresh`."""

from typing import Literal

from envkit.model.reserved import CPU
from envkit.model.value import Value


class RuntimeNaming(Value):
    """How builds for one runtime are called: CUDA 13.2 is `cu132`, variant `cu{major}{minor}`."""

    runtime: str  # cuda | rocm
    vendor: str
    variant: str  # `{major}` and `{minor}` are those of the runtime's version


class ModuleRow(Value):
    """A Python module of a wheel that says what the wheel was built with."""

    path: str  # inside the wheel: torch/version.py
    runtimes: dict[str, str] = {}  # the names that hold the runtime's version, by runtime: {cuda: cuda, rocm: hip}
    architectures: str | None = None  # the name that holds the device architectures: cuda_compute_capabilities


class BinaryRow(Value):
    """Members of a wheel that hold device code, or say for which devices there is code."""

    member: str  # `*` for any part: torch/lib/libtorch_python.so, vllm/_C*.so
    tells: Literal["list", "code"]  # a text such as `sm_80 sm_90`; or the headers of the device code itself
    limit_mib: int = 64  # of compressed data that is read at most


class AlsoRow(Value):
    """Further builds on the main index, under another name of the package or with an extra of it."""

    variant: str  # `{major}` and `{minor}` are those of the runtime's version: cu{major}
    runtime: str  # one of `DeriveRow.runtimes`
    package: str | None = None  # which has the versions of the main one: onnxruntime-gpu
    extra: str | None = None  # of the main package: cuda12
    wheels: str | None = None  # the package that has the binaries and is required with the extra: jax-cuda12-plugin
    version: str | None = None  # of the runtime, where neither modules nor requirements tell: 12
    modules: tuple[ModuleRow, ...] = ()
    binaries: tuple[BinaryRow, ...] = ()


class DeriveRow(Value):
    """What `envkit matrix refresh` reads in the wheels of the main index, and how rows are made of it."""

    source: str  # of the rows that it adds
    releases: str  # PEP 440 range of the releases that get a row
    without_runtime: str = CPU  # the variant of wheels that are built for no runtime
    runtimes: tuple[RuntimeNaming, ...] = ()  # none: nothing but the list of files is read
    wheels: str | None = None  # the companion that has the binaries, where the main package is Python only: jaxlib
    modules: tuple[ModuleRow, ...] = ()
    binaries: tuple[BinaryRow, ...] = ()
    requirements: tuple[str, ...] = ()  # what brings the runtime, `*` for any part: nvidia-*
    toolkit: str | None = None  # the package whose versions are those of the runtime, and whose extras pin its parts
    also: tuple[AlsoRow, ...] = ()
    requires: tuple[str, ...] = ()  # packages of other recipes, whose range becomes `ReleaseRow.requires`: torch
    requires_extra: str | None = None  # the extra that requires them, where the package itself does not: torch
    required_by: str | None = None  # the package whose releases require one of these, and become its `requires`: torch
