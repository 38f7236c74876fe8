"""A plan, `envkit-plan/1`: the one description that every output and engine works from."""

from envkit.model.lock import Lock
from envkit.model.request import Mode
from envkit.model.resolution import Base, PackageIndex
from envkit.model.value import Value


class DeviceAccess(Value):
    """What a container needs to reach the chosen devices; numbers and paths are those of this host."""

    cdi: tuple[str, ...] = ()  # qualified CDI names, `nvidia.com/gpu=0`
    nodes: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    environment: dict[str, str] = {}
    gpu_indices: tuple[int, ...] = ()  # for the engine's own `--gpus`, where CDI is not available


class SmokeTest(Value):
    """The computation that proves a recipe; see `recipes/README.md` for its contract."""

    recipe: str
    program: str  # Python source that defines `smoke(device, index)`
    device: str  # what the framework calls the device: cpu | cuda | xpu …
    indices: tuple[int, ...] = (0,)


class Mount(Value):
    """A directory of the host that a container sees."""

    source: str
    target: str
    read_only: bool = False


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
