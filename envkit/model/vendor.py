"""What is known about one accelerator vendor: its devices, drivers, runtimes, and how containers reach them."""

from fnmatch import fnmatchcase
from typing import Literal

from envkit.model.access import AccessRow, KubernetesRow, PciRange
from envkit.model.host import Runtime
from envkit.model.provenance import Source
from envkit.model.request import Flavor
from envkit.model.value import Value


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
    newest: str | None = None  # newest version for data centres, of `envkit matrix refresh --source nvidia-drivers`


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
    runtime_wheels: "RuntimeWheels | None" = None
    system: Literal["linux", "darwin"] = "linux"  # of the hosts that have its devices
    cpu_architectures: tuple[str, ...] = ()  # of those hosts, where it is not every one
    native_only: str | None = None  # why no container reaches its devices
    image_driver: str | None = None  # what of the driver an image has to bring itself, which plain ones do not
    kubernetes: tuple[KubernetesRow, ...] = ()  # of its device plugins; the first one that fits is taken
    visibility_rows: tuple[VisibilityRow, ...] = ()  # in the order in which they apply
    access: AccessRow | None = None

    @property
    def visibility(self) -> tuple[str, ...]:
        """Return the variables that decide which of the vendor's devices a framework or a container sees."""
        return tuple(row.variable for row in self.visibility_rows)

    def is_runtime(self, package: str) -> bool:
        """Tell whether a Python package brings the vendor's runtime."""
        patterns = () if self.runtime_wheels is None else self.runtime_wheels.packages
        return any(fnmatchcase(package, pattern) for pattern in patterns)


class RuntimeWheels(Value):
    """The packages by which frameworks bring the vendor's runtime, the one that its base images have as well."""

    packages: tuple[str, ...]  # `*` for any part of a name: nvidia-cublas*
    source: str


class BaseRow(Value):
    """A family of base images that bring Python, one image per Python version."""

    image: str  # `python:{python}-slim-bookworm`
    pythons: tuple[str, ...]
    cpu_architectures: tuple[str, ...]
    source: str
    os: str | None = None  # debian-12; None: not known
    libc: str | None = None  # glibc version inside; None: not known
    packages: dict[str, str] = {}  # of Python, that it brings built for the vendor: {torch: "2.10.0"}
    runtime: Runtime | None = None  # that it brings
    architectures: tuple[str, ...] | None = None  # of devices that the runtime in it is for; None: all
    flavor: Flavor = "slim"
    on_request: bool = False  # taken only where the request names its system
    package_manager: str | None = None  # a name of `package_managers.yaml`; None: not known
    python_packages: tuple[str, ...] = ()  # that bring Python, where the image does not; `{python}` is its version
    python_program: str = "python3"  # likewise: python{python}
    compilers: bool = False  # it brings C and C++ compilers
    ensurepip: bool = True  # its Python brings pip for new environments; else pip is one of `python_packages`
