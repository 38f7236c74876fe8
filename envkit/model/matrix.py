"""The compatibility matrix as the resolver reads it; the YAML files decode into the row types of this module."""

from typing import Literal

from envkit.model.access import AccessRow, PciRange
from envkit.model.host import Runtime
from envkit.model.value import Value

DEFAULT_INDEX = "default"  # the user's main index (PyPI, or the mirror that stands for it)
WHEELHOUSE_INDEX = "wheelhouse"
IMAGE_INDEX = "image"  # no index: the vendor's own image has the package
CPU = "cpu"  # stands for the vendor where no accelerator is used
# A variant without device code of its own, or with that of every runtime: what it requires decides where it computes.
ANY_VARIANT = "any"


class Source(Value):
    """Where rows come from, and when that was read."""

    text: str  # URL, or document and section
    retrieved: str  # ISO date


class Denied(Value):
    """A package that must not be installed although it can be: a placeholder, a look-alike, a broken release."""

    package: str
    reason: str
    source: str
    versions: str = ""  # PEP 440 range; empty: all


class IndexRow(Value):
    """An index beside the user's main one; `{variant}` in `name` and `url` stands for the variant."""

    name: str
    url: str
    packages: tuple[str, ...]  # the only packages taken from it
    source: str
    own: bool = False  # only variants that name it are on it, not those that a release lists as `indexed`

    def variant_of(self, name: str) -> str | None:
        """Return the variant that an index of this name stands for, empty where it stands for none; None: not this."""
        before, mark, after = self.name.partition("{variant}")
        if not mark:
            return "" if name == self.name else None
        fits = len(name) > len(before + after) and name.startswith(before) and name.endswith(after)
        return name[len(before) : len(name) - len(after)] if fits else None

    def address(self, name: str) -> str | None:
        """Return the URL of the index of this name, or None where this row is about others."""
        variant = self.variant_of(name)
        return None if variant is None else self.url.replace("{variant}", variant)


class BrokenRow(Value):
    """Builds that are known not to work although nothing else speaks against them; what is None or empty means all."""

    reason: str  # a sentence that says what happens
    source: str
    releases: str = ""  # PEP 440 range of the main package
    variants: tuple[str, ...] | None = None
    architectures: tuple[str, ...] | None = None  # of devices


class HostWindow(Value):
    """Hosts that builds are made for; `allowed` are alternatives, one of which has to hold."""

    fact: Literal["os", "os-version", "kernel", "firmware", "driver", "runtime"]
    # os: `ubuntu-22.04`, `ubuntu-*`; the others: ranges of the vendor's versions, `>=5.15,<6.9`
    allowed: tuple[str, ...]
    source: str


class VariantRow(Value):
    """How the builds of one variant are made, for a range of releases and some processor architectures."""

    variant: str  # cu126 | rocm7.2 | cpu
    vendor: str
    releases: str  # PEP 440 range of the main package
    cpu_architectures: tuple[str, ...]
    source: str
    runtime: Runtime | None = None
    architectures: tuple[str, ...] | None = None  # device architectures with machine code; None: not known
    ptx: tuple[str, ...] = ()  # sm_XY for each `compute_XY` of the wheel, compiled on the device by the driver
    ptx_indexed: tuple[str, ...] | None = None  # the same for builds on the recipe's own index; None: as `ptx`
    package: str | None = None  # the main package's name in this variant, where it differs: tensorflow-cpu
    extra: str | None = None  # extra of the main package that brings the runtime: cuda12
    requirements: tuple[str, ...] = ()  # what it needs and its metadata does not ask for: nvidia-cublas-cu12
    libc: str | None = None  # glibc floor, where it differs from the release's
    pythons: tuple[str, ...] | None = None  # where it has wheels for fewer than the release
    system: Literal["linux", "darwin"] = "linux"  # the operating system that it runs under
    cpu_level: str | None = None  # archspec's generic level that the machine code needs: x86_64_v3
    cpu_features: tuple[str, ...] = ()  # what it needs where no level says it: avx
    windows: tuple[HostWindow, ...] = ()  # all of which have to hold
    broken: tuple[BrokenRow, ...] = ()
    pins: dict[str, str] = {}  # exact versions of what makes the release a build for the vendor: torch-npu
    # Where the main package comes from, whatever the releases list: `default`, or an own index's name: pytorch-cpu
    index: str | None = None
    image: str | None = None  # the vendor's own image, where the build is to be had in it alone
    confidence: Literal["high", "medium", "low"] = "high"
    note: str | None = None
    derived: bool = False  # from wheels, and rewritten by `envkit matrix refresh`


