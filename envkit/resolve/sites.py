"""Where an environment can be made: the Pythons of the host, or base images that bring their own."""

import re

from msgspec.structs import replace

from envkit.model.host import Libc, Python, Runtime
from envkit.model.matrix import Foundations
from envkit.model.request import Mode, Request
from envkit.model.value import Value
from envkit.model.vendor import BaseRow
from envkit.resolve.images import image_python, image_system
from envkit.resolve.problem import Problem
from envkit.resolve.versions import parse_version, python_allowed, python_minor, python_number

_FREE_THREADED_PATH = re.compile(r"python3\.\d+t$")


class Site(Value):
    """A host, or one base image without its Python version."""

    mode: Mode
    image: str | None = None  # `python:{python}-slim-bookworm`; the one that was asked for as it was typed
    os: str | None = None  # of the image: debian-12; None: not known
    libc: Libc | None = None  # None: not known
    pythons_known: bool = True
    runtimes: tuple[Runtime, ...] | None = None  # in the image; None: not known
    architectures: tuple[str, ...] | None = None  # of devices that these are for; None: not known, or all
    row: BaseRow | None = None  # that tells of the image; None: the host, or an image that no row knows

    @property
    def packages(self) -> dict[str, str]:
        """The packages of Python that its image brings built for the vendor, with their releases."""
        return {} if self.row is None else self.row.packages

    @property
    def label(self) -> str:
        """Name the site as candidate ids do."""
        if self.image is None:
            return self.mode
        return f"{self.mode} {self.image if self.packages or self.os is None else self.os}"


class Place(Value):
    """One Python at one site: all that an environment choice is, beside vendor and devices."""

    site: Site
    python: str  # 3.12
    python_version: str  # as exact as it is known
    interpreter: str | None
    rank: tuple[int, ...]

    @property
    def image(self) -> str | None:
        """The base image of the place, or None for the host itself."""
        return None if self.site.image is None else self.site.image.replace("{python}", self.python)


def find_places(problem: Problem, vendor: str) -> tuple[Place, ...]:
    """Return all places of the request's mode for a vendor: most wanted Python first, plain bases, then by name.

    Free-threaded Pythons are left out unless the request names one. Where the host's Pythons are not known, any Python
    of the preference list may be there.
    """
    places = _container_places(problem, vendor) if problem.mode is Mode.CONTAINER else _native_places(problem)
    asked = problem.request.python or ""
    kept = (place for place in places if asked.endswith("t") or not place.python.endswith("t"))
    return tuple(sorted(kept, key=lambda place: (place.rank, place.image or "")))


def _native_places(problem: Problem) -> list[Place]:
    facts = problem.facts
    libc = facts.os.libc if facts.os is not None else None
    site = Site(mode=Mode.NATIVE, libc=libc, pythons_known=facts.pythons is not None)
    preference = problem.matrix.foundations.python_preference
    if facts.pythons is None:
        return [_place(site, minor, minor, None, preference) for minor in _open_pythons(problem)]
    chosen: dict[str, Python] = {}
    for python in sorted(facts.pythons, key=lambda python: _interpreter_order(python, problem.request.python)):
        chosen.setdefault(_minor(python), python)
    return [_place(site, minor, python.version, python.path, preference) for minor, python in chosen.items()]


def _container_places(problem: Problem, vendor: str) -> list[Place]:
    foundations, tables = problem.matrix.foundations, problem.matrix.vendor(vendor)
    own = () if tables is None else tables.bases
    if problem.request.base_image is not None:
        return _given_places(problem, problem.request.base_image, own)
    bases = sorted(
        (
            base
            for base in (*foundations.bases, *own)
            if problem.cpu_architecture in base.cpu_architectures and _is_wanted(base, problem.request)
        ),
        key=lambda base: (base.os or "", base.image),
    )
    preference = foundations.python_preference
    return [
        _place(site, minor, minor, None, preference)
        for base in bases
        for site in (_base_site(base),)
        for minor in base.pythons
    ]


def _is_wanted(base: BaseRow, request: Request) -> bool:
    # What brings compilers and the vendor's runtime serves both flavors.
    if base.flavor != request.flavor and not (base.flavor == "slim" and base.compilers and base.runtime is not None):
        return False
    return base.os == request.os or (request.os is None and not base.on_request)


def _base_site(base: BaseRow) -> Site:
    return Site(
        mode=Mode.CONTAINER,
        image=base.image,
        os=base.os,
        libc=Libc(family="glibc", version=base.libc) if base.libc is not None else None,
        runtimes=(base.runtime,) if base.runtime is not None else (),
        architectures=base.architectures,
        row=base,
    )


def _given_places(problem: Problem, image: str, own: tuple[BaseRow, ...]) -> list[Place]:
    """Return the places on an image that the request names, as far as its name and tag tell what is in it."""
    foundations = problem.matrix.foundations
    named = image.partition("@")[0]
    for base in (*foundations.bases, *own):
        listed = [minor for minor in base.pythons if base.image.replace("{python}", minor) == named]
        if listed:
            site = replace(_base_site(base), image=image)
            return [_place(site, minor, minor, None, foundations.python_preference) for minor in listed]
    row, known = image_system(image, foundations), image_python(image, foundations)
    family, _, number = (row.libc or "").rpartition("-") if row is not None else ("", "", "")
    libc = Libc(family=family or "glibc", version=number) if number else None
    system = None if row is None else f"{row.os}-{row.version}"
    site = Site(mode=Mode.CONTAINER, image=image, os=system, libc=libc, pythons_known=known is not None)
    pythons = _open_pythons(problem) if known is None else (known,)
    return [_place(site, minor, minor, None, foundations.python_preference) for minor in pythons]


def _open_pythons(problem: Problem) -> tuple[str, ...]:
    foundations = problem.matrix.foundations
    asked = problem.request.python
    named = (asked,) if asked is not None and asked.endswith("t") else ()
    return (*foundations.python_preference, *named)


def known_pythons(foundations: Foundations) -> tuple[str, ...]:
    """Return every minor version that the foundations name, for wheels that are tagged for all of them."""
    return tuple(sorted({*foundations.python_preference, *(p for base in foundations.bases for p in base.pythons)}))


def _minor(python: Python) -> str:
    minor = python_minor(python.version)
    free_threaded = _FREE_THREADED_PATH.search(python.path) is not None and not minor.endswith("t")
    return f"{minor}t" if free_threaded else minor


def _interpreter_order(python: Python, asked: str | None) -> tuple[bool, tuple[int, ...], str]:
    minor = python_minor(python.version)
    release = parse_version(python.version.removesuffix("t")).release
    return (not python_allowed(asked, minor, python.version), tuple(-number for number in release), python.path)


def _place(site: Site, minor: str, version: str, interpreter: str | None, preference: tuple[str, ...]) -> Place:
    wanted = preference.index(minor) if minor in preference else len(preference)
    major, number = python_number(minor)
    return Place(
        site=site,
        python=minor,
        python_version=version,
        interpreter=interpreter,
        rank=(wanted, -major, -number, len(site.runtimes or ()), len(site.packages)),
    )
