"""Builds that are known not to work on a device, or anywhere, although every other rule lets them pass."""

from envkit.model.recipe import BrokenRow
from envkit.model.reserved import ANY_VARIANT, CPU
from envkit.resolve.checks.judgement import Gulf, Judgement, failed
from envkit.resolve.devices import Accelerator
from envkit.resolve.options import Option
from envkit.resolve.situation import Situation

RULE = "known-broken"


def known_broken(option: Option, situation: Situation) -> Judgement | None:
    """Refuse a build that somebody has seen fail: on some device architectures, or everywhere."""
    build = option.build
    # A build for the processor that stands in for one that is missing does not meet the devices; one for any does.
    beside = situation.vendor_name == CPU or (build.vendor == CPU and build.variant != ANY_VARIANT)
    devices = () if beside else situation.devices
    for row in build.broken:
        hit = tuple(device for device in devices if row.architectures and device.architecture in row.architectures)
        if row.architectures is None or hit:
            return _refusal(option, row, hit)
    return None


def _refusal(option: Option, row: BrokenRow, devices: tuple[Accelerator, ...]) -> Judgement:
    seen = "; ".join(f"{device.label} is {device.architecture}" for device in devices)
    architectures = sorted({device.architecture or "" for device in devices})
    where = f" on {', '.join(architectures)}" if devices else ""
    gulf = Gulf(
        seen=seen or option.name,
        needed=f"no {' or '.join(architectures)} for this build" if devices else "a build that works",
        group=f"{'device' if devices else 'build'} {row.reason}",
    )
    return failed(
        RULE,
        f"known not to work{where}: {row.reason}",
        gulf,
        facts=tuple(f"devices[{device.position}].architecture" for device in devices),
        sources=(row.source,),
    )
