"""The table of what `envkit resolve` answers for each vendor and framework, made by the resolver itself."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from envkit.model.availability import Availability, ImageState, IndexState
from envkit.model.matrix import Build, Matrix
from envkit.model.recipe import Recipe
from envkit.model.request import Mode, Request, Spec
from envkit.model.reserved import CPU, DEFAULT_INDEX
from envkit.model.resolution import Resolution, Status
from envkit.model.vendor import Vendor
from envkit.model.version import VendorVersion
from envkit.resolve import resolve_request
from envkit.resolve.builds import expand_release, stable_releases, variant_rows
from envkit.resolve.targets import target_facts

_TRIED = 6  # targets per row and place at most
# Where an environment is made, best first: what plain images do not bring, a machine may have.
_PLACES = ((Mode.CONTAINER, ""), (Mode.NATIVE, ",os=ubuntu-24.04"), (Mode.NATIVE, ""))
_RANK = (Status.OK, Status.DEGRADED, Status.UNSATISFIABLE)
_HEAD = """
Each row is what `envkit resolve` answers for the newest and the oldest release that has a build for a vendor, on a
device of that vendor: {count} rows. Taken are the first device and driver of the tables, in a container or else in a
native environment, for which the answer is `ok`, or else `degraded`: something had to be assumed, as a driver that no
table names. Indexes and images are taken to be reachable, and the day to be that of the newest source, {day}.
Pasted, a line also takes the settings of pip and uv of your machine into account; `-v` shows all reasons.
"""
_COLUMNS = (
    "| vendor | framework | release | answer | what is installed, or what is in the way | command |\n"
    "|---|---|---|---|---|---|\n"
)


class Row(NamedTuple):
    """One line of the table."""

    vendor: str
    framework: str
    release: str
    status: Status
    text: str
    command: str


def page(matrix: Matrix) -> str:
    """Return the table with what has to be known to read it."""
    rows = tuple(_rows(matrix))
    lines = [
        f"| {row.vendor} | {row.framework} | {row.release} | {row.status} | {row.text} | `{row.command}` |"
        for row in rows
    ]
    return _HEAD.format(count=len(rows), day=matrix.newest_source) + "\n" + _COLUMNS + "\n".join(lines) + "\n"


def _rows(matrix: Matrix) -> Iterator[Row]:
    for vendor in sorted(matrix.vendors, key=lambda vendor: vendor.name):
        for recipe in sorted(matrix.recipes, key=lambda recipe: recipe.name):
            builds = _builds(recipe, vendor)
            for release in dict.fromkeys([*list(builds)[:1], *list(builds)[-1:]]):
                yield _row(matrix, vendor, recipe, release, builds[release])


def _builds(recipe: Recipe, vendor: Vendor) -> dict[str, list[Build]]:
    """Return the builds for a vendor's devices by release, newest first; yanked releases are left out."""
    found: dict[str, list[Build]] = {}
    for release in stable_releases(recipe):
        for architecture in ("x86_64", "aarch64"):
            builds = expand_release(recipe, release, architecture, variant_rows(recipe, architecture), {})
            ours = [build for build in builds if build.vendor == vendor.name and build.yanked is None]
            if ours:
                found.setdefault(release.version, []).extend(ours)
    return found


def _row(matrix: Matrix, vendor: Vendor, recipe: Recipe, release: str, builds: list[Build]) -> Row:
    best: tuple[int, str, Resolution] | None = None
    for mode, target in _attempts(vendor, recipe, builds):
        answer = _resolve(matrix, vendor, recipe, release, target, mode)
        command = f"envkit resolve '{recipe.name}=={release}' --on {vendor.name} --{mode} --target '{target}'"
        rank = _RANK.index(answer.status)
        if best is None or rank < best[0]:
            best = (rank, command, answer)
        if rank == 0:
            break
    if best is None:
        raise ValueError(f"no device to resolve for: {vendor.name}")
    _, command, answer = best
    return Row(vendor.name, recipe.name, release, answer.status, _text(answer), command)


