"""What kept a kernel module from serving a device, read from the lists of modules, of builds and of settings."""

import re
from typing import NamedTuple

from envkit.detect.findings import make_finding
from envkit.detect.models import known_vendor
from envkit.detect.situation import Situation
from envkit.detect.sources import kernel_modules as files
from envkit.model.host import Device, Finding

# What the kernel and the loader of modules print about a signature that they do not trust.
_REFUSED = re.compile(
    r"module with unavailable key is rejected|unsigned module is rejected|unsigned module loading is restricted"
    r"|Key was rejected by service"
)


class _Reason(NamedTuple):
    """A finding before it is made for each device."""

    name: str
    evidence: str
    values: dict[str, str] = {}
    remedies: tuple[str, ...] | None = None


class _Lookup(NamedTuple):
    """For which module, and for which kernel, the machine is looked at."""

    situation: Situation
    vendor: str
    kernel: str
    names: tuple[str, ...]  # of the modules, as the kernel spells them


def explain_devices(situation: Situation, missing: list[tuple[str, Device]]) -> tuple[Finding, ...]:
    """Return why each of these devices, given with the paths of their facts, has no driver."""
    kernel = None if situation.system is None else situation.system.kernel
    if kernel is None:
        return ()
    reasons = {vendor: _reason(situation, vendor, kernel) for vendor in {device.vendor for _, device in missing}}
    findings = (_finding(situation, fact, device, reasons[device.vendor]) for fact, device in missing)
    return tuple(finding for finding in findings if finding is not None)


def _finding(situation: Situation, fact: str, device: Device, reason: _Reason | None) -> Finding | None:
    if reason is None:
        return None
    if reason.name == "driver-not-loaded" and not _is_served(situation, device):
        return None
    return make_finding(
        reason.name,
        fact,
        reason.evidence,
        system=situation.system,
        severity=None,
        remedies=reason.remedies,
        **reason.values,
    )


def _is_served(situation: Situation, device: Device) -> bool:
    """Tell whether the vendor's module knows this device: one of an older kernel may not."""
    kernel = None if situation.system is None else situation.system.kernel
    names = _module_names(device.vendor)
    return files.module_serves(situation.host, kernel or "", names, device.pci_address or "")


def _module_names(vendor: str) -> tuple[str, ...]:
    table = known_vendor(vendor)
    return () if table is None else tuple(map(files.normal, table.kernel_modules))


def _reason(situation: Situation, vendor: str, kernel: str) -> _Reason | None:
    names = _module_names(vendor)
    if not names or any(situation.host.exists(f"/sys/module/{name}") for name in names):
        return None
    lookup = _Lookup(situation, vendor, kernel, names)
    folder = f"{files.MODULES}/{kernel}"
    if situation.host.exists(folder) is False:
        return _Reason("kernel-replaced", f"{kernel} runs and {folder} does not exist")
    here = files.module_file(situation.host, kernel, names)
    if here is None:
        return None
    return _not_loaded(lookup, here) if here else _not_built(lookup)


def _not_loaded(lookup: _Lookup, path: str) -> _Reason:
    """Return why a module that is there was not loaded."""
    situation, module = lookup.situation, {"module": lookup.names[0]}
    setting = files.kept_out(situation.host, lookup.names)
    if setting is not None:
        file = setting.partition(":")[0]
        return _Reason("driver-blacklisted", setting, {**module, "file": file})
    secure = None if situation.system is None else situation.system.secure_boot
    said = None if secure is False else next(filter(_REFUSED.search, situation.kernel_log or ()), None)
    if said is not None:
        return _Reason("driver-key-rejected", f"{path} is not loaded; kernel log: {said[:200]}", module)
    doubt = "; Secure Boot is on, and may have refused its key" if secure else ""
    return _Reason("driver-not-loaded", f"{path} is there and not loaded{doubt}", module)


def _not_built(lookup: _Lookup) -> _Reason | None:
    """Return why there is no module for the running kernel, or None where the driver seems not to be installed."""
    host, kernel, names = lookup.situation.host, lookup.kernel, lookup.names
    packages = files.dkms_packages(host, kernel, names)
    failure = files.akmods_failure(host, kernel, names) or next(
        (package.failure for package in packages if package.failure), None
    )
    others = files.other_kernels(host, kernel, names)
    built = tuple(dict.fromkeys((*others, *(other for package in packages for other in package.kernels))))
    values = {"module": names[0]}
    if packages or failure:
        known = ", ".join(f"{package.name} {package.version}" for package in packages) or names[0]
        if host.exists(f"{files.MODULES}/{kernel}/build") is False:
            evidence = f"{known} is to be built here, and {files.MODULES}/{kernel}/build does not exist"
            return _Reason("kernel-headers-missing", evidence, values)
        if failure is not None:
            evidence = f"{failure.log}: {failure.line or 'no error line in it'}"
            return _Reason("driver-build-failed", evidence, {**values, "log": failure.log})
        evidence = f"DKMS has {known}, built for {', '.join(built) or 'no kernel'}; {kernel} runs"
        return _Reason("driver-other-kernel", evidence, values, ("build-module",))
    if built:
        evidence = f"{names[0]} is there for {', '.join(built)}; {kernel} runs"
        return _Reason("driver-other-kernel", evidence, values, (f"{lookup.vendor}-driver",))
    return None