class ReleaseRow(Value):
    """One release of a recipe's main package."""

    version: str
    released: str  # ISO date
    pythons: tuple[str, ...]  # 3.10, 3.13t (free-threaded)
    source: str
    pythons_by_architecture: dict[str, tuple[str, ...]] = {}  # where a processor architecture has fewer
    libc: dict[str, str] = {}  # glibc floor by processor architecture
    default: dict[str, str] = {}  # variant on the main index, by processor architecture
    # further variants there, under other names of the package or with an extra, by processor architecture
    also: dict[str, tuple[str, ...]] = {}
    indexed: tuple[str, ...] = ()  # variants on the recipe's own indexes
    packages: dict[str, str] = {}  # exact versions of the companions: torchvision
    packages_pythons: dict[str, tuple[str, ...]] = {}  # of companions that have wheels for fewer Pythons
    # PEP 440 ranges for the main packages and companions of other recipes: {torch: ">=2.10,<2.12"}
    requires: dict[str, str] = {}
    broken: tuple[BrokenRow, ...] = ()
    yanked: str | None = None  # the reason given upstream
    derived: bool = False


class AbsentRow(Value):
    """A vendor for which there are no builds that envkit can name, and what to take instead."""

    vendor: str
    reason: str
    source: str
    image: str | None = None  # of the vendor
    recipe: str | None = None  # that has builds for it


class CompanionRow(Value):
    """A package that belongs to the main one; see `ReleaseRow.packages` for its version."""

    package: str
    extra: str  # `pytorch[audio]` asks for it
    default: bool = False  # installed without being asked for where the same source offers it
    pinned: bool = True  # False: any version that the lock finds


class SmokeRow(Value):
    """The recipe's proof; `program` is Python source that defines `smoke(device: str, index: int) -> dict`."""

    program: str
    devices: dict[str, str]  # what the framework calls the device, by vendor: {nvidia: cuda, amd: cuda, cpu: cpu}
    imports: tuple[str, ...]  # modules that the program loads: their bytecode is worth keeping in an image


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


class Recipe(Value):
    """One framework: `recipes/<name>.yaml`."""

    name: str
    title: str
    summary: str
    package: str  # the main package: its release is the recipe's version
    sources: dict[str, Source]
    releases: tuple[ReleaseRow, ...]
    variants: tuple[VariantRow, ...]
    smoke: SmokeRow
    aliases: tuple[str, ...] = ()  # torch
    companions: tuple[CompanionRow, ...] = ()
    indexes: tuple[IndexRow, ...] = ()
    denied: tuple[Denied, ...] = ()
    absent: tuple[AbsentRow, ...] = ()
    derive: DeriveRow | None = None


class DeviceModel(Value):
    """Device names that share an architecture."""

    architecture: str
    names: tuple[str, ...]
    source: str
    # nvidia: datacenter | workstation | geforce | jetson; others: integrated, where it is a part of the processor
    category: str | None = None
    pci_ids: tuple[str, ...] = ()  # vendor:device
    memory_mib: int | None = None


class ArchitectureRow(Value):
    """One device architecture: which runtimes and drivers serve it."""

    architecture: str
    generation: str
    source: str
    first_runtime: str | None = None
    last_runtime: str | None = None
    first_driver: str | None = None  # oldest driver branch
    last_driver: str | None = None  # newest driver branch
    driver_kind: Literal["open", "proprietary", "either"] | None = None
    # An embedded board: drivers have own numbers, machine code is not exchanged with architectures where this differs.
    tegra: bool = False


class DriverFloor(Value):
    """The oldest driver that serves every runtime of one major (minor-version compatibility)."""

    runtime_major: int
    minimum: str
    source: str
    minimum_windows: str | None = None  # also the floor under WSL, whose driver carries the Windows number


class DriverRow(Value):
    """The oldest driver that implements one exact runtime version, needed where the driver compiles PTX."""

    runtime: str
    minimum: str
    source: str


class DriverBranch(Value):
    """A driver branch and the newest runtime that it implements itself."""

    branch: int
    ceiling: str
    source: str
    kind: str | None = None  # LTSB | PB | NFB | legacy
    end_of_life: str | None = None


