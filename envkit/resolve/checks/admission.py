"""Images that a vendor's container runtime refuses to start under some drivers, whatever is installed in them."""

from fnmatch import fnmatchcase
from functools import lru_cache

from envkit.model.vendor import AdmissionRow
from envkit.model.version import VendorVersion
from envkit.resolve.checks.driver import find_driver_row
from envkit.resolve.checks.judgement import Gulf, Judgement, failed, passed, unknown
from envkit.resolve.options import Option
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation

RULE = "container-admission"


def container_admission(_option: Option, place: Place, situation: Situation) -> Judgement | None:
    """Require a driver that the image's own condition admits.

    The driver has to implement the image's runtime itself, or to be of a listed branch with devices of a listed kind.
    Minor-version compatibility does not count here, which is why environments are made from plain images.
    """
    row = None if place.image is None else _row(place.image, situation)
    if row is None or not situation.devices:
        return None
    rule, facts, sources = RULE, (situation.driver_fact,), (situation.source(row.source),)
    if row.runtime is None:
        reason = f"under which drivers {place.image} starts is not known; assumed that it does here"
        return unknown(rule, reason, facts=facts, sources=sources)
    return _judge(place.image or "", row, row.runtime, situation)


def _judge(image: str, row: AdmissionRow, runtime: str, situation: Situation) -> Judgement:
    rule, facts, sources = RULE, (situation.driver_fact,), (situation.source(row.source),)
    condition = f"{image} starts under drivers for {runtime} and newer"
    if situation.ceiling is not None and situation.ceiling >= VendorVersion(runtime):
        reason = f"{condition}; host's driver implements {situation.ceiling}"
        return passed(rule, reason, facts=facts, sources=sources)
    if situation.driver is None or situation.ceiling is None:
        return unknown(rule, f"{condition}; assumed that the driver is one", facts=facts, sources=sources)
    listed = f", and under {_listed(row)}" if row.branches else ""
    kinds = {device.category for device in situation.devices} if situation.driver.major in row.branches else {""}
    if kinds <= set(row.categories):
        return passed(rule, f"{condition}{listed}", facts=facts, sources=sources)
    if kinds - {None} <= set(row.categories):
        reason = f"{condition}{listed}; of what kind the device is is not known; assumed one of these"
        return unknown(rule, reason, facts=facts, sources=sources)
    reason = f"{condition}{listed}; host has {situation.driver}"
    gulf = Gulf(seen=str(situation.driver), needed=_needed(runtime, situation), group=row.images)
    return failed(rule, reason, gulf, facts=facts, sources=sources)


def _row(image: str, situation: Situation) -> AdmissionRow | None:
    rows = situation.vendor.admissions if situation.vendor is not None else ()
    fitting = [row for row in rows if _covers(row.images, image)]
    return min(fitting, key=lambda row: (-len(row.images), row.images)) if fitting else None


@lru_cache(maxsize=1024)
def _covers(images: str, image: str) -> bool:
    path = image.partition("@")[0]
    # A registry may stand before the name: docker.io/nvidia/cuda:12.8.1-base-ubuntu24.04
    return fnmatchcase(path, images) or fnmatchcase(path, f"*/{images}")


def _listed(row: AdmissionRow) -> str:
    return f"branches {', '.join(map(str, row.branches))} with {' or '.join(row.categories)} devices"


def _needed(runtime: str, situation: Situation) -> str:
    exact = None if situation.vendor is None else find_driver_row(situation.vendor, runtime)
    return f"a driver for {runtime}" if exact is None else f">={exact.minimum}"
