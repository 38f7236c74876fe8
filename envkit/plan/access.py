"""How a container on this host reaches the chosen devices: the least that suffices, never a privilege."""

from envkit.model.host import ContainerEngine, HostFacts
from envkit.model.matrix import Matrix
from envkit.model.plan import DeviceAccess
from envkit.model.resolution import Chosen
from envkit.plan.reach import Reach, find_reach

# Docker's `--gpus` knows this vendor alone; other vendors register runtimes under their own names, which it ignores.
_GPUS_OPTION_VENDOR = "nvidia"
# Group 0 owns much besides devices: a container gets no part in it.
_ROOT_GROUP = 0


def plan_access(chosen: Chosen, engine: ContainerEngine | None, facts: HostFacts, matrix: Matrix) -> DeviceAccess:
    """Return the least that a container needs for the chosen devices; empty for the processor or an unknown vendor.

    1. CDI, when the engine has it and offers every chosen device, or all devices and all are chosen.
    2. The engine's `--gpus`, for NVIDIA with its runtime, or where nodes would give a container no driver: the engine
       then says what it lacks. Docker for Windows brings what it needs under WSL, and names no runtime.
    3. The vendor's runtime, where the engine has it and nodes do not suffice.
    4. The device nodes that the facts list, the vendor's common nodes, the numbers of the groups that own them, and the
       driver's files; what the facts know to be missing is left out.
    """
    reach = find_reach(chosen, facts, matrix)
    if reach is None:
        return DeviceAccess()
    cdi = _cdi_names(reach, chosen, engine)
    if cdi:
        # A specification names nodes; that their groups may use them alone is not in it.
        return DeviceAccess(cdi=cdi, groups=_groups(reach) if reach.row.groups else (), user=reach.row.user)
    runtimes = (engine.runtimes if engine is not None else None) or ()
    known = reach.row.engine_runtime in runtimes
    if reach.named_runtime or (known and not reach.row.nodes_suffice and chosen.vendor != _GPUS_OPTION_VENDOR):
        return _by_runtime(reach)
    of_windows = reach.under_wsl and engine is not None and engine.name == "docker"
    if chosen.vendor == _GPUS_OPTION_VENDOR and (known or of_windows or not reach.nodes_work):
        return DeviceAccess(gpu_indices=chosen.devices, environment=reach.row.environment)
    return DeviceAccess(
        nodes=reach.nodes,
        groups=_groups(reach),
        environment=reach.environment,
        mounts=reach.mounts if reach.nodes else (),
        user=reach.row.user,
    )


def _by_runtime(reach: Reach) -> DeviceAccess:
    environment = {} if reach.visible is None else {reach.visible: reach.indices}
    return DeviceAccess(
        runtime=reach.row.engine_runtime,
        groups=_groups(reach),
        environment=reach.environment | environment,
        user=reach.row.user,
    )


def _cdi_names(reach: Reach, chosen: Chosen, engine: ContainerEngine | None) -> tuple[str, ...]:
    kind = reach.row.cdi_kind
    if kind is None or engine is None or not engine.cdi:
        return ()
    offered = engine.cdi_devices or ()
    wanted = tuple(f"{kind}={index}" for index in chosen.devices)
    if set(wanted) <= set(offered):
        return wanted
    every = f"{kind}=all"
    return (every,) if every in offered and reach.every else ()


def _groups(reach: Reach) -> tuple[int, ...]:
    """Return the numbers of the groups that own the nodes, as far as the facts tell them."""
    return tuple(sorted({group for device in reach.devices for group in device.node_groups or ()} - {_ROOT_GROUP}))
