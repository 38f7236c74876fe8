"""How a container that envkit does not start itself reaches the devices of a plan."""

from envkit.model.plan import DeviceAccess, Mount, Plan
from envkit.model.value import Value


class ContainerAccess(Value):
    """What a container gets of the machine for its devices, in the words of Docker."""

    cdi: tuple[str, ...] = ()  # nvidia.com/gpu=0
    gpu_indices: tuple[int, ...] = ()  # for `--gpus`
    runtime: str | None = None
    nodes: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    group_names: tuple[str, ...] = ()  # whose numbers are not known; an image need not have groups of these names
    environment: dict[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    user: int | None = None  # whom the driver lets use the devices; None: anybody


def container_access(plan: Plan) -> ContainerAccess:
    """Return what the plan's machine takes; where its engine is not known, what most machines of the vendor take."""
    here = plan.access
    if here != DeviceAccess():
        return ContainerAccess(
            cdi=here.cdi,
            gpu_indices=here.gpu_indices,
            runtime=here.runtime,
            nodes=here.nodes,
            groups=here.groups,
            group_names=plan.devices.groups if (here.nodes or here.cdi) and not here.groups else (),
            environment=here.environment,
            mounts=here.mounts,
            user=here.user,
        )
    there = plan.devices
    if there.cdi:
        return ContainerAccess(cdi=there.cdi, group_names=there.groups, user=there.user)
    if there.runtime:
        return ContainerAccess(runtime=there.runtime, environment=there.environment, user=there.user)
    return ContainerAccess(
        nodes=there.nodes,
        group_names=there.groups,
        environment=there.environment,
        mounts=there.mounts,
        user=there.user,
    )


def group_note(access: ContainerAccess, place: str) -> str | None:
    """Say what somebody has to add by hand, and where, None where there is nothing."""
    if not access.group_names:
        return None
    names = " ".join(access.group_names)
    return f"the devices belong to groups of the machine, whose numbers go into {place}: getent group {names}"
