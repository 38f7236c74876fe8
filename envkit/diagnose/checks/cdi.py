"""The Container Device Interface: specifications that exist, fit the driver, and are read by the engine."""

import re

from envkit.diagnose.examination import Answer, Examination, unknown
from envkit.diagnose.offers import DEFAULT_FOLDERS, Specification, cdi_kind
from envkit.model.host import Finding

# libcuda.so.570.124.06: the libraries that carry the version of NVIDIA's driver.
_LIBRARY = re.compile(r"/lib(?:cuda|nvidia-ml)\.so\.(?P<driver>\d{3}\.[\d.]+)$")


def check_specifications(examination: Examination) -> Answer:
    """Look whether the files that specifications name exist, and are those of this driver."""
    if examination.facts.devices is None:
        return unknown("not known which devices are here", "facts.devices")
    if not _vendors(examination):
        return Answer("no working device here needs one")
    if examination.contained and examination.daemon is None:
        return unknown("the paths in specifications are those of the host of this container")
    found = tuple(spec for vendor in _vendors(examination) for spec in _of(examination, vendor))
    if not found:
        return Answer("none for devices of this machine", " ".join(examination.specification_folders))
    findings = tuple(
        finding
        for vendor in _vendors(examination)
        for spec in _of(examination, vendor)
        for finding in _stale(examination, vendor, spec)
    )
    return Answer(
        ", ".join(f"{spec.path} ({spec.kind})" for spec in found), " ".join(examination.specification_folders), findings
    )


def check_folders(examination: Examination) -> Answer:
    """Look whether Docker reads the folders in which there are specifications."""
    if examination.facts.devices is None:
        return unknown("not known which devices are here", "facts.devices")
    if not _vendors(examination):
        return Answer("no working device here needs one")
    docker, daemon = examination.docker, examination.daemon
    if docker is None or daemon is None or docker.cdi is None:
        return unknown("no Docker daemon on this machine was asked", "/info of Docker's daemon")
    read = daemon.spec_folders or ()
    findings = tuple(finding for vendor in _vendors(examination) for finding in _unread(examination, vendor, read))
    seen = f"Docker reads {' '.join(read)}" if read else "Docker reads none: CDI is off, or not known to it"
    return Answer(seen, "/info of Docker's daemon", findings)


def check_podman(examination: Examination) -> Answer:
    """Look whether podman, which has no other way, finds specifications of devices that need more than nodes."""
    found = examination.engine("podman")
    if found is None or not found[1].usable or examination.contained:
        return Answer("no podman hands out devices here")
    fact, _ = found
    listed = [examination.host.names(folder) is not None or _absent(examination, folder) for folder in DEFAULT_FOLDERS]
    if not all(listed):
        return unknown("the folders cannot be listed", " ".join(DEFAULT_FOLDERS))
    needed = tuple(row for row in examination.thresholds.toolkits if row.vendor in _vendors(examination))
    findings = tuple(
        finding
        for row in needed
        if not any(spec.folder in DEFAULT_FOLDERS for spec in _of(examination, row.vendor))
        for finding in examination.finding(
            "cdi-missing",
            fact,
            f"no specification of {cdi_kind(row.vendor)} in {' or '.join(DEFAULT_FOLDERS)}",
            remedies=(f"{row.vendor}-cdi",),
            vendor=row.vendor,
            engine="podman",
        )
    )
    return Answer(f"podman reads {' '.join(DEFAULT_FOLDERS)}", " ".join(DEFAULT_FOLDERS), findings)


def _vendors(examination: Examination) -> tuple[str, ...]:
    return tuple(sorted({device.vendor for device in examination.accelerators}))


def _of(examination: Examination, vendor: str) -> tuple[Specification, ...]:
    kind = cdi_kind(vendor)
    return tuple(spec for spec in examination.specifications if spec.kind == kind)


def _stale(examination: Examination, vendor: str, specification: Specification) -> tuple[Finding, ...]:
    stack = examination.facts.stack(vendor)
    driver = None if stack is None else stack.driver
    other = next((path for path in specification.files if _of_another(path, driver)), None)
    missing = next((path for path in specification.files if examination.host.exists(path) is False), None)
    if other is None and missing is None:
        return ()
    reason = f"{other}, and the driver is {driver}" if other else f"{missing}, which does not exist"
    evidence = f"{specification.path} names {reason}"
    return examination.finding("cdi-stale", "engines", evidence, remedies=(f"{vendor}-cdi",), path=specification.path)


def _of_another(path: str, driver: str | None) -> bool:
    match = _LIBRARY.search(path)
    return match is not None and driver is not None and match["driver"] != driver


def _unread(examination: Examination, vendor: str, read: tuple[str, ...]) -> tuple[Finding, ...]:
    docker = examination.docker
    found = _of(examination, vendor)
    row = examination.toolkit(vendor)
    if docker is None or row is None or row.runtime in (docker.runtimes or ()):
        return ()
    if not found or any(spec.folder in read for spec in found):
        return ()
    spec = found[0]
    evidence = f"{spec.path} defines {spec.kind}; /info of the daemon lists the folders {' '.join(read) or '(none)'}"
    return examination.finding("cdi-not-read", "engines", evidence, vendor=vendor, engine="Docker", folder=spec.folder)


def _absent(examination: Examination, folder: str) -> bool:
    return examination.host.exists(folder) is False


CHECKS = (check_specifications, check_folders, check_podman)
