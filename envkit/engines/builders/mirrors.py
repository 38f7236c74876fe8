"""How the user's mirrors serve a build, which names public servers alone: for the base image and system packages."""

from envkit.generate.quoting import image_reference
from envkit.model.loopback import is_loopback
from envkit.model.mirrors import Mirrors
from envkit.model.plan import Plan
from envkit.model.sources import PackageSources, Setting
from envkit.model.text import check_text
from envkit.system.registry_names import parse_reference


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
    mirrored = mirrored_image(written, sources)
    return None if mirrored is None else (written, mirrored)


def mirrored_image(image: str, sources: PackageSources) -> str | None:
    """Return where the mirror of its registry has an image, None where none is set; raises `UnsafeTextError`."""
    reference = parse_reference(image)
    setting = sources.mirrors.get(reference.registry)
    if setting is None:
        return None
    tag = f":{reference.tag}" if reference.tag else ""
    digest = f"@{reference.digest}" if reference.digest else ""
    return f"{_place(setting)}/{reference.repository}{tag}{digest}"


def registries_configuration(sources: PackageSources, table: Mirrors) -> str | None:
    """Return podman's and buildah's settings with the mirrors of registries, None where none is set.

    Format: containers-registries.conf(5).
    """
    lines = []
    for row in table.places:
        setting = sources.mirrors.get(row.place)
        if row.kind != "registry" or setting is None:
            continue
        place = _place(setting)
        plain = "true" if is_loopback(place.partition("/")[0]) else "false"
        lines += [
            "[[registry]]",
            f'prefix = "{row.place}"',
            f'location = "{row.address}"',
            "[[registry.mirror]]",
            f'location = "{place}"',
            f"insecure = {plain}",
        ]
    return "\n".join(('unqualified-search-registries = ["docker.io"]', *lines, "")) if lines else None


def _place(setting: Setting) -> str:
    """Return the mirror of a registry as names of images begin with it."""
    value = check_text(setting.value, setting.origin)
    return (value.partition("://")[2] or value).strip("/")
