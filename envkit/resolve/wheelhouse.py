"""Wheel files of the user turned into builds: what their tags say, and what the matrix adds to that."""

import re

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from envkit.model.availability import LocalWheel
from envkit.model.matrix import Build
from envkit.model.recipe import Recipe, ReleaseRow, VariantRow
from envkit.model.reserved import ANY_VARIANT, WHEELHOUSE_INDEX
from envkit.model.value import Value
from envkit.model.version import VendorVersion
from envkit.resolve.builds import BuildSource, find_variant, make_build
from envkit.resolve.versions import is_stable, parse_version, python_number

UNKNOWN_VENDOR = "unknown"
_CPYTHON = re.compile(r"cp(\d)(\d+)")
_MANYLINUX = re.compile(r"manylinux_(\d+)_(\d+)_(?P<architecture>\w+)")
_PLATFORM = re.compile(r"(?:(?P<name>manylinux1|manylinux2010|manylinux2014)|linux)_(?P<architecture>\w+)")
# The glibc that the names before PEP 600 stand for: PEP 513, PEP 571 and PEP 599.
_NAMED_FLOORS = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}


class WheelBuild(Value):
    """A build that is a file, with the file."""

    build: Build
    wheel: LocalWheel


class WheelPlatform(Value):
    """What the platform tags of a wheel ask for."""

    libc: str | None  # glibc floor; None: the tags name none


def wheel_builds(
    recipe: Recipe, architecture: str, wheels: tuple[LocalWheel, ...], pythons: tuple[str, ...]
) -> tuple[WheelBuild, ...]:
    """Return the builds that a recipe's main package has in the wheelhouses, for one processor architecture.

    A local version label is the variant; without one it is the variant of the release on the main index. A label or a
    release that the matrix does not know leaves the vendor `unknown` where the recipe has several variants. Of files
    that say the same the first by path counts. Wheels for musl are passed over: no recipe has rows for them.
    """
    packages = {recipe.package, *(row.package for row in recipe.variants if row.package is not None)}
    found: dict[tuple[str, ...], WheelBuild] = {}
    for wheel in sorted(wheels, key=lambda wheel: wheel.path):
        platform = wheel_platform(wheel, architecture)
        if canonicalize_name(wheel.package) not in packages or platform is None or not is_stable(wheel.version):
            continue
        tagged = wheel_pythons(wheel, pythons)
        build = _build(recipe, architecture, wheel, platform, tagged)
        found.setdefault((wheel.package, wheel.version, *tagged), WheelBuild(build=build, wheel=wheel))
    return tuple(found.values())


def wheel_platform(wheel: LocalWheel, architecture: str) -> WheelPlatform | None:
    """Return what a wheel's platform tags ask for, or None when none of them fits the processor architecture."""
    floors: list[str] = []
    for tag in wheel.platform_tags:
        if tag == "any":
            return WheelPlatform(libc=None)
        numbered, named = _MANYLINUX.fullmatch(tag), _PLATFORM.fullmatch(tag)
        match = numbered or named
        if match is None or match["architecture"] != architecture:
            continue
        if numbered is not None:
            floors.append(f"{numbered[1]}.{numbered[2]}")
        elif named is not None:
            floors.append(_NAMED_FLOORS.get(named["name"] or "", "0"))
    if not floors:
        return None
    floor = min(floors, key=VendorVersion)
    return WheelPlatform(libc=None if floor == "0" else floor)


def wheel_pythons(wheel: LocalWheel, pythons: tuple[str, ...]) -> tuple[str, ...]:
    """Return the minor versions that a wheel's tags allow, free-threaded ones with their `t`."""
    allowed: set[str] = set()
    for tag in wheel.python_tags:
        match = _CPYTHON.fullmatch(tag)
        if match is None:
            allowed |= set(pythons) if tag in {"py3", "py2.py3"} else set()
        elif "abi3" in wheel.abi_tags:
            oldest = (int(match[1]), int(match[2]))
            allowed |= {minor for minor in pythons if python_number(minor) >= oldest}
        else:
            free_threaded = any(abi.startswith("cp") and abi.endswith("t") for abi in wheel.abi_tags)
            allowed.add(f"{match[1]}.{match[2]}{'t' if free_threaded else ''}")
    return tuple(sorted(allowed, key=lambda minor: (python_number(minor), minor)))


def wheel_label(wheel: LocalWheel) -> str:
    """Return the local label of a wheel's version, `cu128` of `2.9.1+cu128`, or an empty text."""
    return parse_version(wheel.version).local or ""


def _build(
    recipe: Recipe, architecture: str, wheel: LocalWheel, platform: WheelPlatform, pythons: tuple[str, ...]
) -> Build:
    public = parse_version(wheel.version).public
    release = next((row for row in recipe.releases if parse_version(row.version).public == public), None)
    row = _variant(recipe, architecture, wheel, release)
    directory = wheel.path.rpartition("/")[0]
    source = BuildSource(index=WHEELHOUSE_INDEX, url=f"file://{directory}", packages=(recipe.package,))
    known = release or ReleaseRow(version=public, released="", pythons=pythons, source=wheel.origin)
    variant = row or VariantRow(
        variant=wheel_label(wheel) or UNKNOWN_VENDOR,
        vendor=UNKNOWN_VENDOR,
        releases="",
        cpu_architectures=(architecture,),
        source=wheel.origin,
    )
    build = make_build(recipe, known, variant, architecture, source)
    if not wheel_label(wheel):
        # Own indexes label their wheels: one without a label is the main index's build, with that one's PTX.
        build = replace(build, ptx=variant.ptx)
    return _as_tagged(build, wheel, platform, pythons)


def _as_tagged(build: Build, wheel: LocalWheel, platform: WheelPlatform, pythons: tuple[str, ...]) -> Build:
    # Old tags promise less than the binary needs, so that the matrix's measured floor counts where it is higher.
    floors = [floor for floor in (platform.libc, build.libc) if floor is not None]
    return replace(
        build,
        package=canonicalize_name(wheel.package),
        pythons=pythons,
        source=wheel.origin,
        libc=max(floors, key=VendorVersion) if floors else None,
        extra=None,
    )


def _variant(recipe: Recipe, architecture: str, wheel: LocalWheel, release: ReleaseRow | None) -> VariantRow | None:
    rows = [row for row in recipe.variants if architecture in row.cpu_architectures and row.system == "linux"]
    label = wheel_label(wheel)
    if not label and release is not None:
        label = release.default.get(architecture, "")
    if not label and len({row.variant for row in rows}) == 1:
        label = rows[0].variant
    if not label and "any" in wheel.platform_tags:
        label = ANY_VARIANT  # no machine code at all
    named = [row for row in rows if row.variant == label]
    if release is not None:
        return find_variant(named, release.version)
    return _of_unknown_release(named)


def _of_unknown_release(rows: list[VariantRow]) -> VariantRow | None:
    """Keep what a variant's name says, vendor and runtime, and forget what may differ from release to release."""
    if not rows:
        return None
    row = min(rows, key=lambda row: row.releases)
    return VariantRow(
        variant=row.variant,
        vendor=row.vendor,
        releases=row.releases,
        cpu_architectures=row.cpu_architectures,
        source=row.source,
        runtime=row.runtime,
        architectures=() if row.architectures == () else None,
    )
