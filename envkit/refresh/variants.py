"""Rows of variants as the wheels give them: curated rows are compared, derived ones are made anew."""

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.model.deriving import DeriveRow
from envkit.model.host import Runtime
from envkit.model.recipe import Recipe, ReleaseRow, VariantRow
from envkit.model.value import Value
from envkit.model.version import VendorVersion
from envkit.refresh.builds import SeenBuild
from envkit.refresh.observation import Observation, SeenRelease

_CARRIED = "what the own index serves is taken from the release before"


class MergedVariants(Value):
    """The variants of a recipe, and what was found about the curated ones."""

    variants: tuple[VariantRow, ...]
    conflicts: tuple[str, ...] = ()  # where a curated row and a wheel disagree: a sentence each
    closed: tuple[str, ...] = ()  # curated rows that end before a new release, which is made otherwise


class _Made(Value):
    """How the build of one release on the main index was made."""

    release: str
    architecture: str
    row: VariantRow  # without its range


def covering(variants: tuple[VariantRow, ...], variant: str, architecture: str, release: str) -> VariantRow | None:
    """Return the row of a variant that holds for a release and processor architecture."""
    return next(
        (
            row
            for row in variants
            if row.variant == variant
            and architecture in row.cpu_architectures
            and SpecifierSet(row.releases).contains(release, prereleases=True)
        ),
        None,
    )


def merge_variants(
    recipe: Recipe, derive: DeriveRow, releases: tuple[ReleaseRow, ...], observation: Observation
) -> MergedVariants:
    """Return the rows for the builds of these releases on the main index, and all others as they are."""
    curated = [row for row in recipe.variants if not row.derived]
    known = {row.version for row in recipe.releases}
    seen = {release.version: release for release in observation.releases}
    conflicts: list[str] = []
    closed: list[str] = []
    made: list[_Made] = []
    ended: dict[tuple[str, str], VariantRow] = {}
    for release in sorted(releases, key=lambda row: Version(row.version)):
        for architecture, variant, build in _builds(release, seen.get(release.version)):
            row = covering(tuple(curated), variant, architecture, release.version)
            difference = None if row is None or build is None else _difference(row, build)
            place = f"{release.version} {variant} {architecture}"
            if row is not None and difference is None:
                continue
            if row is not None and release.version in known:
                conflicts.append(f"{place}: {difference}")
                continue
            if row is not None:
                closed.append(f"{place}: {difference}")
                position = curated.index(row)
                curated[position : position + 1] = _ended(row, release.version, architecture, known)
                ended[variant, architecture] = row
            before = ended.get((variant, architecture))
            if build is None or build.assumed:
                made += _kept(recipe, release, architecture, variant)
            else:
                row = _row(derive, release, architecture, build, before)
                made.append(_Made(release=release.version, architecture=architecture, row=row))
    versions = tuple(sorted((row.version for row in releases), key=Version))
    variants = tuple(curated)
    for group in _groups(made, versions):
        variants = _inserted(variants, group)
    return MergedVariants(variants=variants, conflicts=tuple(conflicts), closed=tuple(closed))


def _builds(release: ReleaseRow, seen: SeenRelease | None) -> list[tuple[str, str, SeenBuild | None]]:
    """Return the variants of a release on the main index, each with how its build was seen to be made."""
    found: list[tuple[str, str, SeenBuild | None]] = []
    for architecture, variant in release.default.items():
        found.append((architecture, variant, None if seen is None else seen.builds.get(architecture)))
    for architecture, variants in release.also.items():
        builds = {} if seen is None else {build.variant: build for build in seen.also.get(architecture, ())}
        found += [(architecture, variant, builds.get(variant)) for variant in variants]
    return found


def _difference(row: VariantRow, build: SeenBuild) -> str | None:
    """Return in what a curated row differs from a wheel; what either does not tell is no difference."""
    if row.runtime is not None and build.runtime is not None and row.runtime.version != build.runtime.version:
        return f"the row says {row.runtime.name} {row.runtime.version}, the wheel {build.runtime.version}"
    if build.code is None:
        return None
    for name, theirs, ours in (
        ("architectures", row.architectures, build.code.architectures),
        ("PTX", row.ptx, build.code.ptx),
    ):
        if theirs is not None and set(theirs) != set(ours):
            return f"the row has {name} {_listed(theirs)}, the wheel {_listed(ours)}"
    return None