class DriverWindow(Value):
    """The user-space runtimes that one kernel driver was tested with (AMD)."""

    driver: str  # PEP 440 range over driver numbers is not meant: a prefix such as `30.30`
    runtimes: tuple[str, ...]  # 7.2.x
    source: str


class RuntimeDrivers(Value):
    """The drivers that the vendor lists for one runtime; whether a newer one than these serves it is not known."""

    runtime: str  # a prefix: 9.1
    minimum: str
    newest: str  # a prefix: 26.1
    source: str


class ForwardRow(Value):
    """A package with a newer driver's own library, under which older kernel drivers serve a newer runtime."""

    runtime: str  # that the library implements: 13.1
    package: str  # cuda-compat-13-1
    branches: tuple[int, ...]  # of kernel drivers that the vendor lists for it
    categories: tuple[str, ...]  # `DeviceModel.category` of the devices that it is for
    source: str


class AdmissionRow(Value):
    """Images that the vendor's container runtime starts only under some drivers, whatever is installed in them."""

    images: str  # `*` for any part: nvidia/cuda:12.8.*
    source: str
    # The driver has to implement it itself, or to be one of `branches` with devices of `categories`; None: not known.
    runtime: str | None = None
    branches: tuple[int, ...] = ()
    categories: tuple[str, ...] = ()


class PackageCap(Value):
    """A library that dropped devices which frameworks still serve, and that they do not hold back themselves."""

    package: str  # nvidia-cudnn-cu12
    allowed: str  # PEP 440 range: `<9.11`
    architectures: tuple[str, ...]  # of the devices
    reason: str
    source: str


class VisibilityRow(Value):
    """An environment variable by which frameworks see fewer devices of a vendor, and how its value is read."""

    variable: str  # CUDA_VISIBLE_DEVICES
    source: str
    container: bool = False  # only container runtimes read it: it does not hide anything from a framework
    owner: str | None = None  # the vendor whose variable it is first, where this one only reads it as well
    # indices: `0,2`; tiles: `0.1,2`, where what is behind the point is a piece of the device; cores: pieces of devices
    # alone; selector: `level_zero:0,1`
    form: Literal["indices", "tiles", "cores", "selector"] = "indices"
    empty: Literal["hides", "ignored"] | None = None  # what an empty value does; None: not known
    invalid: Literal["ends"] | None = None  # an invalid entry ends the list; None: not known
    blanks: bool = False  # blanks around an entry are skipped; False: they make it invalid
    relative_to: str | None = None  # the variable whose remaining devices this one counts
    fallback_for: str | None = None  # read only where that variable is unset or empty
    # `VARIABLE=value` under which unlike devices are counted by bus address, as envkit does; None: they always are
    bus_order: str | None = None


class KernelFloor(Value):
    """The oldest kernel whose own driver serves an architecture without being told to."""

    architecture: str
    minimum: str
    source: str


class Vendor(Value):
    """One accelerator vendor: `envkit/data/vendors/<name>.yaml`."""

    name: str
    title: str
    pci_vendors: tuple[str, ...]  # hexadecimal, without 0x
    sources: dict[str, Source]
    runtime: str | None = None  # cuda | rocm
    # The kernel modules that serve its devices, under all names that they are built by, that for `modprobe` first.
    kernel_modules: tuple[str, ...] = ()
    fabric_switches: tuple[str, ...] = ()  # PCI ids of switches between devices that a service has to set up
    board_kernels: dict[str, str] = {}  # release of the boards' own system by the kernel that it runs: {"5.15": "36"}
    architecture_rule: Literal["same-major", "exact"] = (
        "exact"  # same-major: code for sm_80 also runs on sm_86, never lower or across majors
    )
    models: tuple[DeviceModel, ...] = ()
    pci_ranges: tuple[PciRange, ...] = ()
    architectures: tuple[ArchitectureRow, ...] = ()
    driver_floors: tuple[DriverFloor, ...] = ()
    driver_rows: tuple[DriverRow, ...] = ()
    driver_branches: tuple[DriverBranch, ...] = ()
    driver_windows: tuple[DriverWindow, ...] = ()
    kernel_floors: tuple[KernelFloor, ...] = ()
    forward_rows: tuple[ForwardRow, ...] = ()
    admissions: tuple[AdmissionRow, ...] = ()
    package_caps: tuple[PackageCap, ...] = ()
    runtime_drivers: tuple[RuntimeDrivers, ...] = ()
    bases: tuple["BaseRow", ...] = ()  # images of the vendor that bring a runtime
    system: Literal["linux", "darwin"] = "linux"  # of the hosts that have its devices
    cpu_architectures: tuple[str, ...] = ()  # of those hosts, where it is not every one
    native_only: str | None = None  # why no container reaches its devices
    image_driver: str | None = None  # what of the driver an image has to bring itself, which plain ones do not
    kubernetes: tuple[str, ...] = ()  # the resources that its device plugins offer, the vendor's own plugin first
    visibility_rows: tuple[VisibilityRow, ...] = ()  # in the order in which they apply
    access: AccessRow | None = None

    @property
    def visibility(self) -> tuple[str, ...]:
        """Return the variables that decide which of the vendor's devices a framework or a container sees."""
        return tuple(row.variable for row in self.visibility_rows)


