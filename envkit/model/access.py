"""How devices are told from their ids, and how a container reaches them: rows of a vendor's file."""

from envkit.model.value import Value


class PciRange(Value):
    """Device ids that are given to several architectures: what a card may be whose own id is in no row."""

    first: str  # hexadecimal, of the device alone: 1340
    last: str
    architectures: tuple[str, ...]
    source: str


class AccessVariant(Value):
    """Devices, or machines, on which containers reach the devices of a vendor otherwise; None: as elsewhere."""

    source: str
    architectures: tuple[str, ...] = ()  # of the devices; empty: all
    wsl: bool = False  # only under WSL
    common_nodes: tuple[str, ...] | None = None
    device_nodes: tuple[str, ...] | None = None
    mounts: tuple[str, ...] | None = None
    environment: dict[str, str] | None = None
    named_runtime: bool = False  # the vendor's runtime has to be named: the engine's own option does not serve them


class KubernetesRow(Value):
    """The resource under which a device plugin offers the devices of a vendor."""

    resource: str  # nvidia.com/gpu
    source: str
    architectures: tuple[str, ...] = ()  # of the devices; empty: all
    runtime_class: str | None = None  # that a pod has to name, where the plugin alone does not suffice
    product_label: str | None = None  # of nodes, with the name of their devices, `-` for blanks: nvidia.com/gpu.product


class AccessRow(Value):
    """How a container reaches the devices of a vendor."""

    source: str
    cdi_kind: str | None = None  # nvidia.com/gpu
    common_nodes: tuple[str, ...] = ()
    device_nodes: tuple[str, ...] = ()  # per device, `{index}` and `{minor}` replaced: /dev/nvidia{index}
    groups: tuple[str, ...] = ()  # group names of the host whose numbers the container needs
    environment: dict[str, str] = {}
    nodes_suffice: bool = True  # False: containers need more of the host than nodes, from the vendor's runtime or CDI
    engine_runtime: str | None = None  # the runtime that the vendor's toolkit registers with an engine: nvidia
    # What a CDI specification needs beside them, where it exists on the host:
    optional_nodes: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()  # files and folders of the driver; `{driver}` is its version
    optional_mounts: tuple[str, ...] = ()  # that not every release of it has
    libraries: tuple[str, ...] = ()  # file names of the driver's libraries: `libcuda.so.*`
    library_folders: tuple[str, ...] = ()  # where they may lie; `{architecture}` is the processor's: x86_64
    library_hook: tuple[str, ...] = ()  # tells a container's loader about them; `--folder DIR` follows for each folder
    cdi_environment: dict[str, str] = {}
    apptainer: tuple[str, ...] = ()  # its own option for this vendor: --nv
    user: int | None = None  # whom the driver lets use the devices beside root: the number of that user
    variants: tuple[AccessVariant, ...] = ()  # the first one that fits is taken
