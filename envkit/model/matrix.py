"""The compatibility matrix as the resolver reads it; the YAML files decode into the row types of this module."""

from typing import Literal

from envkit.model.host import Runtime
from envkit.model.value import Value

DEFAULT_INDEX = "default"  # the user's main index (PyPI, or the mirror that stands for it)
WHEELHOUSE_INDEX = "wheelhouse"
CPU = "cpu"  # stands for the vendor where no accelerator is used


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
    libc: str | None = None  # glibc floor, where it differs from the release's
    confidence: Literal["high", "medium", "low"] = "high"
    note: str | None = None


class ReleaseRow(Value):
    """One release of a recipe's main package."""

    version: str
    released: str  # ISO date
    pythons: tuple[str, ...]  # 3.10, 3.13t (free-threaded)
    source: str
    pythons_by_architecture: dict[str, tuple[str, ...]] = {}  # where a processor architecture has fewer
    libc: dict[str, str] = {}  # glibc floor by processor architecture
    default: dict[str, str] = {}  # variant on the main index, by processor architecture
    indexed: tuple[str, ...] = ()  # variants on the recipe's own indexes
    packages: dict[str, str] = {}  # exact versions of the companions: torchvision
    packages_pythons: dict[str, tuple[str, ...]] = {}  # of companions that have wheels for fewer Pythons
    yanked: str | None = None  # the reason given upstream
    derived: bool = False


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


class AccessRow(Value):
    """How a container reaches the devices of a vendor."""

    source: str
    cdi_kind: str | None = None  # nvidia.com/gpu
    common_nodes: tuple[str, ...] = ()
    device_nodes: tuple[str, ...] = ()  # per device, `{index}` and `{minor}` replaced: /dev/nvidia{index}
    groups: tuple[str, ...] = ()  # group names of the host whose numbers the container needs
    environment: dict[str, str] = {}


class Vendor(Value):
    """One accelerator vendor: `envkit/data/vendors/<name>.yaml`."""

    name: str
    title: str
    pci_vendors: tuple[str, ...]  # hexadecimal, without 0x
    sources: dict[str, Source]
    runtime: str | None = None  # cuda | rocm
    architecture_rule: Literal["same-major", "exact"] = (
        "exact"  # same-major: code for sm_80 also runs on sm_86, never lower or across majors
    )
    models: tuple[DeviceModel, ...] = ()
    architectures: tuple[ArchitectureRow, ...] = ()
    driver_floors: tuple[DriverFloor, ...] = ()
    driver_rows: tuple[DriverRow, ...] = ()
    driver_branches: tuple[DriverBranch, ...] = ()
    driver_windows: tuple[DriverWindow, ...] = ()
    access: AccessRow | None = None


class BaseRow(Value):
    """A family of base images that bring Python, one image per Python version."""

    image: str  # `python:{python}-slim-bookworm`
    os: str  # debian-12
    libc: str  # glibc version inside
    pythons: tuple[str, ...]
    cpu_architectures: tuple[str, ...]
    source: str


class OsRow(Value):
    """What a release of a distribution brings, for targets that nobody recorded."""

    os: str
    version: str
    source: str
    libc: str | None = None
    python: str | None = None
    aliases: tuple[str, ...] = ()


class Foundations(Value):
    """`envkit/data/foundations.yaml`: bases, distributions, and the order in which Pythons are preferred."""

    sources: dict[str, Source]
    python_preference: tuple[str, ...]  # most wanted first; a Python that is not named comes last
    settle_days: int  # a younger release waits unless it is asked for
    bases: tuple[BaseRow, ...]
    distributions: tuple[OsRow, ...]


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
    extra: str | None = None
    companions: dict[str, str] = {}
    companion_pythons: dict[str, tuple[str, ...]] = {}  # of those that have wheels for fewer Pythons
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
