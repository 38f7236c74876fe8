"""The problem as seen for one vendor: chosen devices, driver and limits, each read once before the rules run."""

from functools import lru_cache

import msgspec
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envkit.errors import BadSpecError, DataError
from envkit.model.availability import ImageState, IndexState
from envkit.model.host import Stack
from envkit.model.reserved import CPU
from envkit.model.value import Value
from envkit.model.vendor import Vendor
from envkit.model.version import VendorVersion
from envkit.resolve.builds import source_text
from envkit.resolve.devices import Accelerator, accelerators, embedded_architectures
from envkit.resolve.options import serves_vendor
from envkit.resolve.problem import Problem, Want
from envkit.resolve.versions import day_number


class Limit(Value):
    """A requirement that holds for a package wherever it comes from."""

    package: str
    range: str
    marker: Marker | None
    text: str
    origin: str  # file:line, or `the request`


class Situation(Value):
    """What the rules look at; made once for each vendor that is tried."""

    problem: Problem
    wants: tuple[Want, ...]
    vendor_name: str
    vendor: Vendor | None
    every_device: tuple[Accelerator, ...]  # of the vendor
    devices: tuple[Accelerator, ...]  # those that the environment is made for
    embedded: frozenset[str]  # architectures that only embedded boards have
    stack: Stack | None
    driver: VendorVersion | None
    ceiling: VendorVersion | None
    wsl: bool
    served: bool  # at least one recipe has builds for the vendor
    indexes: dict[str, IndexState]
    images: dict[str, ImageState]
    limits: tuple[Limit, ...]
    today: int  # day number of the request
    build_facts: bytes  # everything that a rule about builds looks at, beside the build
    place_facts: bytes  # the same of rules about places; what places there are is a part of it

    @property
    def title(self) -> str:
        """The vendor's name as people write it."""
        return self.problem.vendor_title(self.vendor_name)

    @property
    def driver_fact(self) -> str:
        """The path of the driver version in the host facts."""
        return f"stacks.{self.vendor_name}.driver"

    @property
    def has_builds(self) -> bool:
        """Whether a recipe has builds for the vendor."""
        return any(row.vendor == self.vendor_name for want in self.wants for row in want.recipe.variants)

    def source(self, key: str) -> str:
        """Return the text of a source that a row of the vendor names."""
        return source_text(self.vendor.sources if self.vendor is not None else {}, key)


def make_situation(problem: Problem, wants: tuple[Want, ...], vendor_name: str) -> Situation:
    """Read what the rules need; raises `DataError` for a bad constraint and `BadSpecError` for a bad package."""
    every_device = () if vendor_name == CPU else accelerators(problem, vendor_name)
    vendor = problem.matrix.vendor(vendor_name)
    stack = problem.facts.stack(vendor_name)
    driver = _vendor_version(stack.driver) if stack is not None else None
    wsl = problem.facts.os is not None and bool(problem.facts.os.wsl)
    devices = _chosen_devices(every_device, problem.request.devices)
    served = any(serves_vendor(want, vendor_name) for want in wants if not want.implied)
    build_facts = _build_facts(problem, vendor_name, stack, devices, served=served)
    return Situation(
        problem=problem,
        wants=wants,
        vendor_name=vendor_name,
        vendor=vendor,
        every_device=every_device,
        devices=devices,
        embedded=embedded_architectures(vendor),
        stack=stack,
        driver=driver,
        ceiling=_ceiling(stack, vendor, None if wsl else driver),
        wsl=wsl,
        served=served,
        indexes={state.name: state for state in problem.availability.indexes},
        images={state.image: state for state in problem.availability.images},
        limits=_limits(problem),
        today=day_number(problem.request.as_of),
        build_facts=build_facts,
        place_facts=build_facts + _place_facts(problem),
    )


def _build_facts(
    problem: Problem, vendor_name: str, stack: Stack | None, devices: tuple[Accelerator, ...], *, served: bool
) -> bytes:
    facts, request, available = problem.facts, problem.request, problem.availability
    wsl = facts.os is not None and facts.os.wsl
    asked = (request.allow, request.only_index, request.packages, request.as_of)
    known = (vendor_name, served, stack, devices, facts.cpu, wsl, problem.mode)
    return msgspec.msgpack.encode((known, asked, available.indexes, available.offline))


def _place_facts(problem: Problem) -> bytes:
    facts, request, available = problem.facts, problem.request, problem.availability
    asked = msgspec.structs.replace(request, specs=(), name=None, why_not=None, on=None, devices=None)
    return msgspec.msgpack.encode((facts.os, facts.pythons, asked, available.constraints, available.images))


def _chosen_devices(devices: tuple[Accelerator, ...], asked: tuple[int, ...] | None) -> tuple[Accelerator, ...]:
    if asked is not None:
        return tuple(device for device in devices if device.index in asked)
    looking = tuple(device for device in devices if device.usable_looking)
    visible = tuple(device for device in looking if not device.hidden)
    # Where every one is hidden, a rule says so of them all.
    return visible or looking or tuple(device for device in devices if device.device.usable is not False)


def _vendor_version(text: str | None) -> VendorVersion | None:
    if text is None:
        return None
    try:
        return VendorVersion(text)
    except ValueError:
        return None


def _ceiling(stack: Stack | None, vendor: Vendor | None, driver: VendorVersion | None) -> VendorVersion | None:
    """Return the newest runtime that the driver implements: as it says, else as its branch has it."""
    if stack is not None and stack.runtime_ceiling is not None:
        return _vendor_version(stack.runtime_ceiling.version)
    if vendor is None or driver is None:
        return None
    row = next((row for row in vendor.driver_branches if row.branch == driver.major), None)
    return None if row is None else VendorVersion(row.ceiling)


def _limits(problem: Problem) -> tuple[Limit, ...]:
    limits: list[Limit] = []
    for constraint in problem.availability.constraints:
        try:
            limits.append(_limit(constraint.requirement, constraint.source))
        except InvalidRequirement as error:
            message = f"{constraint.source}: not a requirement: {constraint.requirement}"
            raise DataError(message) from error
    for text in problem.request.packages:
        try:
            limits.append(_limit(text, "the request"))
        except InvalidRequirement as error:
            message = f"not a package requirement: {text}"
            raise BadSpecError(message) from error
    return tuple(sorted(limits, key=lambda limit: (limit.package, limit.text, limit.origin)))


@lru_cache(maxsize=1024)
def _limit(text: str, origin: str) -> Limit:
    requirement = Requirement(text)
    return Limit(
        package=canonicalize_name(requirement.name),
        range=str(requirement.specifier),
        marker=requirement.marker,
        text=text,
        origin=origin,
    )
