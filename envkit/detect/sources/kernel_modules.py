"""What the file system says about kernel modules: for which kernels one is there, and what became of building it."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from envkit.system.command import Command
from envkit.system.host import Host

MODULES = "/lib/modules"
_DKMS = "/var/lib/dkms"
_AKMODS = "/var/cache/akmods"
_LIMIT_BYTES = 512 * 1024
_SECONDS = 5.0
_BUILT_IN = "(builtin)"
# On some systems it is only on the search path of root.
_MODINFO_PLACES = ("/usr/sbin/modinfo", "/sbin/modinfo")
_BUILDS = re.compile(r"^\s*(?:BUILT|DEST)_MODULE_NAME\[\d+\]=[\"']?(?P<name>[\w-]+)", re.MULTILINE)
_LOG_HEAD = re.compile(r"DKMS .*make\.log for \S+ for (?:kernel )?(?P<kernel>\S+)")
_COMPILER_ERROR = re.compile(r"\berror:|\bERROR\b")
_MAKE_ERROR = re.compile(r"\bError \d+")
_SETTINGS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
# `install nvidia /bin/false` keeps a module out as `blacklist nvidia` does.
_KEPT_OUT = re.compile(r"^\s*(?:blacklist\s+(?P<name>\S+)|install\s+(?P<instead>\S+)\s+(?:\S*/)?(?:false|true))\s*$")
_KEPT_OUT_AT_START = re.compile(r"(?:^|\s)(?:module_blacklist|modprobe\.blacklist)=(?P<names>\S+)")


class Failure(NamedTuple):
    """A module that could not be built for a kernel."""

    log: str  # path
    line: str | None  # the first error in it


class DkmsPackage(NamedTuple):
    """What DKMS knows of one version of a package."""

    name: str
    version: str
    kernels: tuple[str, ...]  # for which its modules were built
    failure: Failure | None  # of building it for the kernel that was asked about


def normal(name: str) -> str:
    """Return a module's name as the kernel spells it: files and settings use `-` and `_` alike."""
    return name.replace("-", "_")


def module_file(host: Host, kernel: str, names: tuple[str, ...]) -> str | None:
    """Return where the first of these modules lies that a kernel has, `""` where it has none, None where not known."""
    files = [module_field(host, name, "filename", kernel) for name in names]
    if None in files or any(file == _BUILT_IN for file in files):
        return None
    return next((file for file in files if file), "")


def module_field(host: Host, name: str, field: str, kernel: str) -> str | None:
    """Return what modinfo says of a module of a kernel, `""` where there is no such module, None where it is not known.

    The lists that it reads have megabytes, of which it tells a line.
    """
    program = host.which("modinfo") or next((path for path in _MODINFO_PLACES if host.exists(path)), None)
    if program is None:
        return None
    argv = (program, "-k", kernel, "-F", field, name)
    completed = host.run(Command(argv=argv, timeout_seconds=_SECONDS))
    if completed.failure is not None:
        return None
    return completed.stdout.strip() if completed.ok else ""