def _listed(names: tuple[str, ...]) -> str:
    return " ".join(names) or "none"


def _ended(row: VariantRow, release: str, architecture: str, known: set[str]) -> list[VariantRow]:
    """Return a row that ends before a release on one processor architecture, and goes on for the others."""
    lower = [str(part) for part in SpecifierSet(row.releases) if not part.operator.startswith("<")]
    ended = msgspec.structs.replace(row, releases=",".join([*lower, f"<{release}"]), cpu_architectures=(architecture,))
    others = tuple(name for name in row.cpu_architectures if name != architecture)
    rows = [msgspec.structs.replace(row, cpu_architectures=others)] if others else []
    return [*rows, ended] if any(version in SpecifierSet(ended.releases) for version in known) else rows


def _kept(recipe: Recipe, release: ReleaseRow, architecture: str, variant: str) -> list[_Made]:
    """Return what a derived row says of a build that could not be seen this time."""
    row = covering(recipe.variants, variant, architecture, release.version)
    if row is None or not row.derived:
        return []
    return [_Made(release=release.version, architecture=architecture, row=_ranged(row, ""))]


def _row(
    derive: DeriveRow, release: ReleaseRow, architecture: str, build: SeenBuild, before: VariantRow | None
) -> VariantRow:
    named = [naming for naming in derive.runtimes if build.runtime and naming.runtime == build.runtime.name]
    own = build.package is not None or build.extra is not None  # the release's own floor is that of its default build
    row = VariantRow(
        variant=build.variant,
        vendor=named[0].vendor if named else "cpu",
        releases="",
        cpu_architectures=(architecture,),
        source=derive.source,
        runtime=build.runtime,
        architectures=None if build.code is None else build.code.architectures,
        ptx=() if build.code is None else build.code.ptx,
        package=build.package,
        extra=build.extra,
        libc=build.libc if own and build.libc != release.libc.get(architecture) else None,
        derived=True,
    )
    if before is not None and before.ptx_indexed is not None:
        return msgspec.structs.replace(row, ptx_indexed=before.ptx_indexed, confidence="medium", note=_CARRIED)
    return row


def _ranged(row: VariantRow, releases: str) -> VariantRow:
    return msgspec.structs.replace(row, releases=releases)


def _groups(made: list[_Made], versions: tuple[str, ...]) -> list[VariantRow]:
    """Put releases that were made alike into one row, over those without such a build; the newest row is left open."""
    rows: list[VariantRow] = []
    # Each row is put before those of its variant that are there already, so the last one here comes first.
    for key in reversed(dict.fromkeys((one.row.variant, one.architecture) for one in made)):
        ours = {one.release: one.row for one in made if (one.row.variant, one.architecture) == key}
        runs: list[tuple[list[str], VariantRow]] = []
        for version in versions:
            row = ours.get(version)
            if row is not None and runs and row == runs[-1][1]:
                runs[-1][0].append(version)
            elif row is not None:
                runs.append(([version], row))
        rows += [_ranged(row, _range(run, versions)) for run, row in runs]
    return rows


def _range(run: list[str], versions: tuple[str, ...]) -> str:
    after = versions[versions.index(run[-1]) + 1 :]
    return ",".join([f">={run[0]}", *(f"<{version}" for version in after[:1])])


def _inserted(variants: tuple[VariantRow, ...], row: VariantRow) -> tuple[VariantRow, ...]:
    """Put a row before the first one of its vendor whose runtime is not newer; behind all of them otherwise."""
    same = [position for position, other in enumerate(variants) if other.vendor == row.vendor]
    later = [position for position in same if not _is_newer(variants[position].runtime, row.runtime)]
    position = (later or [same[-1] + 1 if same else 0])[0]
    return (*variants[:position], row, *variants[position:])


def _is_newer(one: Runtime | None, other: Runtime | None) -> bool:
    return one is not None and other is not None and VendorVersion(one.version) > VendorVersion(other.version)
