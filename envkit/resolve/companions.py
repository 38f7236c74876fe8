"""Which packages come with a build: companions by default, by extra, pinned or open, and from where."""

from msgspec.structs import replace
from packaging.utils import canonicalize_name

from envkit.model.availability import LocalWheel
from envkit.model.matrix import Build
from envkit.model.recipe import CompanionRow
from envkit.model.value import Value
from envkit.resolve.problem import Want
from envkit.resolve.routing import Route
from envkit.resolve.versions import parse_version
from envkit.resolve.wheelhouse import WheelBuild, wheel_label, wheel_platform, wheel_pythons


class Companions(Value):
    """The packages beside the main one."""

    pins: dict[str, str]  # exact versions
    requirements: tuple[str, ...]  # any version that the lock finds
    missing: tuple[str, ...] = ()  # asked for by an extra, and not to be had with this build
    notes: tuple[str, ...] = ()
    pythons: dict[str, tuple[str, ...]] = {}  # of pinned ones that have wheels for fewer Pythons
    route: Route = Route()  # of pinned ones with recipes of their own


def companions_at(companions: Companions, want: Want, python: str) -> Companions:
    """Leave out the default companions that have no wheel for a Python, with a note; those asked for stay."""
    absent = lacking_python(companions, python)
    if not absent:
        return companions
    asked = {row.package for row in want.recipe.companions if row.extra in want.spec.extras}
    dropped = [package for package in absent if package not in asked]
    if not dropped:
        return companions
    extras = {row.package: row.extra for row in want.recipe.companions}
    notes = tuple(
        f"`{package}` was left out: {package} {companions.pins[package]} has no wheel for Python {python};"
        f" `{want.recipe.name}[{extras[package]}]` requires it"
        for package in dropped
    )
    pins = {package: version for package, version in companions.pins.items() if package not in dropped}
    return replace(companions, pins=pins, notes=(*companions.notes, *notes))


def lacking_python(companions: Companions, python: str) -> tuple[str, ...]:
    """Return the pinned companions without a wheel for a Python."""
    if not companions.pythons:
        return ()
    return tuple(package for package in companions.pins if python not in companions.pythons.get(package, (python,)))


class Named(Value):
    """The companions that a spec means: those that are pinned, and packages whose version is left open."""

    pinned: tuple[CompanionRow, ...]
    open: frozenset[str]


def find_named(want: Want) -> Named:
    """Return the default companions of a spec and those that it asks for."""
    meant = [row for row in want.recipe.companions if row.default or row.extra in want.spec.extras]
    return Named(
        pinned=tuple(sorted((row for row in meant if row.pinned), key=lambda row: row.package)),
        open=frozenset(row.package for row in meant if not row.pinned),
    )


def index_companions(named: Named, want: Want, build: Build) -> Companions:
    """Choose the companions of a build from an index: those asked for, and the default ones that the release has."""
    pins: dict[str, str] = {}
    missing: list[str] = []
    for companion in named.pinned:
        version = build.companions.get(companion.package)
        if version is not None:
            pins[companion.package] = version
        elif companion.extra in want.spec.extras:
            missing.append(companion.package)
    return Companions(
        pins=pins,
        pythons=build.companion_pythons,
        requirements=_requirements(named, build),
        missing=tuple(missing),
    )


def image_companions(named: Named, want: Want) -> Companions:
    """Return what comes with a build that an image brings: nothing more, since what else is in it is not known."""
    asked = tuple(row.package for row in named.pinned if row.extra in want.spec.extras)
    return Companions(pins={}, requirements=(), missing=asked)


def wheelhouse_companions(
    want: Want, found: WheelBuild, wheels: tuple[LocalWheel, ...], pythons: tuple[str, ...]
) -> Companions:
    """Choose the companions of a wheelhouse build: those whose wheel of the same variant lies in a wheelhouse too."""
    pins: dict[str, str] = {}
    missing: list[str] = []
    notes: list[str] = []
    named = find_named(want)
    for companion in named.pinned:
        wheel = _matching_wheel(companion, found, wheels, pythons)
        if wheel is not None:
            pins[companion.package] = wheel.version
        elif companion.extra in want.spec.extras:
            missing.append(companion.package)
        else:
            notes.append(
                f"`{companion.package}` was left out: no wheelhouse has it for {found.wheel.package}"
                f" {found.wheel.version}; `{want.recipe.name}[{companion.extra}]` requires it"
            )
    requirements = _requirements(named, found.build)
    return Companions(pins=pins, requirements=requirements, missing=tuple(missing), notes=tuple(notes))


def _requirements(named: Named, build: Build) -> tuple[str, ...]:
    runtime = () if build.extra is None else (f"{build.package}[{build.extra}]",)
    return (*runtime, *sorted({*named.open, *build.requirements}))


def _matching_wheel(
    companion: CompanionRow, found: WheelBuild, wheels: tuple[LocalWheel, ...], pythons: tuple[str, ...]
) -> LocalWheel | None:
    version = found.build.companions.get(companion.package)
    if version is None:
        return None
    fitting = [
        wheel
        for wheel in wheels
        if canonicalize_name(wheel.package) == companion.package
        and parse_version(wheel.version).public == parse_version(version).public
        and wheel_label(wheel) == wheel_label(found.wheel)
        and wheel_platform(wheel, found.build.cpu_architecture) is not None
        and set(found.build.pythons) <= set(wheel_pythons(wheel, pythons))
    ]
    return min(fitting, key=lambda wheel: wheel.path) if fitting else None
