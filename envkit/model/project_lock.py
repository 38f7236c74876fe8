"""The lock of a project, `envkit.lock`: for every profile all that decides what is installed, and where it holds."""

from envkit.model.plan import SystemPackage
from envkit.model.request import Mode
from envkit.model.resolution import MatrixStamp, Resolution
from envkit.model.value import Value


class HostRange(Value):
    """The machines on which a locked profile holds; None: whatever it is."""

    vendor: str
    architectures: tuple[str, ...] | None = None  # of devices that the builds have code for
    driver: str | None = None  # range: `>=525.60.13`
    cpu_architecture: str | None = None
    cpu_level: str | None = None  # the least: x86_64_v3
    libc: str | None = None  # the oldest glibc, of native profiles
    python: str | None = None  # minor version that a native profile needs on the machine


class LockedBase(Value):
    """The image that a profile is built from."""

    image: str  # python:3.12-slim-bookworm
    digest: str | None = None  # of the index of all platforms, or of the one image; None: the registry was not asked
    platforms: dict[str, str] = {}  # digest of the image for each: linux/arm64


class LockedFileReference(Value):
    """A file beside the lock."""

    path: str  # pylock.gpu.toml
    sha256: str


class LockedProfile(Value):
    """One profile of the project, or `default` where the file names none."""

    name: str
    wanted: str  # hash over all of the project file that decides this profile
    asked: dict[str, str]  # the same, readable, by what it is about: recipes, packages, machine …
    mode: Mode
    platform: str  # of the wheels: x86_64-manylinux_2_36
    image_platform: str  # linux/amd64
    resolution: Resolution
    packages: LockedFileReference
    holds: HostRange
    base: LockedBase | None = None
    system_packages: tuple[SystemPackage, ...] | None = None  # all that are added to the base; None: not locked


class ProjectLock(Value, tag_field="format", tag="envkit-lock/1"):
    """`envkit.lock`, written by `envkit lock` alone."""

    envkit: str  # version that wrote it
    matrix: MatrixStamp
    profiles: tuple[LockedProfile, ...]

    def profile(self, name: str) -> LockedProfile | None:
        """Return the profile of this name."""
        return next((profile for profile in self.profiles if profile.name == name), None)
