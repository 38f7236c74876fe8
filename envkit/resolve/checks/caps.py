"""Libraries that dropped a device which the frameworks still serve: held at the versions that serve it."""

from envkit.model.vendor import PackageCap
from envkit.resolve.checks.judgement import Judgement, passed
from envkit.resolve.situation import Situation


def find_caps(situation: Situation) -> tuple[PackageCap, ...]:
    """Return the caps that hold for the chosen devices."""
    rows = situation.vendor.package_caps if situation.vendor is not None else ()
    present = {device.architecture for device in situation.devices}
    return tuple(sorted((row for row in rows if present & set(row.architectures)), key=lambda row: row.package))


def package_cap(situation: Situation) -> Judgement | None:
    """Say which packages are held back for a device; uv's lock keeps to it."""
    caps = find_caps(situation)
    if not caps:
        return None
    hit = [device for device in situation.devices if any(device.architecture in cap.architectures for cap in caps)]
    held = "; ".join(f"`{cap.package}` is held at {cap.allowed}: {cap.reason}" for cap in caps)
    return passed(
        "package-cap",
        f"{held} ({', '.join(f'{device.label}, {device.architecture}' for device in hit)})",
        facts=tuple(f"devices[{device.position}].architecture" for device in hit),
        sources=tuple(dict.fromkeys(situation.source(cap.source) for cap in caps)),
    )
