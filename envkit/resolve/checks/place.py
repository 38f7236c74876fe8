"""Rules about where a build is installed: Python, libc, processor, base image."""

from functools import lru_cache

from envkit.model.host import Libc
from envkit.model.request import Mode
from envkit.model.resolution import Verdict
from envkit.model.version import VendorVersion
from envkit.resolve.checks.judgement import Gulf, Judgement, failed, passed, unknown
from envkit.resolve.companions import lacking_python
from envkit.resolve.options import Option
from envkit.resolve.sites import Place, Site
from envkit.resolve.situation import Situation
from envkit.resolve.versions import python_allowed

_HOST = "host"


def python(option: Option, place: Place, _situation: Situation) -> Judgement | None:
    """Require a wheel for the Python of the place, or that Python in the image that brings the build."""
    if option.build.image is not None and place.python in option.build.pythons:
        return passed("python", f"{option.build.image} has Python {place.python}", sources=(option.build.source,))
    where = None if place.site.pythons_known else place.site.image or "the host"
    return _wheel_python(option.build.pythons, place.python, where, option.build.source)


def companion_python(option: Option, place: Place, _situation: Situation) -> Judgement | None:
    """Require a wheel for the Python of the place of every companion that was asked for."""
    for package in lacking_python(option.companions, place.python):
        listed = " ".join(option.companions.pythons[package])
        name = f"{package} {option.companions.pins[package]}"
        gulf = Gulf(seen=place.python, needed=f"one of {listed}", group=f"{name} {listed}")
        reason = f"wheels of {name} are for Python {listed}; here is {place.python}"
        return failed("python", reason, gulf, facts=("pythons",), sources=(option.build.source,))
    return None


def python_request(_option: Option, place: Place, situation: Situation) -> Judgement | None:
    """Require a Python that the request allows."""
    asked = situation.problem.request.python
    if asked is None:
        return None
    if python_allowed(asked, place.python, place.python_version):
        return passed("python-request", f"Python {place.python_version} is in {asked}")
    reason = f"the request asks for Python {asked}, not {place.python_version}"
    return failed("python-request", reason, Gulf(seen=asked, needed=f"Python {place.python}", group=asked))


def operating_system(option: Option, place: Place, situation: Situation) -> Judgement | None:
    """Require the operating system that a build is made for; in a container that is Linux.

    A host whose system is not known is taken to be one for which nearly all builds are made.
    """
    rule, needed = "operating-system", option.build.system
    system = situation.problem.facts.os
    here = "linux" if place.site.mode is Mode.CONTAINER or system is None else system.system
    if needed == here:
        return None
    where = "the container" if place.site.mode is Mode.CONTAINER else "the host"
    gulf = Gulf(seen=here, needed=needed, group=needed)
    reason = f"build is for {needed}; {where} runs {here}"
    return failed(rule, reason, gulf, facts=("os.system",), sources=(option.build.source,))


def libc(option: Option, place: Place, _situation: Situation) -> Judgement | None:
    """Require the wheel's glibc floor of the host's C library, or of the base image's in a container."""
    if option.build.system != "linux":
        return None
    return _libc(option.build.libc, place.site.libc, _where(place.site), option.build.source)


def cpu_architecture(option: Option, situation: Situation) -> Judgement | None:
    """Require a wheel for the processor architecture of the host."""
    rule, facts = "cpu-architecture", ("cpu.architecture",)
    wheel, host = option.build.cpu_architecture, situation.problem.cpu_architecture
    if situation.problem.facts.cpu is None:
        return unknown(
            rule, f"the processor is not known; assumed {wheel}", facts=facts, sources=(option.build.source,)
        )
    if wheel != host:
        gulf = Gulf(seen=host, needed=wheel, group=wheel)
        return failed(rule, f"wheel is for {wheel}; host is {host}", gulf, facts=facts, sources=(option.build.source,))
    return passed(rule, f"wheel is for {wheel}", facts=facts, sources=(option.build.source,))


def base_image(_option: Option, place: Place, situation: Situation) -> Judgement | None:
    """Refuse a base image that is known to be out of reach."""
    if place.image is None:
        return None
    state = situation.images.get(place.image)
    if state is None:
        return unknown("base-image", f"whether {place.image} can be pulled was not asked yet")
    if state.available:
        return passed("base-image", f"{place.image} can be pulled")
    reason = f"{place.image} cannot be had: {state.reason}"
    return failed("base-image", reason, Gulf(seen=state.reason, needed=place.image, group=place.image))


@lru_cache(maxsize=4096)
def _wheel_python(pythons: tuple[str, ...], minor: str, unknown_at: str | None, source: str) -> Judgement:
    listed = " ".join(pythons)
    if minor not in pythons:
        gulf = Gulf(seen=minor, needed=f"one of {listed}", group=listed)
        reason = f"wheels are for Python {listed}; here is {minor}"
        return failed("python", reason, gulf, facts=("pythons",), sources=(source,))
    if unknown_at is not None:
        reason = f"Pythons of {unknown_at} are not known; assumed {minor}, one of {listed}"
        return unknown("python", reason, facts=("pythons",), sources=(source,))
    return passed("python", f"there is a wheel for Python {minor}", facts=("pythons",), sources=(source,))


@lru_cache(maxsize=4096)
def _libc(floor: str | None, here: Libc | None, where: str, source: str) -> Judgement | None:
    facts = ("os.libc",) if where == _HOST else ()
    if here is not None and here.family != "glibc":
        reason = f"wheel needs glibc{f' >={floor}' if floor else ''}; {where} has {here.family}"
        gulf = Gulf(seen=here.family, needed=f">={floor}" if floor else "glibc", group=f"musl {floor}")
        return failed("libc", reason, gulf, facts=facts, sources=(source,))
    if floor is None:
        return None
    if here is None or here.version is None:
        return unknown("libc", f"libc is not known; assumed glibc >={floor}", facts=facts, sources=(source,))
    reason = f"wheel needs glibc >={floor}; {where} has {here.version}"
    if VendorVersion(here.version) < VendorVersion(floor):
        gulf = Gulf(seen=_glibc(here), needed=f">={floor}", group=floor)
        return failed("libc", reason, gulf, facts=facts, sources=(source,))
    return passed("libc", reason, facts=facts, sources=(source,))


def _where(site: Site) -> str:
    return _HOST if site.image is None else f"base {site.os or site.image}"


def _glibc(here: Libc) -> str:
    return f"glibc {here.version}"


def counts_as_assumption(judgement: Judgement) -> bool:
    """Tell whether an unknown rests on a missing fact; what was only not asked yet is asked before it is built."""
    return judgement.check.verdict is Verdict.UNKNOWN and judgement.rule not in {"index-availability", "base-image"}
