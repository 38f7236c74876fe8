"""What a refresh changes, as sentences: the news of a framework."""

from datetime import date, timedelta
from typing import Literal

from packaging.version import Version

from envkit.model.recipe import Recipe, ReleaseRow, VariantRow
from envkit.model.value import Value
from envkit.model.vendor import Vendor
from envkit.model.version import VendorVersion
from envkit.refresh.variants import covering
from envkit.refresh.wheels import python_key

Kind = Literal[
    "new-release",
    "changed-release",
    "yanked",
    "gone",
    "lost-architecture",
    "lost-runtime",
    "driver-floor",
    "driver-branch",
    "admission",
    "variant-row",
    "conflict",
    "missing-requirement",
    "curate",
]


class Change(Value):
    """One change, or one thing that a person has to decide; `loud` ones must not be overlooked."""

    kind: Kind
    release: str
    text: str
    loud: bool = False


def compare_recipes(
    old: Recipe, new: Recipe, vendors: tuple[Vendor, ...], *, today: str, settle_days: int
) -> list[Change]:
    """Return what is new: a known release against its old row, a new one against the release before it."""
    known = {row.version: row for row in old.releases}
    changes: list[Change] = []
    for row in new.releases:
        before = known.get(row.version)
        if before == row and _same_code(old, new, row):
            continue
        reference = before or _predecessor(new, row)
        if before is None:
            changes.append(_new_release(new, reference, row, today=today, settle_days=settle_days))
        elif items := _differences(old, before, new, row):
            changes.append(Change(kind="changed-release", release=row.version, text=", ".join(items)))
        if reference is not None:
            changes += _loud(old if before else new, reference, new, row, vendors)
    return changes


def _predecessor(recipe: Recipe, row: ReleaseRow) -> ReleaseRow | None:
    older = [other for other in recipe.releases if Version(other.version) < Version(row.version)]
    return max(older, key=lambda other: Version(other.version), default=None)


def _new_release(
    recipe: Recipe, reference: ReleaseRow | None, row: ReleaseRow, *, today: str, settle_days: int
) -> Change:
    items = [f"new, published {row.released}"]
    settled = date.fromisoformat(row.released) + timedelta(days=settle_days)
    if settled.isoformat() > today:
        items[0] += f", waits until {settled}"
    if reference is None:
        items.append(f"default {_by_architecture(row.default)}")
    else:
        items += _differences(recipe, reference, recipe, row)
    return Change(kind="new-release", release=row.version, text=", ".join(items))


def _differences(old: Recipe, before: ReleaseRow, new: Recipe, row: ReleaseRow) -> list[str]:
    items = _mapping("default", before.default, row.default)
    items += _pythons(before, row)
    items += _mapping("glibc", before.libc, row.libc)
    for name in sorted(before.packages | row.packages):
        if before.packages.get(name) != row.packages.get(name):
            items.append(f"{name} {before.packages.get(name, 'none')} → {row.packages.get(name, 'none')}")
    if before.packages_pythons != row.packages_pythons and before.version == row.version:
        items.append(f"Pythons of {', '.join(sorted(before.packages_pythons | row.packages_pythons))} changed")
    if before.version == row.version and before.released != row.released:
        items.append(f"published {before.released} → {row.released}")
    for name in sorted(before.requires | row.requires):
        if before.requires.get(name) != row.requires.get(name):
            items.append(f"requires {name} {before.requires.get(name, 'any')} → {row.requires.get(name, 'any')}")
    return [*items, *_further(before, row), *_code(old, before, new, row)]


