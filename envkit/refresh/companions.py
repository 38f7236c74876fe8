"""Which version of a companion belongs to which release of the main package."""

import threading

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envkit.errors import DataError
from envkit.model.host import Gap
from envkit.model.matrix import DeriveRow, Recipe
from envkit.model.value import Value
from envkit.refresh.inspection import Question
from envkit.refresh.metadata import find_requirement, requirements_for
from envkit.refresh.parallel import work_through
from envkit.refresh.reader import Reader
from envkit.refresh.wheels import Wheel, python_key, pythons_of


class Pairing(Value):
    """The companions of one release, and those that have wheels for fewer Pythons than exist."""

    packages: dict[str, str] = {}
    pythons: dict[str, tuple[str, ...]] = {}  # by package; empty: any


class _Candidate(Value):
    """One release of a companion, and the range of the main package that it requires (None: none)."""

    version: str
    uploaded: str
    requires: str | None
    wheels: tuple[Wheel, ...]


def pair_companions(
    recipe: Recipe,
    derive: DeriveRow,
    main: dict[str, tuple[Wheel, ...]],
    reader: Reader,
) -> tuple[dict[str, Pairing], list[Gap]]:
    """Return the pairing of each release of the main package, and the gaps.

    1. The release requires the companion: the newest that it admits (jax requires one jaxlib).
    2. A companion requires this release exactly: that one, the newest of several (torchvision up to 0.29.0).
    3. The newest companion that admits the release and was published before the next one was (torchvision from 0.29.1).
    """
    names = tuple(companion.package for companion in recipe.companions if companion.pinned)
    gaps: list[Gap] = []
    required = _requirements(main, names, derive, reader, gaps) if names else {}
    pairings = {version: Pairing() for version in main}
    for name in names:
        wheels = _by_version(reader.wheels(name))
        ranges = {version: _range(texts, name) for version, texts in required.items()}
        if any(found is not None for found in ranges.values()):
            chosen = {version: _newest_in(wheels, found) for version, found in ranges.items()}
        else:
            candidates = _candidates(recipe.package, wheels, main, reader, gaps)
            chosen = {version: _fitting(version, main, candidates) for version in main}
        for version, companion in chosen.items():
            if companion is not None:
                pairings[version] = _with(pairings[version], name, companion, wheels[companion])
    return pairings, gaps


def _with(pairing: Pairing, name: str, version: str, wheels: tuple[Wheel, ...]) -> Pairing:
    every = all(wheel.pythons for wheel in wheels)
    pythons = pythons_of([wheel for wheel in wheels if wheel.architecture in {None, "x86_64"}], ()) if every else ()
    return Pairing(packages=pairing.packages | {name: version}, pythons=pairing.pythons | {name: pythons})


def _requirements(
    main: dict[str, tuple[Wheel, ...]],
    names: tuple[str, ...],
    derive: DeriveRow,
    reader: Reader,
    gaps: list[Gap],
) -> dict[str, tuple[str, ...]]:
    """Return what each release requires; only of the newest, where that requires none of the companions."""
    newest = max(main, key=Version, default=None)
    question = Question() if derive.wheels or not derive.runtimes else _full(derive)
    first = _read({newest: main[newest]} if newest else {}, question, reader, gaps)
    if all(_range(texts, name) is None for texts in first.values() for name in names):
        return first
    return first | _read(
        {version: wheels for version, wheels in main.items() if version != newest}, question, reader, gaps
    )


def _full(derive: DeriveRow) -> Question:
    """Ask for all that is wanted of these wheels later: each is read only once."""
    return Question(modules=derive.modules, binaries=derive.binaries)


def _read(
    releases: dict[str, tuple[Wheel, ...]],
    question: Question,
    reader: Reader,
    gaps: list[Gap],
) -> dict[str, tuple[str, ...]]:
    wheels = {version: _first(group) for version, group in releases.items()}
    lock = threading.Lock()

    def read(version: str) -> tuple[str, ...] | None:
        try:
            return reader.contents(wheels[version], question).requirements
        except DataError as error:
            with lock:
                gaps.append(Gap(fact=f"{version} requirements", source=wheels[version].file.name, reason=error.message))
            return None

    found = work_through(wheels, read, lambda version: reader.announce(wheels[version]))
    return {version: texts for version, texts in found.items() if texts is not None}


def _first(wheels: tuple[Wheel, ...]) -> Wheel:
    return min(
        wheels,
        key=lambda wheel: (
            wheel.architecture != "x86_64",
            [python_key(python) for python in wheel.pythons[:1]],
            [-wheel.build[0], wheel.build[1]],
            wheel.file.name,
        ),
    )


def _range(texts: tuple[str, ...], package: str) -> SpecifierSet | None:
    return find_requirement(requirements_for(texts, architecture="x86_64", python="3.12"), package)


def _newest_in(wheels: dict[str, tuple[Wheel, ...]], wanted: SpecifierSet | None) -> str | None:
    if wanted is None:
        return None
    return max((version for version in wheels if version in wanted), key=Version, default=None)


def _candidates(
    package: str,
    wheels: dict[str, tuple[Wheel, ...]],
    main: dict[str, tuple[Wheel, ...]],
    reader: Reader,
    gaps: list[Gap],
) -> list[_Candidate]:
    oldest = min((_day(group) for group in main.values()), default="")
    wanted = {version: group for version, group in wheels.items() if _day(group) >= oldest}
    required = _read(wanted, Question(), reader, gaps)
    return [
        _Candidate(
            version=version,
            uploaded=_day(wanted[version]),
            requires=None if (found := _range(texts, canonicalize_name(package))) is None else str(found),
            wheels=wanted[version],
        )
        for version, texts in required.items()
    ]


def _fitting(version: str, main: dict[str, tuple[Wheel, ...]], candidates: list[_Candidate]) -> str | None:
    exact = [one.version for one in candidates if one.requires is not None and _is_exactly(one.requires, version)]
    if exact:
        return max(exact, key=Version)
    later = [_day(group) for other, group in main.items() if Version(other) > Version(version)]
    before = min(later, default="9999")
    admitting = [one.version for one in candidates if one.uploaded < before and _admits(one.requires, version)]
    return max(admitting, key=Version, default=None)


def _is_exactly(requires: str, version: str) -> bool:
    return requires.startswith("==") and version in SpecifierSet(requires)


def _admits(requires: str | None, version: str) -> bool:
    return requires is None or (not requires.startswith("==") and version in SpecifierSet(requires))


def _day(wheels: tuple[Wheel, ...]) -> str:
    return min((wheel.file.uploaded for wheel in wheels if wheel.file.uploaded), default="")


def _by_version(wheels: tuple[Wheel, ...]) -> dict[str, tuple[Wheel, ...]]:
    groups: dict[str, tuple[Wheel, ...]] = {}
    for wheel in wheels:
        if wheel.local is None and wheel.file.yanked is None:
            groups[wheel.version] = (*groups.get(wheel.version, ()), wheel)
    return groups
