"""Who may open device nodes: the groups that own them, and what keeps this user from one."""

import re
from pathlib import PurePosixPath
from typing import NamedTuple

import msgspec

from envkit.detect.facts import Surroundings
from envkit.detect.findings import make_finding
from envkit.detect.models import known_vendor
from envkit.model.host import Device, Finding
from envkit.system.command import Command
from envkit.system.host import Host, Owner

_SECONDS = 2.0
_NAMELESS = "UNKNOWN"  # what stat prints for a number without a name, as in a container
_STATUS = "/proc/self/status"
_IDS = re.compile(r"^(?P<key>Uid|Gid|Groups):[ \t]*(?P<ids>[\d \t]*)$", re.MULTILINE)
_NAMESPACE = "/proc/self/uid_map"
_WHOLE_NAMESPACE = ["0", "0", "4294967295"]
_OVERFLOW = 65534  # what stands for a group that a user namespace does not map
_ROOT = 0
_GROUP_MAY_USE = 0o060
_SELINUX = "/sys/fs/selinux/enforce"


class Process(NamedTuple):
    """The user that this process runs as."""

    uid: int
    groups: frozenset[int]


def with_node_groups(host: Host, devices: tuple[Device, ...]) -> tuple[Device, ...]:
    """Return the devices with the groups that own their nodes and those that all devices of their vendor share."""
    shared = {vendor: _shared_nodes(vendor) for vendor in {device.vendor for device in devices if device.nodes}}
    found = []
    for device in devices:
        nodes = () if not device.nodes else (*device.nodes, *shared[device.vendor])
        owners = [host.owner(node) for node in nodes]
        groups = {owner.gid for owner in owners if owner is not None and owner.gid is not None}
        found.append(msgspec.structs.replace(device, node_groups=tuple(sorted(groups)) if groups else None))
    return tuple(found)


def _shared_nodes(vendor: str) -> tuple[str, ...]:
    table = known_vendor(vendor)
    return () if table is None or table.access is None else table.access.common_nodes


def nodes_denied(around: Surroundings, fact: str, nodes: tuple[str, ...]) -> Finding:
    """Return why this user may not open some nodes that are there; the first one decides the kind.

    Sources: the owner and mode of the node; this process's own groups in /proc/self/status, which are those of the
    login; `id`, which tells the groups of the next login; /proc/self/uid_map; SELinux's own file.
    """
    node, host = nodes[0], around.host
    owner = host.owner(node)
    seen = f"{node} cannot be opened for reading and writing"
    if owner is None and host.exists(node) is None and host.accessible(node) is False:
        return _confined(around, fact, node, f"{seen}, nor can it be looked at")
    if owner is None or owner.gid is None:
        return _outside_group(around, fact, node, seen, group=f"$(stat -c %G {node})", number=f"$(stat -c %g {node})")
    return _by_owner(around, fact, nodes, seen, owner, owner.gid)


def _by_owner(around: Surroundings, fact: str, nodes: tuple[str, ...], seen: str, owner: Owner, gid: int) -> Finding:
    node, host, process = nodes[0], around.host, read_process(around.host)
    groups = group_names(host, nodes)
    group = groups.get(gid, str(gid))
    seen += f": it belongs to group {group}{'' if group.isdecimal() else f' ({gid})'}"
    if gid == _OVERFLOW and _in_user_namespace(host):
        return make_finding("node-group-unmapped", fact, seen, system=around.system, node=node)
    if process is not None and (process.uid == _ROOT or (gid in process.groups and _group_may_use(owner))):
        return _confined(around, fact, node, f"{seen}, and this process may use it by owner and mode")
    if gid == _ROOT or not _group_may_use(owner):
        return _only_root(around, fact, node, seen, owner)
    if not around.contained and _is_member(host, group):
        seen += ", which `id` says this user is in and this session is not"
        return make_finding("group-not-active", fact, seen, system=around.system, group=group)
    joined = frozenset() if process is None else process.groups
    missing = [name for number, name in groups.items() if number not in {_ROOT, *joined}]
    return _outside_group(around, fact, node, seen, group=",".join(missing) or group, number=str(gid))


def read_process(host: Host) -> Process | None:
    """Return the user of this process and all of its groups; None where the kernel's file says nothing.

    Uid:    1000    1000    1000    1000
    Groups: 4 24 27 1000
    """
    found = {match["key"]: match["ids"].split() for match in _IDS.finditer(host.read(_STATUS).text or "")}
    if not found.get("Uid"):
        return None
    groups = (*found.get("Gid", ()), *found.get("Groups", ()))
    return Process(uid=int(found["Uid"][0]), groups=frozenset(map(int, groups)))


def group_names(host: Host, nodes: tuple[str, ...]) -> dict[int, str]:
    """Return the groups that own some nodes, each with its name, or its number as text where it has none.

    stat is asked rather than /etc/group: it knows those of a directory service, and tells nothing about other users.
    """
    completed = host.run(Command(argv=("stat", "-L", "-c", "%G", *nodes), timeout_seconds=_SECONDS))
    names = completed.stdout.split() if completed.ok else []
    owners = [host.owner(node) for node in nodes]
    told = names if len(names) == len(nodes) else [_NAMELESS] * len(nodes)
    return {
        owner.gid: str(owner.gid) if name == _NAMELESS else name
        for owner, name in zip(owners, told, strict=True)
        if owner is not None and owner.gid is not None
    }


def _is_member(host: Host, group: str) -> bool:
    user = host.variable("USER") or host.variable("LOGNAME")
    if user is None or group.isdecimal():
        return False
    completed = host.run(Command(argv=("id", "-nG", user), timeout_seconds=_SECONDS))
    return completed.ok and group in completed.stdout.split()


def _group_may_use(owner: Owner) -> bool:
    return owner.mode is None or owner.mode & _GROUP_MAY_USE == _GROUP_MAY_USE


def _in_user_namespace(host: Host) -> bool:
    text = host.read(_NAMESPACE).text
    return text is not None and text.split() != _WHOLE_NAMESPACE


def _outside_group(around: Surroundings, fact: str, node: str, seen: str, *, group: str, number: str) -> Finding:
    return make_finding("nodes-inaccessible", fact, seen, system=around.system, node=node, group=group, number=number)


def _only_root(around: Surroundings, fact: str, node: str, seen: str, owner: Owner) -> Finding:
    mode = "" if owner.mode is None else f", mode {owner.mode:o}"
    return make_finding(
        "nodes-root-only", fact, f"{seen}{mode}", system=around.system, node=node, device=PurePosixPath(node).name
    )


def _confined(around: Surroundings, fact: str, node: str, seen: str) -> Finding:
    enforcing = (around.host.read(_SELINUX).text or "").strip() == "1"
    return make_finding(
        "nodes-confined",
        fact,
        f"{seen}; {_SELINUX} is 1" if enforcing else seen,
        system=around.system,
        remedies=("selinux-devices" if enforcing else "confined-devices",),
        node=node,
    )