def _mapping(name: str, before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Say how a value by processor architecture changed, once for those where it changed alike."""
    alike: dict[tuple[str, str], list[str]] = {}
    for architecture in before | after:
        pair = (before.get(architecture, "none"), after.get(architecture, "none"))
        if pair[0] != pair[1]:
            alike.setdefault(pair, []).append(architecture)
    return [
        f"{name} {old} → {new}" + ("" if set(places) == set(before | after) else f" ({', '.join(places)})")
        for (old, new), places in alike.items()
    ]


def _pythons(before: ReleaseRow, after: ReleaseRow) -> list[str]:
    items = _python_items(set(before.pythons), set(after.pythons), "")
    for architecture in sorted(before.pythons_by_architecture | after.pythons_by_architecture):
        old = before.pythons_by_architecture.get(architecture, before.pythons)
        new = after.pythons_by_architecture.get(architecture, after.pythons)
        items += _python_items(set(old), set(new), f" ({architecture})")
    return items


def _python_items(old: set[str], new: set[str], place: str) -> list[str]:
    pairs = ((old - new, "dropped"), (new - old, "added"))
    return [f"Python {', '.join(sorted(found, key=python_key))} {word}{place}" for found, word in pairs if found]


def _code(old: Recipe, before: ReleaseRow, new: Recipe, after: ReleaseRow) -> list[str]:
    items: list[str] = []
    for architecture, one, other in _pairs(old, before, new, after):
        if one.architectures and other.architectures is not None:
            gained = [name for name in other.architectures if name not in one.architectures]
            items += [f"{', '.join(gained)} added ({other.variant}, {architecture})"] if gained else []
    return items


def _further(before: ReleaseRow, after: ReleaseRow) -> list[str]:
    items: list[str] = []
    for architecture in before.also | after.also:
        old, new = set(before.also.get(architecture, ())), set(after.also.get(architecture, ()))
        items += [f"also {', '.join(sorted(new - old))} ({architecture})"] if new - old else []
        items += [f"no longer {', '.join(sorted(old - new))} ({architecture})"] if old - new else []
    return items


def _loud(old: Recipe, before: ReleaseRow, new: Recipe, after: ReleaseRow, vendors: tuple[Vendor, ...]) -> list[Change]:
    changes: list[Change] = []
    if after.yanked is not None and (before.version != after.version or before.yanked is None):
        changes.append(Change(kind="yanked", release=after.version, text=f"YANKED: {after.yanked}", loud=True))
    for architecture, one, other in _pairs(old, before, new, after):
        if one.runtime is not None and other.runtime is None:
            text = f"NO LONGER BUILT FOR {one.runtime.name.upper()} on {architecture}: {one.variant} → {other.variant}"
            changes.append(Change(kind="lost-runtime", release=after.version, text=text, loud=True))
            continue
        changes += _lost_code(one, other, after, architecture)
        changes += _raised_floor(one, other, after, architecture, vendors)
    return changes


def _lost_code(one: VariantRow, other: VariantRow, release: ReleaseRow, architecture: str) -> list[Change]:
    if one.architectures is None or other.architectures is None:
        return []
    lost = [name for name in one.architectures if name not in other.architectures]
    if not lost:
        return []
    text = f"LOST ARCHITECTURE {', '.join(lost)} on {architecture}: {one.variant} → {other.variant}"
    return [Change(kind="lost-architecture", release=release.version, text=text, loud=True)]


def _raised_floor(
    one: VariantRow, other: VariantRow, release: ReleaseRow, architecture: str, vendors: tuple[Vendor, ...]
) -> list[Change]:
    old, new = _driver_floor(one, vendors), _driver_floor(other, vendors)
    if old is None or new is None or VendorVersion(new) <= VendorVersion(old):
        return []
    text = f"DRIVER FLOOR RAISED {old} → {new} on {architecture}: {one.variant} → {other.variant}"
    return [Change(kind="driver-floor", release=release.version, text=text, loud=True)]


def _driver_floor(row: VariantRow, vendors: tuple[Vendor, ...]) -> str | None:
    if row.runtime is None:
        return None
    major = VendorVersion(row.runtime.version).major
    floors = (floor for vendor in vendors if vendor.name == row.vendor for floor in vendor.driver_floors)
    return next((floor.minimum for floor in floors if floor.runtime_major == major), None)


def _pairs(old: Recipe, before: ReleaseRow, new: Recipe, after: ReleaseRow) -> list[tuple[str, VariantRow, VariantRow]]:
    """Return the builds of two releases that stand for each other: the defaults, and those got by the same name."""
    pairs: list[tuple[str, VariantRow, VariantRow]] = []
    for architecture in after.default:
        ours = _rows(new, after, architecture)
        theirs = _rows(old, before, architecture)
        pairs += [(architecture, theirs[key], row) for key, row in ours.items() if key in theirs]
    return pairs


def _rows(
    recipe: Recipe, release: ReleaseRow, architecture: str
) -> dict[tuple[str | None, str | None, bool], VariantRow]:
    default = release.default.get(architecture)
    rows: dict[tuple[str | None, str | None, bool], VariantRow] = {}
    for variant in (*((default,) if default else ()), *release.also.get(architecture, ())):
        row = covering(recipe.variants, variant, architecture, release.version)
        if row is not None:
            is_default = variant == default
            rows[None if is_default else row.package, None if is_default else row.extra, is_default] = row
    return rows


def _same_code(old: Recipe, new: Recipe, row: ReleaseRow) -> bool:
    return all(
        (one.architectures, one.ptx, one.runtime) == (other.architectures, other.ptx, other.runtime)
        for _, one, other in _pairs(old, row, new, row)
    )


def _by_architecture(values: dict[str, str]) -> str:
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return ", ".join(f"{value} ({architecture})" for architecture, value in values.items())
