"""A CDI specification of one vendor's devices, from the facts and the files of the host."""

from fnmatch import fnmatchcase
from typing import NamedTuple

from envkit.errors import DeviceMissingError
from envkit.model.access import AccessRow
from envkit.model.cdi import CdiDevice, ContainerEdits, DeviceNode, Hook, Mount, Specification
from envkit.model.host import Device, HostFacts
from envkit.model.text import check_text
from envkit.model.vendor import Vendor
from envkit.plan.reach import row_of_devices
from envkit.system.host import Host

# The first version in which a device's name may begin with a digit, and the first with groups: SPEC.md, released
# versions. Engines refuse a specification of a version that they do not know, so it is as low as it may be.
_WITH_NUMBERED_DEVICES = "0.5.0"
_WITH_GROUPS = "0.7.0"
_READ_ONLY = ("ro", "nosuid", "nodev", "rbind", "rprivate")
_ROOT_GROUP = 0


class Written(NamedTuple):
    """A specification, and what somebody who uses it has to know."""

    specification: Specification
    notes: tuple[str, ...]


def make_specification(facts: HostFacts, vendor: Vendor, host: Host | None) -> Written:
    """Return the specification of a vendor's devices: one name for each index, and `all`.

    `host` tells which nodes and files exist; without it the facts are taken at their word and the driver's files are
    left out. Raises `DeviceMissingError` when the facts have no such device, or none with a known node.
    """
    row = vendor.access
    devices = tuple(device for device in facts.devices or () if device.vendor == vendor.name)
    if row is None or row.cdi_kind is None:
        raise DeviceMissingError(f"no name for CDI devices is known of this vendor: `{vendor.name}`")
    if not devices:
        raise DeviceMissingError(f"no device of this vendor was detected: `{vendor.name}`", facts=_detected(facts))
    kind, row = row.cdi_kind, row_of_devices(row, devices)
    nodes = {name: _present(host, found) for name, found in _named(row, devices).items()}
    served = {name: found for name, found in nodes.items() if found}
    if not served:
        raise DeviceMissingError(
            f"no device node is known of any device of this vendor: `{vendor.name}`",
            facts=_detected(facts),
            hints=("envkit host setup",),
        )
    left = tuple(
        f"left out, no device node is known: `{name}`"
        for name in nodes
        if name not in served and not any(part.startswith(f"{name}:") for part in served)
    )
    common, missing = _common_nodes(row, host)
    files = _Files(facts, vendor.name, row, host)
    edits = ContainerEdits(
        env=tuple(f"{name}={value}" for name, value in (row.environment | row.cdi_environment).items()),
        device_nodes=_device_nodes(common),
        mounts=files.mounts(),
        hooks=files.hooks(),
        additional_gids=_groups(row, devices),
    )
    every = tuple(dict.fromkeys(node for found in served.values() for node in found))
    own = {name: _device_nodes(found, common) for name, found in (served | {"all": every}).items()}
    specification = Specification(
        cdi_version=_WITH_GROUPS if edits.additional_gids else _WITH_NUMBERED_DEVICES,
        kind=kind,
        devices=tuple(CdiDevice(name=name, container_edits=ContainerEdits(device_nodes=own[name])) for name in own),
        container_edits=edits,
    )
    return Written(specification, (*left, *missing, *files.notes()))


def _detected(facts: HostFacts) -> tuple[str, ...]:
    rows = tuple(
        f"detected: {device.vendor} {'?' if device.index is None else device.index}, {device.name or 'without a name'}"
        for device in facts.devices or ()
    )
    return rows or ("detected: no device",)


def _named(row: AccessRow, devices: tuple[Device, ...]) -> dict[str, tuple[str, ...]]:
    """Return the nodes of each device by its name: `0`, or `0:1` for the second part that device 0 is cut into."""
    named: dict[str, tuple[str, ...]] = {}
    parts: dict[int, int] = {}
    for place, device in enumerate(devices):
        if device.partition_of is None:
            index = place if device.index is None else device.index
            named[str(index)] = _own_nodes(row, device)
            continue
        number = parts.get(device.partition_of, 0)
        parts[device.partition_of] = number + 1
        # Only what the facts say: the vendor's pattern is for whole devices.
        named[f"{device.partition_of}:{number}"] = device.nodes or ()
    return named


def _own_nodes(row: AccessRow, device: Device) -> tuple[str, ...]:
    if device.nodes is not None:
        return device.nodes
    # `{minor}` is a number that only the machine can tell.
    return tuple(node.replace("{index}", str(device.index)) for node in row.device_nodes if "{minor}" not in node)


