"""The state of a machine in which the answers of vendors' tools stay what they are."""

from envkit.system.answers import KeepingHost
from envkit.system.directories import probe_cache_directory
from envkit.system.host import Host

_BOOT = "/proc/sys/kernel/random/boot_id"
_PCI = "/sys/bus/pci/devices"
# Loaded modules with their sizes and use counts; a driver that was replaced has another size, or the file below tells.
_MODULES = "/proc/modules"
_FILES = ("/proc/driver/nvidia/version", "/etc/ld.so.cache")
# Partitions: MIG instances have nodes and files, those of AMD are nodes of the compute topology.
_FOLDERS = (_PCI, "/dev", "/dev/nvidia-caps", "/dev/dri", "/dev/accel", "/sys/class/kfd/kfd/topology/nodes")
_NAMESPACE = "/proc/self/ns/mnt"
_LIMIT_BYTES = 4 * 1024 * 1024


def kept_host() -> KeepingHost:
    """Return this machine, whose tools that answer slowly are asked once for each state of it."""
    return KeepingHost(probe_cache_directory(), probe_state)


def probe_state(host: Host) -> str | None:
    """Return a text that changes with the boot, the driver, its libraries, the devices, and who may see them.

    None where the kernel does not tell its boot: nothing is to be kept then.
    """
    # Imported here: it takes 5 ms, and a machine without devices has no answers to keep.
    import hashlib

    boot = host.read(_BOOT).text
    if boot is None:
        return None
    modules = [line.split()[:2] for line in (host.read(_MODULES, limit=_LIMIT_BYTES).text or "").splitlines()]
    files = [host.read(path, limit=_LIMIT_BYTES).text or "" for path in _FILES]
    return "\0".join(
        [
            boot,
            # Another container on the same kernel is given other devices.
            host.link(_NAMESPACE) or "",
            *(" ".join(words) for words in sorted(modules)),
            *(hashlib.sha256(text.encode()).hexdigest() for text in files),
            *(f"{folder} {' '.join(host.names(folder) or ())}" for folder in _FOLDERS),
            *(f"{name}={host.variable(name)}" for name in _variables()),
        ]
    )


def _variables() -> tuple[str, ...]:
    """Return the variables that change what tools tell: where libraries lie, and which devices may be seen."""
    # Imported here: only a machine with devices gets this far.
    from envkit.data import load_vendors

    masks = {name for vendor in load_vendors() for name in vendor.visibility}
    return ("LD_LIBRARY_PATH", "PATH", *sorted(masks))