def _attempts(vendor: Vendor, recipe: Recipe, builds: list[Build]) -> Iterator[tuple[Mode, str]]:
    on_linux = any(row.system == "linux" for row in recipe.variants if row.vendor == vendor.name)
    for mode, system in _PLACES if on_linux else _PLACES[-1:]:
        for target in islice(_targets(vendor, builds), _TRIED):
            yield mode, f"{target}{system}"


def _targets(vendor: Vendor, builds: list[Build]) -> Iterator[str]:
    """Return devices that the builds have code for, each with the drivers that the tables name for it."""
    processors = dict.fromkeys(build.cpu_architecture for build in builds)
    suffixes = ["" if name == "x86_64" else f",arch={name}" for name in processors]
    if vendor.name == CPU:
        yield from (f"cpu{suffix}" for suffix in suffixes)
        return
    served = {name for build in builds for name in (*(build.architectures or ()), *build.ptx)}
    every = any(build.architectures is None for build in builds)
    models = [model for model in vendor.models if every or model.architecture in served] or list(vendor.models)
    first = {model.architecture: model for model in reversed(models)}
    named = {model.names[0]: _drivers(vendor, model.architecture) for model in sorted(first.values(), key=models.index)}
    for place in range(max(map(len, named.values()))):
        for name, drivers in named.items():
            if place < len(drivers):
                yield from (f"{name}{drivers[place]}{suffix}" for suffix in suffixes)


def _drivers(vendor: Vendor, architecture: str) -> list[str]:
    """Return the drivers that the tables name, newest first, or none to leave it open."""
    row = next((row for row in vendor.architectures if row.architecture == architecture), None)
    named = [str(branch.branch) for branch in vendor.driver_branches]
    named += [window.driver for window in vendor.driver_windows]
    named += [drivers.minimum for drivers in vendor.runtime_drivers]
    if row is not None and row.last_driver is not None:
        last = VendorVersion(row.last_driver)
        named = [name for name in named if VendorVersion(name) <= last]
    newest = sorted(dict.fromkeys(named), key=VendorVersion, reverse=True)
    return [f",driver={name}" for name in newest] or [""]


def _resolve(matrix: Matrix, vendor: Vendor, recipe: Recipe, release: str, target: str, mode: Mode) -> Resolution:
    request = Request(
        specs=(Spec(recipe=recipe.name, range=f"=={release}"),),
        as_of=matrix.newest_source,
        on=vendor.name,
        mode=mode,
    )
    return resolve_request(target_facts(target, matrix), request, matrix, _reachable(matrix, recipe))


def _reachable(matrix: Matrix, recipe: Recipe) -> Availability:
    variants = [row.variant for row in recipe.variants]
    names = {DEFAULT_INDEX: "https://pypi.org/simple"}
    for index in recipe.indexes:
        for variant in ("", *variants):
            names[index.name.replace("{variant}", variant)] = index.url.replace("{variant}", variant)
    names |= {row.index: "" for row in recipe.variants if row.index is not None and row.index not in names}
    images = [base.image.replace("{python}", python) for base in matrix.foundations.bases for python in base.pythons]
    return Availability(
        indexes=tuple(IndexState(name=name, url=url, reachable=True) for name, url in names.items()),
        images=tuple(ImageState(image=image, available=True) for image in images),
    )


def _text(answer: Resolution) -> str:
    chosen = answer.chosen
    if chosen is None:
        reasons = [f"{blame.fact}: needs {blame.needed}, seen {blame.seen}" for blame in answer.blame]
        helps = [f"helps: {answer.remedies[0].text}"] if answer.remedies else []
        return "; ".join([*reasons, *helps]) or "no build"
    packages = ", ".join(f"{name} {version}" for name, version in chosen.packages.items())
    runtime = "" if chosen.runtime is None else f", {chosen.runtime.name} {chosen.runtime.version}"
    driver = "" if chosen.driver_range is None else f", driver {chosen.driver_range}"
    image = f"; in {chosen.base.image}" if chosen.base is not None and chosen.base.packages else ""
    return f"{packages}; {chosen.variant}{runtime}; Python {chosen.python}{driver}{image}"
