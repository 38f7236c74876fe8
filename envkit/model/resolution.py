"""The answer of the resolver, `envkit-resolution/1`."""

from enum import StrEnum
from typing import Literal

from envkit.model.host import Runtime
from envkit.model.request import Flavor, Mode, Request
from envkit.model.value import Value


class Status(StrEnum):
    """`degraded` is an answer with something assumed or something unused; the checks say what."""

    OK = "ok"
    DEGRADED = "degraded"
    UNSATISFIABLE = "unsatisfiable"


class Verdict(StrEnum):
    """`unknown` is not `fail`: the fact needed was not there."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


class Check(Value):
    """One rule applied to the chosen candidate."""

    rule: str  # driver-floor, device-architecture, python, libc, cpu-architecture, index-availability …
    verdict: Verdict
    reason: str  # a sentence with what was seen and what is needed
    facts: tuple[str, ...] = ()  # paths into the host facts: stacks.nvidia.driver
    sources: tuple[str, ...] = ()  # of the matrix rows used


class Rejected(Value):
    """A better-ranked or nearby candidate, and the first rule that refused it."""

    candidate: str
    rule: str
    reason: str
    count: int = 1  # how many further candidates the same rule refused for the same reason


class Blame(Value):
    """One fact of the smallest set that makes the request impossible."""

    fact: str  # closed list in design §6
    seen: str
    needed: str
    source: str


class Remedy(Value):
    """A change that makes the request possible, proved by a second resolution."""

    kind: str
    text: str
    command: str
    cost: int


class PackageIndex(Value):
    """An index or wheelhouse that serves only the packages named."""

    name: str
    url: str  # https://… of a Simple API, or file:///… of a flat wheelhouse
    packages: tuple[str, ...]
    flat: bool = False  # a directory of wheels, not a Simple API


class Base(Value):
    """The image that a container environment is built from."""

    image: str  # python:3.12-slim-bookworm
    os: str | None = None  # debian-12
    digest: str | None = None
    libc: str | None = None  # glibc version inside
    flavor: Flavor = "slim"
    package_manager: str | None = None  # a name of `package_managers.yaml`; None: not known
    python_packages: tuple[str, ...] = ()  # of the distribution that bring Python, where the image does not
    python_program: str = "python3"
    libraries: tuple[str, ...] = ()  # packages of the distribution with what the wheels load and do not bring
    compilers: bool = False  # the image brings C and C++ compilers
    ensurepip: bool = True  # its Python brings pip for new environments; else pip is one of `python_packages`
    packages: dict[str, str] = {}  # of Python, that it brings built for the vendor, and which are not installed

    @property
    def own_packages(self) -> tuple[str, ...]:
        """The packages of the distribution that it needs, whatever else is asked for."""
        return (*self.python_packages, *self.libraries)


class Addition(Value):
    """What the environment needs besides and envkit does not install; `provided`: the machine has it already."""

    package: str  # cuda-compat-13-1, of the vendor's own repository
    reason: str
    source: str
    provided: bool = False


class Chosen(Value):
    """The candidate that was taken."""

    candidate: str  # its id, stable for equal input
    recipes: tuple[str, ...]
    vendor: str  # nvidia | amd | cpu …
    variant: str  # cu128 | rocm7.2 | cpu
    mode: Mode
    python: str  # 3.12
    packages: dict[str, str]  # exact pins, by package name
    requirements: tuple[str, ...] = ()  # unpinned companions and the user's further packages
    runtime: Runtime | None = None
    interpreter: str | None = None  # native: path of the Python to build the environment with
    indexes: tuple[PackageIndex, ...] = ()
    base: Base | None = None  # container only
    devices: tuple[int, ...] = ()
    driver_range: str | None = None
    constraints: tuple[str, ...] = ()  # PEP 508: versions that packages may have, should they be installed
    additions: tuple[Addition, ...] = ()
    notes: tuple[str, ...] = ()  # what was left out or assumed, a sentence each

    @property
    def brought(self) -> dict[str, str]:
        """The packages that the base image brings, with their releases: they are neither locked nor installed."""
        return {} if self.base is None else self.base.packages

    @property
    def source_text(self) -> str:
        """Where the packages of the recipes come from, for people."""
        listed = [f"{index.name} ({index.url})" for index in self.indexes]
        if any(name in self.brought for name in self.packages):
            listed.insert(0, "the base image")
        return ", ".join(listed) or "the main index"


class Objection(Value):
    """What speaks against one candidate of a `WhyNot`, or against several for the same reason."""

    candidate: str
    outcome: Literal["chosen", "outranked", "refused"]
    reason: str
    rule: str | None = None  # that refuses it
    sources: tuple[str, ...] = ()
    count: int = 1


class WhyNot(Value):
    """The answer to `--why-not`, candidates best first; none where the matrix has no such build for the processor."""

    asked: str
    text: str
    objections: tuple[Objection, ...] = ()


class MatrixStamp(Value):
    """Which compatibility data the answer rests on."""

    revision: str
    newest_source: str  # ISO date
    stale: str | None = None  # a sentence with the command that refreshes the data, where it is old


class Resolution(Value, tag_field="format", tag="envkit-resolution/1"):
    """What was chosen and why, or what makes it impossible and what would help."""

    status: Status
    request: Request
    matrix: MatrixStamp
    chosen: Chosen | None = None
    checks: tuple[Check, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    blame: tuple[Blame, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    why_not: WhyNot | None = None
