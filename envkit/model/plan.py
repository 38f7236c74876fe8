"""A plan, `envkit-plan/1`: the one description that every output and engine works from."""

from envkit.model.host import Runtime
from envkit.model.lock import Lock
from envkit.model.package_manager import PackageManager
from envkit.model.request import Mode
from envkit.model.resolution import Base, PackageIndex
from envkit.model.value import Value


class Mount(Value):
    """A directory or file of the host that a container sees."""

    source: str
    target: str
    read_only: bool = False


class DeviceAccess(Value):
    """What a container needs to reach the chosen devices; numbers and paths are those of this host."""

    cdi: tuple[str, ...] = ()  # qualified CDI names, `nvidia.com/gpu=0`
    nodes: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    environment: dict[str, str] = {}
    gpu_indices: tuple[int, ...] = ()  # for the engine's own `--gpus`, where CDI is not available
    runtime: str | None = None  # the vendor's runtime that the engine has to start the container with
    mounts: tuple[Mount, ...] = ()  # files and folders of the driver
    user: int | None = None  # number of the one user beside root whom the driver lets use the devices; None: any


class DeviceRequest(Value):
    """What tools other than this host's engine are told to reach as many devices of the vendor, wherever they run."""

    count: int = 0
    architectures: tuple[str, ...] = ()  # of the devices, each once
    memory_mib: int | None = None  # of the smallest one
    cdi: tuple[str, ...] = ()  # `nvidia.com/gpu=0`; empty: the vendor has no CDI kind
    resource: str | None = None  # that the vendor's Kubernetes device plugin offers: nvidia.com/gpu
    apptainer: tuple[str, ...] = ()  # options: --nv
    nodes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()  # names of the groups that own the nodes
    mounts: tuple[Mount, ...] = ()
    environment: dict[str, str] = {}
    runtime: str | None = None  # the vendor's runtime, which reaches them in the place of CDI
    runtime_class: str | None = None  # that a Kubernetes pod has to name
    product_label: str | None = None  # of Kubernetes nodes: nvidia.com/gpu.product
    products: tuple[str, ...] = ()  # names of the devices, each once
    user: int | None = None  # as in `DeviceAccess`


class SystemPackage(Value):
    """A package of the base image's distribution."""

    name: str
    version: str | None = None  # as its package manager writes it: 1:2.39.5-0+deb12u2; None: whatever is there


class RunSettings(Value):
    """How the environment is used: what a container of it gets beside the devices."""

    ports: tuple[int, ...] = ()  # of the container, reached on this machine's own address alone
    environment: dict[str, str] = {}
    shared_memory: str | None = None  # 8g; None: the engine's default
    command: tuple[str, ...] = ()  # empty: it waits


class SmokeTest(Value):
    """The computation that proves a recipe; see `recipes/README.md` for its contract."""

    recipe: str
    program: str  # Python source that defines `smoke(device, index)`
    device: str  # what the framework calls the device: cpu | cuda | xpu …
    indices: tuple[int, ...] = (0,)


class Plan(Value, tag_field="format", tag="envkit-plan/1"):
    """Everything needed to build, start and verify one environment."""

    name: str
    mode: Mode
    vendor: str
    variant: str
    python: str
    packages: dict[str, str]  # what the recipes asked for, with locked versions
    lock: Lock
    smoke: tuple[SmokeTest, ...]
    fingerprint: str  # of the request and the facts that it was resolved for
    interpreter: str | None = None
    base: Base | None = None
    access: DeviceAccess = DeviceAccess()
    mounts: tuple[Mount, ...] = ()
    labels: dict[str, str] = {}  # OCI and dev.envkit.* labels
    indexes: tuple[PackageIndex, ...] = ()  # public indexes beside the main one; never a user's mirror
    imports: tuple[str, ...] = ()  # modules whose bytecode is compiled into an image
    profile: str | None = None  # of the project file
    platform: str = "linux/amd64"  # of the image, as OCI writes it
    devices: DeviceRequest = DeviceRequest()
    system_packages: tuple[SystemPackage, ...] = ()  # all that are added to the base image
    package_manager: PackageManager | None = None  # that adds them; None: not known
    run: RunSettings = RunSettings()
    network_environment: dict[str, str] = {}  # tells tools of this user's mirrors, when it runs here; in no file
    runtime: Runtime | None = None  # that the packages were built for; None: of the processor
    runtime_packages: tuple[str, ...] = ()  # of the lock: those that bring it
    directory: str | None = None  # into which files are generated: sources of mounts in it are written relative to it

    @property
    def brought(self) -> dict[str, str]:
        """The packages that the base image brings, with their releases: they are neither locked nor installed."""
        return {} if self.base is None else self.base.packages
