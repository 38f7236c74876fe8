"""Further builds on the main index: which wheels they are, release by release."""

import threading

from packaging.version import Version

from envkit.errors import DataError
from envkit.model.deriving import AlsoRow, DeriveRow
from envkit.model.host import Gap
from envkit.model.recipe import Recipe
from envkit.refresh.builds import BuildForm, Job, Releases, jobs_for, representative
from envkit.refresh.inspection import Question
from envkit.refresh.metadata import find_requirement, requirements_for
from envkit.refresh.parallel import work_through
from envkit.refresh.reader import Reader
from envkit.refresh.wheels import by_version

_PYTHON = "3.12"  # markers of extras do not depend on it
Requirements = dict[str, tuple[str, ...]]  # `Requires-Dist` of each release


def requirements_of(releases: Releases, reader: Reader) -> tuple[Requirements, list[Gap]]:
    """Return what the releases require, and a gap for each that cannot be read."""
    wheels = {version: representative(group) for version, group in releases.items()}
    gaps: list[Gap] = []
    lock = threading.Lock()

    def read(version: str) -> tuple[str, ...] | None:
        try:
            return reader.contents(wheels[version], Question()).requirements
        except DataError as error:
            with lock:
                gaps.append(Gap(fact=f"{version} requirements", source=wheels[version].file.name, reason=error.message))
            return None

    found = work_through(wheels, read, lambda version: reader.announce(wheels[version]))
    return {version: texts for version, texts in found.items() if texts is not None}, gaps


def also_jobs(recipe: Recipe, derive: DeriveRow, required: Requirements, reader: Reader) -> tuple[list[Job], list[Gap]]:
    """Return what has to be read for `derive.also`, and a gap for each package that the index does not have."""
    jobs: list[Job] = []
    gaps: list[Gap] = []
    for row in derive.also:
        package = row.wheels or row.package or recipe.package
        try:
            theirs = by_version(reader.wheels(package))
        except DataError as error:
            gaps.append(Gap(fact=f"variant {row.variant}", source=package, reason=error.message))
            continue
        form = BuildForm(
            variant=row.variant,
            runtime=row.runtime,
            version=row.version,
            package=row.package,
            extra=row.extra,
            own_extra=row.wheels is None,
            modules=row.modules,
            binaries=row.binaries,
        )
        jobs += jobs_for(_paired(row, required, theirs), form)
    return jobs, gaps


def _paired(row: AlsoRow, required: Requirements, theirs: Releases) -> Releases:
    """Return the wheels that belong to each release of the main package."""
    if row.wheels is None:
        return {version: theirs[version] for version in required if version in theirs}
    found: Releases = {}
    for version, texts in required.items():
        held = requirements_for(texts, architecture="x86_64", python=_PYTHON, extra=row.extra or "")
        wanted = find_requirement(held, row.wheels)
        newest = max((one for one in theirs if wanted is not None and one in wanted), key=Version, default=None)
        if newest is not None:
            found[version] = theirs[newest]
    return found
