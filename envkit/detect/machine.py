"""The operating system: distribution, C library, kernel, and what it runs inside of."""

import re

from envkit.model.host import Libc, OperatingSystem
from envkit.system.command import Command
from envkit.system.host import Host

_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_WSL_MARK = "/proc/sys/fs/binfmt_misc/WSLInterop"
_PROC_VERSION = re.compile(r"(?P<system>\S+) version (?P<kernel>\S+)")
_LIBC = re.compile(r"(?P<family>glibc|musl) (?P<version>[\d.]+)")
_MUSL_LOADER = re.compile(r"ld-musl-\w+\.so\.1")
_MUSL_VERSION = re.compile(r"^Version (?P<version>[\d.]+)", re.MULTILINE)
_CGROUP_MARKS = {
    "docker": "docker",
    "kubepods": "kubernetes",
    "libpod": "podman",
    "lxc": "lxc",
    "containerd": "containerd",
}
_SECONDS = 2.0


def detect_system(host: Host) -> OperatingSystem | None:
    """Return the operating system, or None when nothing of it was recorded.

    Sources, in order: 1. this process, on a live host; 2. /etc/os-release, /proc/version; 3. `uname -r`, only where
    neither says which kernel runs.
    """
    machine = host.machine()
    release = _os_release(host)
    proc = _PROC_VERSION.match(host.read("/proc/version").text or "")
    kernel = machine.kernel or (None if proc is None else proc["kernel"]) or _uname(host)
    system = machine.system or ("linux" if release or (proc and proc["system"] == "Linux") else None)
    if system is None:
        return None
    container = _container(host)
    like = release.get("ID_LIKE")
    return OperatingSystem(
        system=system,
        id=release.get("ID"),
        id_like=tuple((like or "").split()) if release else None,
        version=release.get("VERSION_ID"),
        name=release.get("PRETTY_NAME"),
        kernel=kernel,
        libc=_libc(host, machine.libc) if system == "linux" else None,
        wsl=_wsl(host, kernel),
        container=container,
        # A container engine hides the firmware's folder from the container.
        secure_boot=None if container else _secure_boot(host),
    )


def _os_release(host: Host) -> dict[str, str]:
    """Read KEY=value lines; values may be quoted as in a shell, keys other than the distribution's own may occur."""
    text = next((read.text for read in map(host.read, _OS_RELEASE) if read.text is not None), "")
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def _uname(host: Host) -> str | None:
    completed = host.run(Command(argv=("uname", "-r"), timeout_seconds=_SECONDS))
    return completed.stdout.strip() or None


def _libc(host: Host, told: str | None) -> Libc | None:
    match = _LIBC.fullmatch(told or "")
    if match is not None:
        return Libc(family=match["family"], version=match["version"])
    loader = next((name for name in host.names("/lib") or () if _MUSL_LOADER.fullmatch(name)), None)
    if loader is None:
        return None
    # musl's loader has no option for it: started bare, it prints its version on standard error and fails.
    printed = host.run(Command(argv=(f"/lib/{loader}",), timeout_seconds=_SECONDS))
    version = _MUSL_VERSION.search(printed.stderr or printed.stdout)
    return Libc(family="musl", version=None if version is None else version["version"])


def _wsl(host: Host, kernel: str | None) -> bool | None:
    if kernel is not None and "microsoft" in kernel.lower():
        return True
    marked = host.exists(_WSL_MARK)
    return False if marked is None and kernel is not None else marked


def _container(host: Host) -> str | None:
    """Return what kind of container this is, or None.

    Sources, in order: 1. /run/.containerenv (podman), /.dockerenv; 2. Kubernetes' variable; 3. what systemd wrote;
    4. the control group of the first process, which version 2 hides inside a container.
    """
    if host.exists("/run/.containerenv"):
        return "podman"
    if host.exists("/.dockerenv"):
        return "docker"
    if host.variable("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    written = (host.read("/run/systemd/container").text or "").strip()
    if written:
        return written
    group = host.read("/proc/1/cgroup").text or ""
    return next((kind for mark, kind in _CGROUP_MARKS.items() if mark in group), None)


def _secure_boot(host: Host) -> bool | None:
    """Read the firmware's variable: four bytes of attributes, then 1 or 0; a machine without EFI has no secure boot."""
    text = host.read(_SECURE_BOOT).text
    if text is not None:
        return text[-1:] == "\x01"
    return False if host.exists("/sys/firmware") and host.exists("/sys/firmware/efi") is False else None
