"""Frameworks among Python requirements: which recipes they mean, and what is left as plain packages."""

import re
from collections.abc import Iterator
from itertools import product

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envkit.model.availability import PUBLIC_INDEX
from envkit.model.recipe import Recipe
from envkit.model.request import Spec
from envkit.model.value import Value
from envkit.project.drafts import Draft, LeftOut, Line
from envkit.project.foreign import Foreign, load_foreign, why_dropped

# What markers are held against: any Python on the system of all containers. Those that ask for more stay as they are.
_SYSTEM = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
_PYTHONS = range(9, 20)
_MACHINES = ("x86_64", "aarch64")
_SOURCES = re.compile(r"^(git|hg|svn|bzr)\+|^file:|\.(zip|tar\.gz|tgz|tar\.bz2)([#?].*)?$")
_LOCAL = re.compile(r"\+[A-Za-z0-9.]+$")


class Recognised(Value):
    """What requirements ask for, as a project file has it."""

    specs: tuple[Spec, ...] = ()
    packages: tuple[str, ...] = ()
    index: str | None = None
    left_out: tuple[LeftOut, ...] = ()


class _Sorting:
    """What one run over requirements has found."""

    def __init__(self, recipes: tuple[Recipe, ...], foreign: Foreign) -> None:
        self.foreign = foreign
        self.owners = _owners(recipes)
        self.denied = {row.package: row.reason for recipe in recipes for row in recipe.denied if not row.versions}
        self.chosen: dict[str, Recipe] = {}
        self.ranges: dict[str, list[str]] = {}
        self.extras: dict[str, set[str]] = {}
        self.packages: list[str] = []
        self.left_out: list[LeftOut] = []

    def leave(self, what: str, line: Line, reason: str, *, lost: bool = False) -> None:
        """Note what is not carried over."""
        self.left_out.append(LeftOut(what=what, place=line.place, reason=reason, lost=lost))

    def owner(self, requirement: Requirement) -> Recipe | None:
        """Return the recipe that a requirement names."""
        name = canonicalize_name(requirement.name)
        return self.owners.get(self.foreign.renamed.get(name, name))


def recognise(draft: Draft, recipes: tuple[Recipe, ...]) -> Recognised:
    """Sort the requirements of a draft into recipes and plain packages, and say what neither is."""
    sorting = _Sorting(recipes, load_foreign())
    parsed = [(line, _plain(Requirement(line.text))) for line in draft.lines]
    usable = [(line, requirement) for line, requirement in parsed if _is_usable(line, requirement, sorting)]
    frameworks = [
        (line, requirement, recipe)
        for line, requirement in usable
        if (recipe := sorting.owner(requirement)) is not None and not _is_brought(requirement, sorting)
    ]
    for line, requirement, recipe in frameworks:
        _take_framework(line, requirement, recipe, sorting)
    taken = {id(line) for line, _, _ in frameworks}
    for line, requirement in usable:
        if id(line) not in taken:
            _take_package(line, requirement, sorting)
    specs = (
        Spec(recipe=name, range=_joined(sorting.ranges[name]), extras=tuple(sorted(sorting.extras[name])))
        for name in sorting.chosen
    )
    return Recognised(
        specs=tuple(specs),
        packages=tuple(dict.fromkeys(sorting.packages)),
        index=_take_indexes(draft, recipes, sorting),
        left_out=(*draft.left_out, *sorting.left_out),
    )


def _owners(recipes: tuple[Recipe, ...]) -> dict[str, Recipe]:
    """Return recipes by every name of a package that means them; a recipe's own package goes before another's."""
    owners: dict[str, Recipe] = {}
    for recipe in recipes:
        for name in (recipe.name, *recipe.aliases, *(row.package for row in recipe.variants if row.package)):
            owners.setdefault(canonicalize_name(name), recipe)
    return owners | {canonicalize_name(recipe.package): recipe for recipe in recipes}


def _plain(requirement: Requirement) -> Requirement:
    """Return a requirement without a marker that holds wherever envkit makes environments."""
    if requirement.marker is not None and all(_holds(requirement)):
        requirement.marker = None
    return requirement


def _is_usable(line: Line, requirement: Requirement, sorting: _Sorting) -> bool:
    """Tell whether a requirement can be met on Linux from an index, and say why not."""
    marker = requirement.marker
    if marker is not None and not any(_holds(requirement)):
        sorting.leave(f"`{line.text}`", line, "it is for another system")
        return False
    if requirement.url is None:
        return True
    if _SOURCES.search(requirement.url):
        sorting.leave(f"`{line.text}`", line, "nothing is compiled from source: make a wheel of it", lost=True)
        return False
    if sorting.owner(requirement) is not None:
        reason = "one file fits one machine: put wheels into a directory of `sources.wheelhouse`"
        sorting.leave(f"the address of `{requirement.name}`", line, reason, lost=True)
        return False
    return True


def _holds(requirement: Requirement) -> Iterator[bool]:
    """Tell for each Python and processor whether a marker holds on Linux."""
    for minor, machine in product(_PYTHONS, _MACHINES):
        python = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0"}
        if requirement.marker is not None:
            yield requirement.marker.evaluate({**_SYSTEM, **python, "platform_machine": machine, "extra": ""})