class BaseRow(Value):
    """A family of base images that bring Python, one image per Python version."""

    image: str  # `python:{python}-slim-bookworm`
    os: str  # debian-12
    libc: str  # glibc version inside
    pythons: tuple[str, ...]
    cpu_architectures: tuple[str, ...]
    source: str
    runtime: Runtime | None = None  # that it brings
    architectures: tuple[str, ...] | None = None  # of devices that the runtime in it is for; None: all


class OsRow(Value):
    """What a release of a distribution brings, for targets that nobody recorded."""

    os: str
    version: str
    source: str
    libc: str | None = None
    python: str | None = None
    aliases: tuple[str, ...] = ()
    image_words: tuple[str, ...] = ()  # parts of image tags that mean it: bookworm, ubuntu22.04


class Foundations(Value):
    """`envkit/data/foundations.yaml`: bases, distributions, and the order in which Pythons are preferred."""

    sources: dict[str, Source]
    python_preference: tuple[str, ...]  # most wanted first; a Python that is not named comes last
    settle_days: int  # a younger release waits unless it is asked for
    bases: tuple[BaseRow, ...]
    distributions: tuple[OsRow, ...]
    stale_days: int | None = None  # users are told of data whose newest source is older; None: never
    # What the processor of a target can do, by its architecture: a target names devices and not its processor.
    target_features: dict[str, tuple[str, ...]] = {}


class Build(Value):
    """One installable build: a release in one variant from one index, for one processor architecture."""

    recipe: str
    release: str
    released: str
    variant: str
    vendor: str
    cpu_architecture: str
    package: str
    index: str  # name of the index: `default`, `wheelhouse`, `pytorch-cu126`
    pythons: tuple[str, ...]
    source: str
    index_url: str | None = None  # None for `default`
    index_packages: tuple[str, ...] = ()
    runtime: Runtime | None = None
    architectures: tuple[str, ...] | None = None
    ptx: tuple[str, ...] = ()
    libc: str | None = None
    system: Literal["linux", "darwin"] = "linux"
    extra: str | None = None
    requirements: tuple[str, ...] = ()
    companions: dict[str, str] = {}
    companion_pythons: dict[str, tuple[str, ...]] = {}  # of those that have wheels for fewer Pythons
    requires: dict[str, str] = {}  # of other recipes' packages
    cpu_level: str | None = None
    cpu_features: tuple[str, ...] = ()
    windows: tuple[HostWindow, ...] = ()
    broken: tuple[BrokenRow, ...] = ()  # those that cover it
    pins: dict[str, str] = {}
    label: str | None = None  # of its version on an own index; None: the variant
    image: str | None = None
    yanked: str | None = None


class Matrix(Value):
    """All that the resolver may know about the world, loaded for one request."""

    revision: str  # hash over the files it was read from
    newest_source: str  # ISO date
    foundations: Foundations
    recipes: tuple[Recipe, ...]
    vendors: tuple[Vendor, ...]

    def recipe(self, name: str) -> Recipe | None:
        """Return the recipe with this name or alias."""
        return next((recipe for recipe in self.recipes if name == recipe.name or name in recipe.aliases), None)

    def vendor(self, name: str) -> Vendor | None:
        """Return the vendor with this name."""
        return next((vendor for vendor in self.vendors if vendor.name == name), None)
