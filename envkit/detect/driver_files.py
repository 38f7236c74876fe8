"""Which of the nodes and files that containers of a vendor are given exist on this host."""

from collections.abc import Iterator

import msgspec

from envkit.detect.models import known_vendor
from envkit.model.host import Device, Stack
from envkit.system.host import Host


def with_files(host: Host, stacks: tuple[Stack, ...], devices: tuple[Device, ...]) -> tuple[Stack, ...]:
    """Return the stacks of vendors that have a device here with what of their driver's nodes and files there is.

    A path that this user may not look at is left out: whether it exists is not known.
    """
    present = {device.vendor for device in devices}
    return tuple(
        msgspec.structs.replace(stack, files=_existing(host, stack)) if stack.vendor in present else stack
        for stack in stacks
    )


def _existing(host: Host, stack: Stack) -> dict[str, bool]:
    answers = ((path, host.exists(path)) for path in dict.fromkeys(_paths(stack)))
    return {path: exists for path, exists in answers if exists is not None}


def _paths(stack: Stack) -> Iterator[str]:
    vendor = known_vendor(stack.vendor)
    if vendor is None or vendor.access is None:
        return
    row = vendor.access
    yield from (*row.common_nodes, *row.optional_nodes)
    # Files that belong to libraries are of no use alone: CDI and the vendor's runtime find both themselves.
    if not row.libraries:
        yield from (*row.mounts, *row.optional_mounts)
    for variant in row.variants:
        yield from (*(variant.common_nodes or ()), *(variant.mounts or ()))
