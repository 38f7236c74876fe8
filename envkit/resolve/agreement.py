"""Packages that two recipes share: one version, of one index, for one runtime."""

from envkit.model.matrix import CPU, DEFAULT_INDEX, WHEELHOUSE_INDEX
from envkit.model.version import VendorVersion
from envkit.resolve.options import Option
from envkit.resolve.versions import parse_version, within


def agree(first: Option, second: Option) -> bool:
    """Tell whether two options can be installed together, as far as their rows tell.

    A package that both pin has one version; what one requires of a package that the other pins is met. Where they share
    a package, builds for a runtime are for the same major version of it, and not more than one index has to serve it.
    """
    ours, theirs = first.pins, second.pins
    both = ours.keys() & theirs.keys()
    if not all(_same_version(ours[package], theirs[package]) for package in both):
        return False
    if not (_meets(first.build.requires, theirs) and _meets(second.build.requires, ours)):
        return False
    touching = both | (first.build.requires.keys() & theirs.keys()) | (second.build.requires.keys() & ours.keys())
    return not touching or (_same_runtime(first, second) and all(_one_index(first, second, name) for name in both))


def _same_version(ours: str, theirs: str) -> bool:
    """Compare what is pinned; a label of a local version counts where both have one."""
    first, second = parse_version(ours), parse_version(theirs)
    if first.local is not None and second.local is not None:
        return first == second
    return first.public == second.public


def _meets(ranges: dict[str, str], pins: dict[str, str]) -> bool:
    return all(within(text, parse_version(pins[package]).public) for package, text in ranges.items() if package in pins)


def _same_runtime(first: Option, second: Option) -> bool:
    ours, theirs = first.build, second.build
    if CPU not in {ours.vendor, theirs.vendor} and ours.vendor != theirs.vendor:
        return False
    if ours.runtime is None or theirs.runtime is None:
        return True
    majors = {VendorVersion(ours.runtime.version).major, VendorVersion(theirs.runtime.version).major}
    return ours.runtime.name == theirs.runtime.name and len(majors) == 1


def _one_index(first: Option, second: Option, package: str) -> bool:
    sources = {source for option in (first, second) if (source := _serving_index(option, package)) is not None}
    return len(sources) <= 1


def _serving_index(option: Option, package: str) -> str | None:
    """Return the index that an option takes a package from; None where any that has it will do."""
    build = option.build
    for index in option.companions.indexes:
        if package in index.packages:
            return index.name
    if build.index == WHEELHOUSE_INDEX or package == build.package:
        return build.index
    return build.index if build.index != DEFAULT_INDEX and package in build.index_packages else None
