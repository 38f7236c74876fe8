"""The row of a vendor's access that holds for some devices on some machine, and what it names there."""

import msgspec

from envkit.model.access import AccessRow, AccessVariant
from envkit.model.host import Device, HostFacts
from envkit.model.matrix import Matrix
from envkit.model.plan import Mount
from envkit.model.resolution import Chosen
from envkit.model.value import Value
from envkit.model.vendor import Vendor


class Reach(Value):
    """What containers need of one machine for some devices of one vendor, beside CDI and runtimes."""

    vendor: Vendor
    row: AccessRow
    devices: tuple[Device, ...]  # the chosen ones
    every: bool  # they are all that the machine has of this vendor
    nodes: tuple[str, ...]  # empty: those of one device or more are not known
    mounts: tuple[Mount, ...]
    environment: dict[str, str]
    named_runtime: bool = False
    under_wsl: bool = False

    @property
    def nodes_work(self) -> bool:
        """Tell whether nodes are known, and whatever of the driver's libraries a container needs beside them."""
        return bool(self.nodes) and (not self.row.libraries or bool(self.mounts))

    @property
    def indices(self) -> str:
        """Return the devices as visibility variables of container runtimes take them."""
        return "all" if self.named_runtime else ",".join(str(device.index) for device in self.devices)

    @property
    def visible(self) -> str | None:
        """Return the variable by which the vendor's container runtime is told the devices."""
        return next((row.variable for row in self.vendor.visibility_rows if row.container), None)


def find_reach(chosen: Chosen, facts: HostFacts, matrix: Matrix) -> Reach | None:
    """Return how the chosen devices are reached; None for the processor or a vendor without a row."""
    vendor = matrix.vendor(chosen.vendor)
    if vendor is None or vendor.access is None or not chosen.devices:
        return None
    row = vendor.access
    ours = tuple(device for device in facts.devices or () if device.vendor == vendor.name)
    devices = tuple(device for device in ours if device.index in chosen.devices)
    variant = _variant(row, devices, facts) or AccessVariant(source=row.source)
    common = row.common_nodes if variant.common_nodes is None else variant.common_nodes
    patterns = row.device_nodes if variant.device_nodes is None else variant.device_nodes
    files = _files(facts, vendor.name)
    return Reach(
        vendor=vendor,
        row=row,
        devices=devices,
        every={device.index for device in ours} == set(chosen.devices),
        nodes=_nodes(_there(row, variant, common, files), patterns, devices),
        mounts=_mounts(row, variant, files),
        environment=row.environment if variant.environment is None else variant.environment,
        named_runtime=variant.named_runtime,
        under_wsl=_is_wsl(facts),
    )


def row_of_devices(row: AccessRow, devices: tuple[Device, ...]) -> AccessRow:
    """Return the row with what holds for devices of these architectures alone, for a description of them by files."""
    architectures = {device.architecture for device in devices}
    for variant in row.variants:
        described = variant.architectures and not variant.wsl and not variant.named_runtime
        if described and architectures and architectures <= set(variant.architectures):
            return msgspec.structs.replace(
                row,
                common_nodes=row.common_nodes if variant.common_nodes is None else variant.common_nodes,
                device_nodes=row.device_nodes if variant.device_nodes is None else variant.device_nodes,
                mounts=row.mounts if variant.mounts is None else variant.mounts,
                environment=row.environment if variant.environment is None else variant.environment,
            )
    return row


def _variant(row: AccessRow, devices: tuple[Device, ...], facts: HostFacts) -> AccessVariant | None:
    architectures = {device.architecture for device in devices}
    for variant in row.variants:
        fits = not variant.architectures or (bool(architectures) and architectures <= set(variant.architectures))
        if fits and (_is_wsl(facts) or not variant.wsl):
            return variant
    return None


def _is_wsl(facts: HostFacts) -> bool:
    return facts.os is not None and facts.os.wsl is True


def _files(facts: HostFacts, vendor: str) -> dict[str, bool]:
    stack = facts.stack(vendor)
    return {} if stack is None else stack.files


def _there(row: AccessRow, variant: AccessVariant, common: tuple[str, ...], files: dict[str, bool]) -> tuple[str, ...]:
    """Return the common nodes but those that are known to be missing, and the optional ones that are known to exist."""
    optional = row.optional_nodes if variant.common_nodes is None else ()
    return (*(node for node in common if files.get(node, True)), *(node for node in optional if files.get(node)))


def _nodes(common: tuple[str, ...], patterns: tuple[str, ...], devices: tuple[Device, ...]) -> tuple[str, ...]:
    """Return the nodes of all devices after the common ones, or none when those of one device are not known."""
    own = [_device_nodes(patterns, device) for device in devices]
    if not own or not all(own):
        return ()
    return tuple(dict.fromkeys((*common, *(node for nodes in own for node in nodes))))


def _device_nodes(patterns: tuple[str, ...], device: Device) -> tuple[str, ...]:
    if device.nodes is not None:
        return device.nodes
    # `{minor}` is a number that only the machine can tell.
    return tuple(node.replace("{index}", str(device.index)) for node in patterns if "{minor}" not in node)


def _mounts(row: AccessRow, variant: AccessVariant, files: dict[str, bool]) -> tuple[Mount, ...]:
    """Return the driver's files but those that are known to be missing, and optional ones that are known to exist.

    None where libraries belong to them whose places only CDI or the vendor's runtime finds.
    """
    if variant.mounts is not None:
        wanted: tuple[str, ...] = variant.mounts
    elif row.libraries:
        wanted = ()
    else:
        wanted = (*row.mounts, *(path for path in row.optional_mounts if files.get(path)))
    present = (path for path in wanted if files.get(path, True))
    return tuple(Mount(source=path, target=path, read_only=True) for path in present)