def _present(host: Host | None, paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path for path in paths if host is None or host.exists(path) is not False)


def _common_nodes(row: AccessRow, host: Host | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the nodes that every container gets, and a note for each that should exist and does not."""
    there = _present(host, row.common_nodes)
    optional = tuple(node for node in row.optional_nodes if host is not None and host.exists(node))
    missing = (node for node in row.common_nodes if node not in there)
    return (*there, *optional), tuple(f"left out, it does not exist on this host: `{node}`" for node in missing)


def _device_nodes(nodes: tuple[str, ...], elsewhere: tuple[str, ...] = ()) -> tuple[DeviceNode, ...]:
    return tuple(DeviceNode(path=check_text(node, "a device node")) for node in nodes if node not in elsewhere)


def _groups(row: AccessRow, devices: tuple[Device, ...]) -> tuple[int, ...]:
    """Return the numbers of the groups that own the nodes, for a vendor whose nodes are not open to everybody."""
    if not row.groups:
        return ()
    return tuple(sorted({group for device in devices for group in device.node_groups or ()} - {_ROOT_GROUP}))


class _Files:
    """The files of the driver that a container needs."""

    def __init__(self, facts: HostFacts, vendor: str, row: AccessRow, host: Host | None) -> None:
        stack = facts.stack(vendor)
        self._row = row
        self._host = host
        self._driver = None if stack is None else stack.driver
        self._architecture = None if facts.cpu is None else facts.cpu.architecture
        self._libraries = self._find_libraries()

    def mounts(self) -> tuple[Mount, ...]:
        """Return the files and folders that exist, at the same place in a container, read only."""
        if self._host is None:
            return ()
        named = (
            path.replace("{driver}", self._driver or "{driver}")
            for path in (*self._row.mounts, *self._row.optional_mounts)
        )
        paths = tuple(path for path in named if "{" not in path and self._host.exists(path))
        return tuple(
            Mount(host_path=path, container_path=path, options=_READ_ONLY)
            for path in (*paths, *(check_text(path, "a library's path") for path in self._libraries))
        )

    def hooks(self) -> tuple[Hook, ...]:
        """Return what tells a container's loader about the libraries, where the vendor's tool for it is installed."""
        tool = self._hook_tool()
        if tool is None:
            return ()
        folders = dict.fromkeys(path.rpartition("/")[0] for path in self._libraries)
        arguments = tuple(argument for folder in folders for argument in ("--folder", folder))
        return (Hook(hook_name="createContainer", path=tool, args=(*self._row.library_hook, *arguments)),)

    def notes(self) -> tuple[str, ...]:
        """Return what is left out, and what that means."""
        if self._host is None:
            wanted = self._row.mounts or self._row.optional_mounts or self._row.libraries
            return ("the driver's files are left out: which of them exist only that host can tell",) if wanted else ()
        if self._row.libraries and not self._libraries:
            return (f"no library of the driver was found in {', '.join(self._folders())}",)
        if self._libraries and self._row.library_hook and self._hook_tool() is None:
            tool, folder = self._row.library_hook[0], self._libraries[0].rpartition("/")[0]
            return (f"`{tool}` is not installed: an image whose loader skips {folder} needs it in LD_LIBRARY_PATH",)
        return ()

    def _hook_tool(self) -> str | None:
        if self._host is None or not self._libraries or not self._row.library_hook:
            return None
        return self._host.which(self._row.library_hook[0])

    def _folders(self) -> tuple[str, ...]:
        named = (folder.replace("{architecture}", self._architecture or "{}") for folder in self._row.library_folders)
        return tuple(folder for folder in named if "{" not in folder)

    def _find_libraries(self) -> tuple[str, ...]:
        """Return the libraries, links among them too: a mount of each gives a container every name it asks for.

        A folder that is only another name of one before it is looked into once.
        """
        host = self._host
        if host is None:
            return ()
        found: dict[str, None] = {}
        seen: set[str] = set()
        for folder in self._folders():
            real = host.real_path(folder) or folder
            names = () if real in seen else host.names(folder) or ()
            seen.add(real)
            found |= {
                f"{folder}/{name}": None
                for name in names
                if any(fnmatchcase(name, pattern) for pattern in self._row.libraries) and self._of_driver(name, names)
            }
        return tuple(found)

    def _of_driver(self, name: str, names: tuple[str, ...]) -> bool:
        """Tell whether a library may be of the loaded driver: not one that an older or newer driver left behind."""
        stem, _, version = name.partition(".so.")
        if self._driver is None or "." not in version or f"{stem}.so.{self._driver}" not in names:
            return True
        return version == self._driver
