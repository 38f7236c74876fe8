"""Container Device Interface: the device names that specification files define."""

import msgspec

from envkit.detect.decoding import decode_json
from envkit.system.host import Host

_LIMIT_BYTES = 1024 * 1024


class _Device(msgspec.Struct):
    name: str


class _Specification(msgspec.Struct):
    kind: str
    devices: tuple[_Device, ...]


def devices_in_specs(host: Host, folders: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the names in JSON specifications, `nvidia.com/gpu=all`; None when some are of another form, as YAML is."""
    found: set[str] = set()
    for folder in folders:
        for name in host.names(folder) or ():
            if not name.endswith(".json"):
                return None
            text = host.read(f"{folder}/{name}", limit=_LIMIT_BYTES).text
            document = decode_json(text or "", _Specification)
            if document is None:
                return None
            found.update(f"{document.kind}={device.name}" for device in document.devices)
    return tuple(sorted(found))
