"""What tools other than this host's engine are told, to give an environment as many devices of its vendor."""

import msgspec

from envkit.model.access import KubernetesRow
from envkit.model.host import Device, HostFacts
from envkit.model.matrix import Matrix
from envkit.model.plan import DeviceRequest, Mount
from envkit.model.resolution import Chosen
from envkit.model.vendor import Vendor
from envkit.plan.reach import Reach, find_reach


def plan_devices(chosen: Chosen, facts: HostFacts, matrix: Matrix) -> DeviceRequest:
    """Return the devices that an environment asks for, wherever it runs; none for the processor."""
    vendor = matrix.vendor(chosen.vendor)
    if vendor is None or not chosen.devices:
        return DeviceRequest()
    ours = (device for device in facts.devices or () if device.vendor == vendor.name)
    request = _counted(vendor, tuple(device for device in ours if device.index in chosen.devices), len(chosen.devices))
    reach = find_reach(chosen, facts, matrix)
    return request if reach is None else _reached(request, reach)


def _counted(vendor: Vendor, devices: tuple[Device, ...], count: int) -> DeviceRequest:
    architectures = tuple(sorted({device.architecture for device in devices if device.architecture is not None}))
    row = _kubernetes_row(vendor, architectures)
    return DeviceRequest(
        count=count,
        architectures=architectures,
        memory_mib=min((device.memory_mib for device in devices if device.memory_mib is not None), default=None),
        resource=None if row is None else row.resource,
        runtime_class=None if row is None else row.runtime_class,
        product_label=None if row is None else row.product_label,
        products=tuple(sorted({device.name for device in devices if device.name is not None})),
    )


def _kubernetes_row(vendor: Vendor, architectures: tuple[str, ...]) -> KubernetesRow | None:
    for row in vendor.kubernetes:
        if not row.architectures or (architectures and set(architectures) <= set(row.architectures)):
            return row
    return None


def _reached(request: DeviceRequest, reach: Reach) -> DeviceRequest:
    row, nodes = reach.row, reach.nodes
    names = ("all",) if reach.every else tuple(str(device.index) for device in reach.devices)
    return msgspec.structs.replace(
        request,
        cdi=() if row.cdi_kind is None else tuple(f"{row.cdi_kind}={name}" for name in names),
        # A container sees the host's device nodes there, so that files alone are left to name: those of WSL too, which
        # Apptainer's own options leave out.
        apptainer=(*row.apptainer, *(word for mount in reach.mounts for word in ("--bind", _bind(mount)))),
        nodes=nodes,
        groups=row.groups,
        mounts=reach.mounts if nodes else (),
        environment=reach.environment,
        runtime=row.engine_runtime,
        user=row.user,
    )


def _bind(mount: Mount) -> str:
    return f"{mount.source}:{mount.target}:ro"
