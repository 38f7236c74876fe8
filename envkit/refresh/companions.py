"""Which version of a companion belongs to which release of the main package."""

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envkit.model.host import Gap
from envkit.model.recipe import Recipe
from envkit.model.value import Value
from envkit.refresh.also import Requirements, requirements_of
from envkit.refresh.builds import Releases
from envkit.refresh.metadata import find_requirement, requirements_for
from envkit.refresh.reader import Reader
from envkit.refresh.wheels import Wheel, by_version, pythons_of


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
    main: Releases,
    reader: Reader,
) -> tuple[dict[str, Pairing], list[Gap]]:
    """Return the pairing of each release of the main package, and the gaps.

    1. The release requires the companion: the newest that it admits (jax requires one jaxlib). Where the range has no
       upper end, the newest that was there when the release was published: nobody tried it with a later one (xformers
       0.0.35 requires torch>=2.10). Where it admits any, the one that belongs to the companion before it, by rules 2
       and 3 (sglang requires a torchvision: the one for its torch).
    2. A companion requires this release exactly: that one, the newest of several (torchvision up to 0.29.0).
    3. The newest companion that admits the release and was published before the next one was (torchvision from 0.29.1).
    """
    names = tuple(companion.package for companion in recipe.companions if companion.pinned)
    gaps: list[Gap] = []
    required = _requirements(main, names, reader, gaps) if names else {}
    pairings = {version: Pairing() for version in main}
    for before, name in zip((None, *names), names, strict=False):
        wheels = by_version(reader.wheels(name))
        ranges = {version: _range(texts, name) for version, texts in required.items()}
        if any(found is not None for found in ranges.values()):
            chosen = {version: _newest_in(wheels, found, _day(main[version])) for version, found in ranges.items()}
            free = {version for version, found in ranges.items() if found is not None and not str(found)}
            chosen |= _beside(before, {version: pairings[version] for version in free}, wheels, reader, gaps)
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


def _requirements(main: Releases, names: tuple[str, ...], reader: Reader, gaps: list[Gap]) -> Requirements:
    """Return what each release requires; only of the newest, where that requires none of the companions."""
    newest = {version: main[version] for version in sorted(main, key=Version)[-1:]}
    first, unread = requirements_of(newest, reader)
    gaps += unread
    if all(_range(texts, name) is None for texts in first.values() for name in names):
        return first
    others, unread = requirements_of({version: main[version] for version in main if version not in newest}, reader)
    gaps += unread
    return first | others


def _range(texts: tuple[str, ...], package: str) -> SpecifierSet | None:
    return find_requirement(requirements_for(texts, architecture="x86_64", python="3.12"), package)


def _newest_in(wheels: Releases, wanted: SpecifierSet | None, day: str) -> str | None:
    if wanted is None:
        return None
    admitted = [version for version in wheels if version in wanted]
    if all(part.operator in {">=", ">", "!="} for part in wanted):
        admitted = [version for version in admitted if _day(wheels[version]) <= day] or admitted
    return max(admitted, key=Version, default=None)


def _beside(
    partner: str | None, pairings: dict[str, Pairing], wheels: Releases, reader: Reader, gaps: list[Gap]
) -> dict[str, str | None]:
    """Return the companion that belongs to another one, `partner`, in the version that each release has of it."""
    pinned = {
        version: pairing.packages[partner] for version, pairing in pairings.items() if partner in pairing.packages
    }
    if partner is None or not pinned:
        return {}
    oldest = min(pinned.values(), key=Version)
    theirs = by_version(reader.wheels(partner))
    theirs = {version: group for version, group in theirs.items() if Version(version) >= Version(oldest)}
    candidates = _candidates(partner, wheels, theirs, reader, gaps)
    return {version: _fitting(pin, theirs, candidates) for version, pin in pinned.items()}


def _candidates(
    package: str,
    wheels: Releases,
    main: Releases,
    reader: Reader,
    gaps: list[Gap],
) -> list[_Candidate]:
    oldest = min((_day(group) for group in main.values()), default="")
    wanted = {version: group for version, group in wheels.items() if _day(group) >= oldest}
    required, unread = requirements_of(wanted, reader)
    gaps += unread
    return [
        _Candidate(
            version=version,
            uploaded=_day(wanted[version]),
            requires=None if (found := _range(texts, canonicalize_name(package))) is None else str(found),
            wheels=wanted[version],
        )
        for version, texts in required.items()
    ]


def _fitting(version: str, main: Releases, candidates: list[_Candidate]) -> str | None:
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
