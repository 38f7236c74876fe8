"""A CDI specification as engines read it: github.com/cncf-tags/container-device-interface, SPEC.md."""

from envkit.model.value import Value


class DeviceNode(Value, rename="camel"):
    """A device node that a container gets."""

    path: str


class Mount(Value, rename="camel"):
    """A file or folder of the host that a container sees."""

    host_path: str
    container_path: str
    options: tuple[str, ...]


class Hook(Value, rename="camel"):
    """A command of the host that runs while a container is made."""

    hook_name: str
    path: str
    args: tuple[str, ...]


class ContainerEdits(Value, rename="camel"):
    """What is changed in a container."""

    env: tuple[str, ...] = ()
    device_nodes: tuple[DeviceNode, ...] = ()
    mounts: tuple[Mount, ...] = ()
    hooks: tuple[Hook, ...] = ()
    additional_gids: tuple[int, ...] = ()


class CdiDevice(Value, rename="camel"):
    """One name under which devices are asked for."""

    name: str
    container_edits: ContainerEdits


class Specification(Value, rename="camel"):
    """A CDI specification of one kind."""

    cdi_version: str
    kind: str  # nvidia.com/gpu
    devices: tuple[CdiDevice, ...]
    container_edits: ContainerEdits = ContainerEdits()