def other_kernels(host: Host, kernel: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the other kernels of this machine that have one of these modules."""
    kernels = (other for other in host.names(MODULES) or () if other != kernel)
    return tuple(other for other in kernels if module_file(host, other, names))


def module_serves(host: Host, kernel: str, names: tuple[str, ...], address: str) -> bool:
    """Tell whether one of these modules of a kernel says of itself that it serves the PCI function at this address.

    pci:v000010DEd*sv*sd*bc03sc02i00*
    """
    device = (host.read(f"/sys/bus/pci/devices/{address}/modalias").text or "").strip()
    told = (module_field(host, name, "alias", kernel) or "" for name in names) if device else ()
    return any(fnmatchcase(device, pattern) for text in told for pattern in text.split())


def kept_out(host: Host, names: tuple[str, ...]) -> str | None:
    """Return the setting that keeps one of these modules from being loaded, with the file it stands in."""
    for folder in _SETTINGS:
        for file in host.names(folder) or ():
            text = host.read(f"{folder}/{file}").text if file.endswith(".conf") else None
            for match in map(_KEPT_OUT.match, (text or "").splitlines()):
                if match is not None and normal(match["name"] or match["instead"]) in names:
                    return f"{folder}/{file}: {match[0].strip()}"
    for match in _KEPT_OUT_AT_START.finditer(host.read("/proc/cmdline").text or ""):
        if set(map(normal, match["names"].split(","))).intersection(names):
            return f"/proc/cmdline: {match[0].strip()}"
    return None


def dkms_packages(host: Host, kernel: str, names: tuple[str, ...]) -> tuple[DkmsPackage, ...]:
    """Return the packages of DKMS that make one of these modules."""
    return tuple(
        _package(host, kernel, name, version)
        for name in host.names(_DKMS) or ()
        for version in host.names(f"{_DKMS}/{name}") or ()
        if version[:1].isdigit() and _makes(host, name, version, names)
    )


def _makes(host: Host, package: str, version: str, names: tuple[str, ...]) -> bool:
    """Read dkms.conf: BUILT_MODULE_NAME[0]="nvidia"; without it the package's name has to tell."""
    places = (f"/usr/src/{package}-{version}/dkms.conf", f"{_DKMS}/{package}/{version}/source/dkms.conf")
    text = next((read.text for read in map(host.read, places) if read.text is not None), None)
    made = [package] if text is None else _BUILDS.findall(text)
    return bool(set(map(normal, made)).intersection(names))


def _package(host: Host, kernel: str, name: str, version: str) -> DkmsPackage:
    folder = f"{_DKMS}/{name}/{version}"
    built = tuple(
        entry
        for entry in host.names(folder) or ()
        if entry not in ("build", "source")
        and any(host.names(f"{folder}/{entry}/{cpu}/module") for cpu in host.names(f"{folder}/{entry}") or ())
    )
    failure = None if kernel in built else _failure(host, folder, kernel)
    return DkmsPackage(name, version, built, failure)


def _failure(host: Host, folder: str, kernel: str) -> Failure | None:
    """Return what the log of a build says; new releases of DKMS keep it by kernel, old ones where they built.

    DKMS make.log for nvidia-390.157 for kernel 6.5.2-arch1-1 (x86_64)
    """
    kept = (f"{folder}/{kernel}/{cpu}/log/make.log" for cpu in host.names(f"{folder}/{kernel}") or ())
    for path in (*kept, f"{folder}/build/make.log"):
        text = host.read(path, limit=_LIMIT_BYTES).text
        head = _LOG_HEAD.match(text or "")
        if text is not None and (kernel in path or (head is not None and head["kernel"] == kernel)):
            return Failure(path, _first_error(text))
    return None


def _first_error(text: str) -> str | None:
    lines = [line.strip()[:200] for line in text.splitlines()]
    matching = (line for pattern in (_COMPILER_ERROR, _MAKE_ERROR) for line in lines if pattern.search(line))
    return next(matching, None)


def akmods_failure(host: Host, kernel: str, names: tuple[str, ...]) -> Failure | None:
    """Return the log of akmods, Fedora's builder of modules, that says that a build for this kernel failed."""
    logs = (log for log in _akmods_logs(host, names) if log.endswith(f"-for-{kernel}.failed.log"))
    path = next(logs, None)
    return None if path is None else Failure(path, _first_error(host.read(path, limit=_LIMIT_BYTES).text or ""))


def _akmods_logs(host: Host, names: tuple[str, ...]) -> Iterator[str]:
    for package in host.names(_AKMODS) or ():
        # `nvidia-470xx` is the same module of an older branch.
        if normal(package).removesuffix("xx").rstrip("0123456789").rstrip("_") in names or normal(package) in names:
            yield from (f"{_AKMODS}/{package}/{file}" for file in host.names(f"{_AKMODS}/{package}") or ())
