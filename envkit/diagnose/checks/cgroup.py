"""Control groups: their version, Docker's driver for them, and what limits a container."""

import re

from envkit.diagnose.examination import Answer, Examination, unknown

_MARK = "/sys/fs/cgroup/cgroup.controllers"  # exists in the unified hierarchy only
_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_QUOTA = "/sys/fs/cgroup/cpu.max"
_AMOUNT = re.compile(r"(?P<bytes>\d{1,20})\s")
_PROCESSORS = re.compile(r"(?P<quota>\d{1,15}) (?P<period>\d{1,15})\s")
_UNLIMITED = 1 << 60  # version 1 writes the largest number of pages for "no limit"
_MIB = 1024 * 1024


def check_version(examination: Examination) -> Answer:
    """Tell which hierarchy the system has."""
    if examination.host.exists(_MARK):
        return Answer("version 2", _MARK)
    mounts = examination.host.read("/proc/mounts").text or ""
    kinds = {fields[2] for fields in map(str.split, mounts.splitlines()) if len(fields) > 2}  # noqa: PLR2004 - as below
    if "cgroup" in kinds:
        return Answer("version 1", "/proc/mounts")
    return unknown("not known", _MARK)


def check_driver(examination: Examination) -> Answer:
    """Look whether running containers would lose devices when systemd reloads.

    Docker with systemd as its driver, and NVIDIA's devices through its runtime: https://github.com/NVIDIA/nvidia-docker
    issue 1671. CDI tells the engine of the devices, so that systemd knows of them.
    """
    docker, daemon = examination.docker, examination.daemon
    if docker is None or daemon is None or daemon.cgroup_driver is None:
        return unknown("no Docker daemon on this machine was asked", "/info of Docker's daemon")
    by_cdi = any(name.startswith("nvidia.com/") for name in docker.cdi_devices or ())
    by_runtime = "nvidia" in (docker.runtimes or ()) and any(
        device.vendor == "nvidia" for device in examination.accelerators
    )
    if daemon.cgroup_driver != "systemd" or by_cdi or not by_runtime or docker.cdi_devices is None:
        return Answer(daemon.cgroup_driver, "/info of Docker's daemon")
    evidence = "/info of the daemon says `CgroupDriver` systemd, and lists no CDI device of nvidia.com"
    findings = examination.finding("cgroup-devices-lost", "engines", evidence)
    return Answer(daemon.cgroup_driver, "/info of Docker's daemon", findings)


def check_limits(examination: Examination) -> Answer:
    """Look whether this container may use enough memory."""
    if not examination.contained:
        return Answer("not inside a container")
    path, limit = _memory_limit(examination)
    if limit is None:
        return Answer(f"memory not limited, {_quota(examination)}", path)
    mib = limit // _MIB
    seen = f"memory {mib} MiB, {_quota(examination)}"
    threshold = examination.threshold("container-memory")
    if threshold.warning is None or mib >= threshold.warning:
        return Answer(seen, path)
    evidence = f"{path} is {mib} MiB, less than {threshold.warning} MiB"
    return Answer(seen, path, examination.finding("container-memory-small", "memory_mib", evidence))


def _memory_limit(examination: Examination) -> tuple[str, int | None]:
    for path in _MEMORY:
        match = _AMOUNT.match(examination.host.read(path).text or "")
        if match is not None and int(match["bytes"]) < _UNLIMITED:
            return path, int(match["bytes"])
    return _MEMORY[0], None


def _quota(examination: Examination) -> str:
    """Return the processors that `cpu.max` allows: a quota and a period in microseconds, `200000 100000`."""
    match = _PROCESSORS.match(examination.host.read(_QUOTA).text or "")
    if match is None or int(match["period"]) == 0:
        return "processors not limited"
    return f"{int(match['quota']) / int(match['period']):g} processors"


CHECKS = (check_version, check_driver, check_limits)
