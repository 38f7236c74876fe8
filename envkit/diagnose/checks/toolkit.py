"""Container toolkits: where a vendor's devices need more than their nodes, the engine must have been told of it."""

import re

import msgspec

from envkit.detect.decoding import decode_json
from envkit.diagnose.examination import Answer, Examination, unknown
from envkit.diagnose.offers import DEFAULT_FOLDERS, cdi_kind
from envkit.model.host import ContainerEngine, Finding
from envkit.model.knowledge import Toolkit

_SETTINGS = "/etc/docker/daemon.json"
_NVIDIA_SETTINGS = "/etc/nvidia-container-runtime/config.toml"
_NO_CGROUPS = re.compile(r"^\s*no-cgroups\s*=\s*true\b", re.MULTILINE)


class _Settings(msgspec.Struct):
    runtimes: dict[str, object] = {}


def check_toolkits(examination: Examination) -> Answer:
    """Look whether Docker offers the devices of each vendor that needs a toolkit."""
    if examination.facts.devices is None:
        return unknown("not known which devices are here", "facts.devices")
    toolkits = _wanted(examination)
    if not toolkits:
        return Answer("no working device here needs one")
    docker = examination.docker
    if docker is None or docker.runtimes is None:
        return unknown("no Docker daemon on this machine was asked", "/info of Docker's daemon")
    findings = tuple(finding for toolkit in toolkits for finding in _judged(examination, docker, toolkit))
    vendors = ", ".join(toolkit.vendor for toolkit in toolkits)
    offers = " ".join((*docker.runtimes, *(docker.cdi_devices or ())))
    return Answer(f"for {vendors}: Docker offers {offers}", "/info of Docker's daemon", findings)


def check_rootless_toolkit(examination: Examination) -> Answer:
    """Look whether NVIDIA's toolkit leaves control groups alone under a rootless engine."""
    docker = examination.docker
    if docker is None or not docker.rootless or "nvidia" not in (docker.runtimes or ()):
        return Answer("no rootless engine has NVIDIA's runtime")
    text = examination.host.read(_NVIDIA_SETTINGS).text
    if text is None:
        return unknown("its settings cannot be read", _NVIDIA_SETTINGS)
    if _NO_CGROUPS.search(text) or _offered_by_cdi(examination, docker, "nvidia"):
        return Answer("set up for a rootless engine", _NVIDIA_SETTINGS)
    evidence = f"{_NVIDIA_SETTINGS} has no line `no-cgroups = true`"
    findings = examination.finding("toolkit-rootless-cgroups", "engines", evidence)
    return Answer("not set up for a rootless engine", _NVIDIA_SETTINGS, findings)


def _wanted(examination: Examination) -> tuple[Toolkit, ...]:
    vendors = {device.vendor for device in examination.accelerators}
    return tuple(row for row in examination.thresholds.toolkits if row.vendor in vendors)


def _judged(examination: Examination, docker: ContainerEngine, toolkit: Toolkit) -> tuple[Finding, ...]:
    if toolkit.runtime in (docker.runtimes or ()) or _offered_by_cdi(examination, docker, toolkit.vendor):
        return ()
    kind = cdi_kind(toolkit.vendor)
    if any(spec.kind == kind and spec.folder in DEFAULT_FOLDERS for spec in examination.specifications):
        return ()  # the toolkit was here: whether the engine reads what it made is a check of its own
    offers = f"runtimes {' '.join(docker.runtimes or ())}, no CDI device {kind or ''}".rstrip()
    seen = f"/info of the daemon lists {offers}"
    settings = decode_json(examination.host.read(_SETTINGS).text or "", _Settings)
    if settings is not None and toolkit.runtime in settings.runtimes:
        evidence = f"{_SETTINGS} names the runtime `{toolkit.runtime}`; {seen}"
        return examination.finding("toolkit-not-restarted", "engines", evidence, vendor=toolkit.vendor)
    install = f"{toolkit.vendor}-container-toolkit"
    installed = _installed(examination, toolkit)
    if installed is not None:
        evidence = f"{installed} is installed; {seen}"
        remedies = (toolkit.configure_remedy or install,)
        return examination.finding(
            "toolkit-not-configured", "engines", evidence, remedies=remedies, vendor=toolkit.vendor
        )
    evidence = f"{toolkit.command} is not on the search path; {seen}"
    return examination.finding("toolkit-missing", "engines", evidence, remedies=(install,), vendor=toolkit.vendor)


def _installed(examination: Examination, toolkit: Toolkit) -> str | None:
    found = examination.host.which(toolkit.command)
    return found or next((place for place in toolkit.places if examination.host.exists(place)), None)


def _offered_by_cdi(examination: Examination, docker: ContainerEngine, vendor: str) -> bool:
    kind = cdi_kind(vendor)
    if kind is None or not docker.cdi:
        return False
    if any(name.startswith(f"{kind}=") for name in docker.cdi_devices or ()):
        return True
    folders = (examination.daemon.spec_folders if examination.daemon is not None else None) or ()
    return any(spec.kind == kind and spec.folder in folders for spec in examination.specifications)


CHECKS = (check_toolkits, check_rootless_toolkit)
