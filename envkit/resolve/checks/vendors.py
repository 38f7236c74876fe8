"""Rules about vendors' stacks: runtimes that images bring, drivers that runtimes are for, builds in own images."""

from envkit.model.request import Mode
from envkit.model.reserved import CPU
from envkit.model.vendor import RuntimeDrivers, Vendor
from envkit.model.version import VendorVersion
from envkit.resolve.checks.architecture import runtime_text
from envkit.resolve.checks.judgement import Gulf, Judgement, failed, passed, unknown
from envkit.resolve.options import Option
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation


def runtime_driver(option: Option, situation: Situation) -> Judgement | None:
    """Require a driver that the vendor lists for the build's runtime; a newer one is taken to serve it too."""
    runtime, vendor = option.build.runtime, situation.vendor
    if runtime is None or vendor is None or not vendor.runtime_drivers or option.build.vendor != vendor.name:
        return None
    rule, facts, name = "runtime-driver", (situation.driver_fact,), runtime_text(runtime)
    row = find_runtime_drivers(vendor, runtime.version)
    if row is None:
        return _by_older_runtime(runtime.version, name, vendor, situation)
    sources = (situation.source(row.source),)
    needed = f"{name} is for drivers from {row.minimum} to {row.newest}"
    if situation.driver is None:
        return unknown(rule, f"{needed}; assumed that the driver is one", facts=facts, sources=sources)
    if situation.driver < VendorVersion(row.minimum):
        gulf = Gulf(seen=str(situation.driver), needed=f">={row.minimum}", group=row.minimum)
        return failed(rule, f"{needed}; host has {situation.driver}", gulf, facts=facts, sources=sources)
    if _is_beyond(situation.driver, row.newest):
        reason = f"{needed}; assumed that {situation.driver}, which is newer, serves it"
        return unknown(rule, reason, facts=facts, sources=sources)
    return passed(rule, f"{needed}; host has {situation.driver}", facts=facts, sources=sources)


def image_architecture(_option: Option, place: Place, situation: Situation) -> Judgement | None:
    """Require a base image whose runtime is for the chosen devices."""
    listed = place.site.architectures
    others = [device for device in situation.devices if listed and device.architecture not in {None, *listed}]
    if listed is None or not others:
        return None
    seen = "; ".join(f"{device.label} is {device.architecture}" for device in others)
    gulf = Gulf(seen=seen, needed=f"an image for {' or '.join(listed)}", group=",".join(listed))
    facts = tuple(f"devices[{device.position}].architecture" for device in others)
    return failed("image-architecture", f"{place.image} is for {', '.join(listed)}; {seen}", gulf, facts=facts)


def toolkit(option: Option, place: Place, situation: Situation) -> Judgement | None:
    """Require of the flavour `devel` that the image's toolkit is that of the build; the processor needs compilers only.

    What is compiled against another toolkit than the wheels were does not load, or fails when it runs.
    """
    runtime, row = option.build.runtime, place.site.row
    if situation.problem.request.flavor != "devel" or runtime is None or place.image is None or row is None:
        return None
    rule, needed = "toolkit", runtime_text(runtime)
    if row.runtime is not None and _same_line(row.runtime.version, runtime.version):
        return passed(rule, f"{place.image} brings the toolkit of {needed}", sources=(option.build.source,))
    seen = "none" if row.runtime is None else runtime_text(row.runtime)
    gulf = Gulf(seen=seen, needed=f"an image with the toolkit of {needed}", group=needed)
    return failed(rule, f"build is for {needed}; the toolkit of {place.image} is {seen}", gulf)


def container_reach(option: Option, place: Place, situation: Situation) -> Judgement | None:
    """Require that programs in the container reach the devices: not where no container does, or its image lacks a part.

    Whether an image that the request names has that part is not known.
    """
    vendor, rule = situation.vendor, "container-reach"
    if vendor is None or place.site.mode is Mode.NATIVE or CPU in {vendor.name, option.build.vendor}:
        return None
    if vendor.native_only is not None:
        gulf = Gulf(seen="a container", needed="an environment on the host itself", group="native")
        return failed(rule, vendor.native_only, gulf, facts=("os.system",))
    if vendor.image_driver is None:
        return None
    needed = f"an image needs {vendor.image_driver} to use {vendor.title} devices"
    if place.site.runtimes is None:
        return unknown(rule, f"{needed}; assumed that {place.image} has it")
    gulf = Gulf(seen=place.image or "", needed=vendor.image_driver, group="image")
    return failed(rule, f"{needed}; {place.image} does not have it", gulf)


def vendor_image(option: Option, place: Place, situation: Situation) -> Judgement | None:
    """Require the vendor's own image for a build that no index has, and no other build of what an image brings."""
    build, brought = option.build, place.site.packages
    if build.image is None:
        version = brought.get(build.package)
        if version is None:
            return None
        reason = f"{place.image} brings {build.package} {version}, built for {situation.title}"
        gulf = Gulf(seen=option.name, needed=f"{build.package} {version} of the image", group=place.image or "")
        return failed("vendor-image", reason, gulf, sources=(build.source,))
    row = place.site.row
    if row is not None and row.image == build.image and brought.get(build.package) == build.release:
        reason = f"{place.image} brings {build.package} {build.release}"
        return passed("vendor-image", reason, sources=(build.source,))
    reason = f"no index has {option.name} for {situation.title}; it is in the image {build.image}"
    gulf = Gulf(seen=place.image or "no container", needed=f"a container from {build.image}", group=build.image)
    return failed("vendor-image", reason, gulf, sources=(build.source,))


def find_runtime_drivers(vendor: Vendor, runtime: str) -> RuntimeDrivers | None:
    """Return the row whose runtime is the longest beginning of a version."""
    fitting = [row for row in vendor.runtime_drivers if f"{runtime}.".lower().startswith(f"{row.runtime}.".lower())]
    return max(fitting, key=lambda row: len(row.runtime), default=None)


def _by_older_runtime(version: str, name: str, vendor: Vendor, situation: Situation) -> Judgement:
    """Judge a runtime of which no drivers are listed: it needs at least what an older one needs."""
    rule, facts = "runtime-driver", (situation.driver_fact,)
    older = [row for row in vendor.runtime_drivers if VendorVersion(row.runtime) < VendorVersion(version)]
    row = max(older, key=lambda row: VendorVersion(row.runtime), default=None)
    if row is not None and situation.driver is not None and situation.driver < VendorVersion(row.minimum):
        gulf = Gulf(seen=str(situation.driver), needed=f">={row.minimum}", group=row.minimum)
        reason = f"the older runtime {row.runtime} already needs {row.minimum}; host has {situation.driver}"
        return failed(rule, reason, gulf, facts=facts, sources=(situation.source(row.source),))
    reason = f"which drivers serve {name} is not known; assumed that the one here does"
    return unknown(rule, reason, facts=facts)


def _same_line(first: str, second: str) -> bool:
    """Tell whether two runtimes agree in the numbers that both have, of the first two: 12.8 and 12.8.1."""
    return all(one == other for one, other in zip(first.split(".")[:2], second.split(".")[:2], strict=False))


def _is_beyond(driver: VendorVersion, newest: str) -> bool:
    return driver > VendorVersion(newest) and not f"{driver}.".startswith(f"{newest}.")
