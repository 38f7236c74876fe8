"""A request: what somebody typed or wrote into a project file, checked and made whole."""

from enum import StrEnum
from typing import Literal

import msgspec

from envkit.model.value import Value

# slim: what runs the framework; devel: compilers and the vendor's toolkit as well
Flavor = Literal["slim", "devel"]


class Mode(StrEnum):
    """Where the packages are installed."""

    NATIVE = "native"
    CONTAINER = "container"


class Allowance(StrEnum):
    """What is possible, but only done for who asks for it."""

    FORWARD_COMPAT = "forward-compat"  # a newer runtime's driver library over an older kernel driver


class Spec(Value):
    """A recipe or package with an optional PEP 440 range, as `pytorch[vision]>=2.9`."""

    recipe: str
    range: str = ""  # `>=2.9,<3`; empty: any
    extras: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the SPEC as it is typed."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.recipe}{extras}{self.range}"


class Doubt(Value):
    """Builds of one recipe of which somebody asks why they were not chosen."""

    spec: Spec
    variant: str | None = None  # cu130; None: any

    def __str__(self) -> str:
        """Return the question as it is typed."""
        name = str(msgspec.structs.replace(self.spec, range=""))
        return f"{name}{f'+{self.variant}' if self.variant else ''}{self.spec.range}"


class Request(Value):
    """What is wanted, independent of the machine it is wanted on."""

    specs: tuple[Spec, ...]
    as_of: str  # ISO date of the request; releases younger than seven days wait
    python: str | None = None  # PEP 440 range of Python versions, `>=3.11` or `==3.12.*`
    on: str | None = None  # vendor name or `cpu`; None: the best that the host has
    devices: tuple[int, ...] | None = None  # indices of devices; None: all of the vendor
    mode: Mode | None = None  # None: container where an engine is usable, else native
    engine: str | None = None  # docker | podman | native as asked for; None: the ladder decides
    packages: tuple[str, ...] = ()  # further PEP 508 requirements
    name: str | None = None  # of the environment, where it was typed: commands that are proposed repeat it
    allow: tuple[Allowance, ...] = ()
    only_index: str | None = None  # take builds from this index alone: default, wheelhouse, pytorch-cu126
    base_image: str | None = None  # make the container from this image
    os: str | None = None  # distribution of the base image: openeuler-24.03; None: the usual one
    flavor: Flavor = "slim"
    why_not: Doubt | None = None
