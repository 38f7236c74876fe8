"""How the user's mirrors serve a build, which names public servers alone: for the base image and system packages."""

import re

from envkit.generate.quoting import image_reference
from envkit.model.mirrors import Mirrors
from envkit.model.plan import Plan
from envkit.model.sources import PackageSources
from envkit.model.text import check_text
from envkit.system.registry_names import parse_reference

_LOOPBACK = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+)(?::\d+)?(?:/|$)")


def system_sources(system: str | None, sources: PackageSources, table: Mirrors) -> str | None:
    """Return the file of package sources for a distribution, `debian-12`, with its servers' mirrors in it.

    None where no mirror is set for it, or where nothing is known of its sources: the image's own ones hold then.
    Raises `UnsafeTextError` for a mirror with control characters.
    """
    row = next((row for row in table.systems if row.os == system), None)
    if row is None:
        return None
    text, mirrored = "".join(f"{line}\n" for line in row.lines), False
    for place in table.places:
        setting = sources.mirrors.get(place.place)
        mark = f"{{{place.place}}}"
        if mark not in text:
            continue
        mirrored = mirrored or setting is not None
        address = place.address if setting is None else check_text(setting.value, setting.origin)
        text = text.replace(mark, address.rstrip("/"))
    return text if mirrored else None


def mirrored_base(plan: Plan, sources: PackageSources) -> tuple[str, str] | None:
    """Return the base image as the Dockerfile names it and where the mirror of its registry has it, or None."""
    if plan.base is None:
        return None
    written = image_reference(plan.base)
    reference = parse_reference(written)
    setting = sources.mirrors.get(reference.registry)
    if setting is None:
        return None
    version = written[len(written.partition("@")[0].rpartition(":")[0]) :] if reference.tag else f"@{reference.digest}"
    place = check_text(setting.value, setting.origin).partition("://")[2] or setting.value
    return written, f"{place.strip('/')}/{reference.repository}{version}"


def registries_configuration(sources: PackageSources, table: Mirrors) -> str | None:
    """Return podman's and buildah's settings with the mirrors of registries, None where none is set.

    Format: containers-registries.conf(5).
    """
    lines = []
    for row in table.places:
        setting = sources.mirrors.get(row.place)
        if row.kind != "registry" or setting is None:
            continue
        place = (check_text(setting.value, setting.origin).partition("://")[2] or setting.value).strip("/")
        plain = "true" if _LOOPBACK.match(place) else "false"
        lines += [
            "[[registry]]",
            f'prefix = "{row.place}"',
            f'location = "{row.address}"',
            "[[registry.mirror]]",
            f'location = "{place}"',
            f"insecure = {plain}",
        ]
    return "\n".join(('unqualified-search-registries = ["docker.io"]', *lines, "")) if lines else None
