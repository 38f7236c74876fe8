"""The operating system: its C library, and whether system packages can be installed."""

from envkit.diagnose.examination import Answer, Examination, unknown
from envkit.model.host import Libc, OperatingSystem, Severity
from envkit.model.version import VendorVersion

_MANAGERS = (
    "apt-get",
    "dnf",
    "microdnf",
    "yum",
    "tdnf",
    "zypper",
    "pacman",
    "apk",
    "emerge",
    "xbps-install",
    "nix-env",
    "guix",
)
_FOLDERS = ("/usr/bin", "/usr/sbin", "/sbin", "/bin", "/run/current-system/sw/bin")


def check_libc(examination: Examination) -> Answer:
    """Look whether wheels of present frameworks load with this C library."""
    system = examination.system
    if system is None:
        return unknown("not known", "facts.os")
    if system.system != "linux":
        return Answer(_title(system), "facts.os")
    libc = system.libc
    if libc is None:
        return unknown(f"{_title(system)}, C library not known", "facts.os.libc")
    seen = f"{_title(system)}, {libc.family} {libc.version or ''}".rstrip()
    name = _obstacle(libc, examination.thresholds.oldest_glibc)
    if name is None:
        return Answer(seen, "facts.os.libc")
    contained = any(engine.usable for engine in examination.facts.engines or ())
    findings = examination.finding(
        name,
        "os.libc",
        f"the C library is {libc.family} {libc.version or ''}".rstrip(),
        severity=Severity.NOTE if contained else None,
        oldest=examination.thresholds.oldest_glibc,
    )
    return Answer(seen, "facts.os.libc", findings)


def check_package_manager(examination: Examination) -> Answer:
    """Look for a command that installs system packages."""
    if not examination.on_linux:
        return unknown("not looked for on this system", "facts.os")
    host = examination.host
    present = next((name for name in _MANAGERS if any(host.exists(f"{folder}/{name}") for folder in _FOLDERS)), None)
    if present is not None:
        return Answer(present, " ".join(_FOLDERS))
    if any(host.exists(f"/usr/bin/{name}") is not False for name in _MANAGERS):
        return unknown("package manager not known", " ".join(_FOLDERS))
    evidence = f"none of {' '.join(_MANAGERS)} is in {' '.join(_FOLDERS)}"
    findings = examination.finding("package-manager-missing", "os", evidence)
    return Answer("no package manager", " ".join(_FOLDERS), findings)


def _title(system: OperatingSystem) -> str:
    return system.name or system.id or system.system


def _obstacle(libc: Libc, oldest: str) -> str | None:
    if libc.family == "musl":
        return "musl-without-wheels"
    if libc.family != "glibc" or libc.version is None:
        return None
    return "glibc-too-old" if VendorVersion(libc.version) < VendorVersion(oldest) else None


CHECKS = (check_libc, check_package_manager)
