"""Packages that two recipes share: one version, of one index, for one runtime."""

from envkit.model.reserved import CPU, DEFAULT_INDEX, WHEELHOUSE_INDEX
from envkit.model.version import VendorVersion
from envkit.resolve.options import Option
from envkit.resolve.versions import parse_version, within


class Conflicts:
    """What keeps options of different specs apart; each pair is looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[str | None, Option, Option]] = {}

    def between(self, first: Option, second: Option) -> str | None:
        """Return why two options cannot be installed together, as far as their rows tell, or None."""
        # Which packages come along depends on the place, and each such choice is an object of its own.
        key = (id(first.companions), id(second.companions))
        if key not in self._known:
            self._known[key] = (find_conflict(first, second), first, second)
        return self._known[key][0]


def find_conflict(first: Option, second: Option) -> str | None:
    """Return why two options cannot be installed together, or None.

    What one image brings goes together. Else a package that both pin has one version; what one requires of a package
    that the other pins is met. Where they share a package, builds for a runtime are for the same major version of it,
    and not more than one index has to serve it.
    """
    if first.build.image is not None and first.build.image == second.build.image:
        return None  # whoever made the image has made them go together
    ours, theirs = first.pins, second.pins
    both = sorted(ours.keys() & theirs.keys())
    for package in both:
        if not _same_version(ours[package], theirs[package]):
            return f"{first.name} takes {package} {ours[package]}, {second.name} {theirs[package]}"
    unmet = _unmet(first, second) or _unmet(second, first)
    if unmet is not None:
        return unmet
    if not both and not (first.build.requires.keys() & theirs.keys() or second.build.requires.keys() & ours.keys()):
        return None
    return _runtime_conflict(first, second) or _index_conflict(first, second, both)


def _same_version(ours: str, theirs: str) -> bool:
    """Compare what is pinned; a label of a local version counts where both have one."""
    first, second = parse_version(ours), parse_version(theirs)
    if first.local is not None and second.local is not None:
        return first == second
    return first.public == second.public


def _unmet(first: Option, second: Option) -> str | None:
    pins = second.pins
    for package, wanted in sorted(first.build.requires.items()):
        version = pins.get(package)
        if version is not None and not within(wanted, parse_version(version).public):
            return f"{first.name} requires {package}{wanted}, {second.name} takes {package} {version}"
    return None


def _runtime_conflict(first: Option, second: Option) -> str | None:
    ours, theirs = first.build, second.build
    if CPU not in {ours.vendor, theirs.vendor} and ours.vendor != theirs.vendor:
        return f"{first.name} is for {ours.vendor}, {second.name} for {theirs.vendor}"
    if ours.runtime is None or theirs.runtime is None:
        return None
    majors = [VendorVersion(runtime.version).major for runtime in (ours.runtime, theirs.runtime)]
    if ours.runtime.name == theirs.runtime.name and majors[0] == majors[1]:
        return None
    return (
        f"{first.name} is for {ours.runtime.name} {majors[0]}, {second.name} for {theirs.runtime.name} {majors[1]},"
        " and they share packages"
    )


def _index_conflict(first: Option, second: Option, packages: list[str]) -> str | None:
    for package in packages:
        ours, theirs = _serving_index(first, package), _serving_index(second, package)
        if ours is not None and theirs is not None and ours != theirs:
            return f"{first.name} takes {package} from `{ours}`, {second.name} from `{theirs}`"
    return None


def _serving_index(option: Option, package: str) -> str | None:
    """Return the index that an option takes a package from; None where any that has it will do."""
    build = option.build
    for index in option.companions.route.indexes:
        if package in index.packages:
            return index.name
    if build.index == WHEELHOUSE_INDEX or package == build.package:
        return build.index
    return build.index if build.index != DEFAULT_INDEX and package in build.index_packages else None
