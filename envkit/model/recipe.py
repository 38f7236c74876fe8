"""What is known about one framework: its releases, their builds, and the proof that it works."""

from typing import Literal

from envkit.model.deriving import DeriveRow
from envkit.model.host import Runtime
from envkit.model.provenance import Source
from envkit.model.value import Value


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
    image: str | None = None  # of the vendor, where the build is to be had in it alone: one of the vendor's bases
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


class LibraryRow(Value):
    """A library of the system that the wheels load and do not bring; `PackageManager.libraries` has its packages."""

    file: str  # libgomp.so.1
    source: str


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
    libraries: tuple[LibraryRow, ...] = ()
    indexes: tuple[IndexRow, ...] = ()
    denied: tuple[Denied, ...] = ()
    absent: tuple[AbsentRow, ...] = ()
    derive: DeriveRow | None = None
