"""Runtimes that a wheel requires as packages: which version that is, and which glibc they need themselves."""

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envkit.errors import DataError
from envkit.model.deriving import DeriveRow
from envkit.model.value import Value
from envkit.refresh.inspection import Question
from envkit.refresh.metadata import exact_pins, requirements_for
from envkit.refresh.reader import Reader
from envkit.refresh.wheels import Wheel, libc_key


class Closure(Value):
    """What the packages of the runtime add to what a wheel says by itself."""

    version: str | None = None  # of the runtime, major and minor; None: not told by the requirements
    libc: str | None = None  # the highest glibc floor of the packages that are required exactly
    missing: tuple[str, ...] = ()  # required exactly, but not on the index for this processor architecture


class RuntimePackages:
    """Reads the packages of a runtime on an index."""

    def __init__(self, row: DeriveRow, reader: Reader) -> None:
        self._row = row
        self._reader = reader

    def closure(
        self, requirements: tuple[str, ...], *, architecture: str, python: str, extra: str, told: bool
    ) -> Closure:
        """Return what the requirements that hold for a target say about the runtime.

        `told`: its version is known already, and is not looked for. Raises as `inspect_wheel` does.
        """
        held = requirements_for(requirements, architecture=architecture, python=python, extra=extra)
        pins = exact_pins(held, self._row.requirements)
        if not pins:
            return Closure()
        version = None if told else self._version(pins)
        for requirement in held:
            if canonicalize_name(requirement.name) == self._row.toolkit and self._row.toolkit in pins:
                pins |= self._parts(requirement, pins[self._row.toolkit], architecture, python)
        floors = {name: self._floor(name, pinned, architecture) for name, pinned in pins.items()}
        found = [floor for floor in floors.values() if floor]
        return Closure(
            version=version,
            libc=max(found, key=libc_key, default=None),
            missing=tuple(f"{name}=={pins[name]}" for name, floor in floors.items() if floor is None),
        )

    def _version(self, pins: dict[str, str]) -> str | None:
        """Return the toolkit's version, by itself or by the versions of its parts (most of them decide)."""
        toolkit = self._row.toolkit
        if toolkit is None:
            return None
        if toolkit in pins:
            return _two_parts(pins[toolkit].removesuffix(".*"))
        scores: dict[str, int] = {}
        for wheel in self._toolkits(toolkit):
            parts = self._all_parts(wheel)
            fitting = [name for name in pins.keys() & parts.keys() if _is_in(pins[name], parts[name])]
            scores[wheel.version] = len(fitting)
        best = max(scores, key=lambda version: (scores[version], Version(version)), default=None)
        return _two_parts(best) if best is not None and scores[best] else None

    def _parts(self, requirement: Requirement, version: str, architecture: str, python: str) -> dict[str, str]:
        """Return what the extras of the toolkit that are asked for require."""
        wheels = [wheel for wheel in self._toolkits(self._row.toolkit or "") if _is_in(wheel.version, version)]
        parts: dict[str, str] = {}
        for wheel in wheels[:1]:
            texts = self._reader.contents(wheel, Question()).requirements
            for extra in sorted(requirement.extras):
                held = requirements_for(texts, architecture=architecture, python=python, extra=extra)
                parts |= exact_pins(held, self._row.requirements)
        return parts

    def _all_parts(self, wheel: Wheel) -> dict[str, str]:
        texts = self._reader.contents(wheel, Question()).requirements
        held = requirements_for(texts, architecture="x86_64", python="3.12", extra="all")
        return exact_pins(held, self._row.requirements)

    def _toolkits(self, toolkit: str) -> tuple[Wheel, ...]:
        try:
            return self._reader.wheels(toolkit)
        except DataError:
            return ()  # a mirror of some packages: the runtime's version is then not told

    def _floor(self, name: str, pinned: str, architecture: str) -> str | None:
        """Return the glibc floor of a package, empty for one without binaries, None for one that is not there."""
        try:
            wheels = self._reader.wheels(name)
        except DataError:
            return None
        fitting = [
            wheel for wheel in wheels if _is_in(wheel.version, pinned) and wheel.architecture in {None, architecture}
        ]
        if not fitting:
            return None
        return min((wheel.libc or "" for wheel in fitting), key=lambda floor: libc_key(floor) if floor else (0, 0))


def _two_parts(version: str) -> str:
    release = (*Version(version).release, 0)
    return f"{release[0]}.{release[1]}"


def _is_in(version: str, pinned: str) -> bool:
    try:
        return SpecifierSet(f"=={pinned}").contains(version.removesuffix(".*"), prereleases=True)
    except InvalidSpecifier:
        return False