def _is_brought(requirement: Requirement, sorting: _Sorting) -> bool:
    return why_dropped(canonicalize_name(requirement.name), sorting.foreign.hardware) is not None


def _take_framework(line: Line, requirement: Requirement, recipe: Recipe, sorting: _Sorting) -> None:
    name = recipe.name
    sorting.chosen[name] = recipe
    ranges, extras = sorting.ranges.setdefault(name, []), sorting.extras.setdefault(name, set())
    known = {row.extra for row in recipe.companions}
    builds = {extra for row in recipe.variants if row.extra for extra in row.extra.split(",")}
    others: list[str] = []
    for extra in sorted(map(canonicalize_name, requirement.extras)):
        if extra in known:
            extras.add(extra)
        elif any(extra == build or extra.startswith(f"{build}-") for build in builds):
            sorting.leave(f"extra `{extra}` of `{requirement.name}`", line, "the build is chosen for the machine")
        else:
            others.append(extra)
    specifiers = _without_local(requirement, line, sorting)
    if requirement.marker is None and specifiers:
        ranges.append(specifiers)
    if requirement.marker is not None or others:
        # What a SPEC cannot say stays a requirement beside it.
        shown = f"[{','.join(others)}]" if others else ""
        marker = "" if requirement.marker is None else f"; {requirement.marker}"
        sorting.packages.append(f"{recipe.package}{shown}{specifiers}{marker}")


def _without_local(requirement: Requirement, line: Line, sorting: _Sorting) -> str:
    """Return the range without the labels of builds: `==2.9.1` for `==2.9.1+cu128`."""
    texts = [str(specifier) for specifier in requirement.specifier]
    local = [match[0] for text in texts if (match := _LOCAL.search(text))]
    if local:
        sorting.leave(f"`{local[0]}` of `{requirement.name}`", line, "the build is chosen for the machine")
    return str(SpecifierSet(",".join(_LOCAL.sub("", text) for text in texts)))


def _take_package(line: Line, requirement: Requirement, sorting: _Sorting) -> None:
    name = canonicalize_name(requirement.name)
    brought = why_dropped(name, sorting.foreign.hardware) if sorting.chosen else None
    pinned = {package for recipe in sorting.chosen.values() for row in recipe.variants for package in row.pins}
    owner = sorting.owner(requirement)
    companion = _companion_of(name, sorting)
    if brought is not None:
        sorting.leave(f"`{requirement.name}`", line, brought)
    elif name in pinned:
        sorting.leave(f"`{requirement.name}`", line, "it comes with the framework's build for hardware that needs it")
    elif owner is not None:
        _take_framework(line, requirement, owner, sorting)
    elif name in sorting.denied:
        sorting.leave(f"`{line.text}`", line, sorting.denied[name], lost=True)
    elif companion is not None:
        recipe, extra = companion
        sorting.extras[recipe].add(extra)
        specifiers = _without_local(requirement, line, sorting)
        if specifiers:
            marker = "" if requirement.marker is None else f"; {requirement.marker}"
            sorting.packages.append(f"{requirement.name}{specifiers}{marker}")
    else:
        sorting.packages.append(str(requirement))


def _companion_of(name: str, sorting: _Sorting) -> tuple[str, str] | None:
    """Return recipe and extra of a package that is pinned to a recipe's release."""
    rows = ((recipe, row) for recipe in sorting.chosen.values() for row in recipe.companions if row.pinned)
    return next(((recipe.name, row.extra) for recipe, row in rows if canonicalize_name(row.package) == name), None)


def _joined(ranges: list[str]) -> str:
    return str(SpecifierSet(",".join(ranges)))


def _take_indexes(draft: Draft, recipes: tuple[Recipe, ...], sorting: _Sorting) -> str | None:
    """Return the main index where it is one of the user's own; those of recipes are theirs."""
    patterns = [_address_pattern(row.url) for recipe in recipes for row in recipe.indexes]
    kept: str | None = None
    main = () if draft.index is None else (draft.index,)
    for line in (*main, *draft.extra_indexes):
        address = line.text.rstrip("/")
        if any(pattern.fullmatch(address) for pattern in patterns):
            sorting.leave(f"index `{line.text}`", line, "the recipe names it, for the build that the machine needs")
        elif address == PUBLIC_INDEX:
            continue
        elif line in main:
            kept = line.text
        else:
            reason = "an index is named for its packages, or set for the whole machine in pip's or uv's settings"
            sorting.leave(f"index `{line.text}`", line, reason, lost=True)
    return kept


def _address_pattern(url: str) -> re.Pattern[str]:
    before, mark, after = url.rstrip("/").partition("{variant}")
    # A tool may be told the address above that of the builds: https://download.pytorch.org/whl
    tail = rf"(?:/?[A-Za-z0-9._-]+{re.escape(after)})?" if mark else ""
    return re.compile(re.escape(before.rstrip("/")) + tail)
