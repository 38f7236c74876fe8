"""How a container reaches the chosen devices: CDI names, the engine's own option, or device nodes, in this order."""

from envkit.model.access import AccessRow
from envkit.model.host import ContainerEngine, Device, HostFacts
from envkit.model.matrix import Matrix
from envkit.model.plan import DeviceAccess
from envkit.model.resolution import Chosen

# Docker's `--gpus` knows this vendor alone; other vendors register runtimes under their own names, which it ignores.
_GPUS_OPTION_VENDOR = "nvidia"
# Group 0 owns much besides devices: a container gets no part in it.
_ROOT_GROUP = 0


def plan_access(chosen: Chosen, engine: ContainerEngine | None, facts: HostFacts, matrix: Matrix) -> DeviceAccess:
    """Return the least that a container needs for the chosen devices; empty for the processor or an unknown vendor.

    1. CDI, when the engine has it and offers every chosen device, or all devices and all are chosen.
    2. The engine's `--gpus`, for NVIDIA with its runtime, or where the device nodes are not known (WSL).
    3. The device nodes that the facts list, the vendor's common nodes, and the numbers of the groups that own them.
    """
    vendor = matrix.vendor(chosen.vendor)
    if vendor is None or vendor.access is None or not chosen.devices:
        return DeviceAccess()
    row = vendor.access
    cdi = _cdi_names(row, chosen, engine, facts)
    if cdi:
        return DeviceAccess(cdi=cdi)
    devices = tuple(device for device in _devices(chosen.vendor, facts) if device.index in chosen.devices)
    nodes = _nodes(row, devices)
    runtimes = (engine.runtimes if engine is not None else None) or ()
    if chosen.vendor == _GPUS_OPTION_VENDOR and (chosen.vendor in runtimes or not nodes):
        return DeviceAccess(gpu_indices=chosen.devices, environment=row.environment)
    return DeviceAccess(nodes=nodes, groups=_groups(devices), environment=row.environment)


def _devices(vendor: str, facts: HostFacts) -> tuple[Device, ...]:
    return tuple(device for device in facts.devices or () if device.vendor == vendor)


def _cdi_names(row: AccessRow, chosen: Chosen, engine: ContainerEngine | None, facts: HostFacts) -> tuple[str, ...]:
    if row.cdi_kind is None or engine is None or not engine.cdi:
        return ()
    offered = engine.cdi_devices or ()
    wanted = tuple(f"{row.cdi_kind}={index}" for index in chosen.devices)
    if set(wanted) <= set(offered):
        return wanted
    every = f"{row.cdi_kind}=all"
    if every in offered and {device.index for device in _devices(chosen.vendor, facts)} == set(chosen.devices):
        return (every,)
    return ()


def _nodes(row: AccessRow, devices: tuple[Device, ...]) -> tuple[str, ...]:
    """Return the nodes of all devices after the common ones, or none when those of one device are not known."""
    own = [_device_nodes(row, device) for device in devices]
    if not own or not all(own):
        return ()
    return tuple(dict.fromkeys((*row.common_nodes, *(node for nodes in own for node in nodes))))


def _device_nodes(row: AccessRow, device: Device) -> tuple[str, ...]:
    if device.nodes is not None:
        return device.nodes
    # `{minor}` is a number that only the machine can tell.
    return tuple(node.replace("{index}", str(device.index)) for node in row.device_nodes if "{minor}" not in node)


def _groups(devices: tuple[Device, ...]) -> tuple[int, ...]:
    return tuple(sorted({group for device in devices for group in device.node_groups or ()} - {_ROOT_GROUP}))
