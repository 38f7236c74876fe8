"""What a package index last answered about a recipe, as `envkit matrix check` holds derived rows against it."""

from envkit.model.host import Runtime
from envkit.model.value import Value


class RecordedBuild(Value):
    """How the build of a release for one processor architecture was seen to be made."""

    variant: str
    runtime: Runtime | None = None
    architectures: tuple[str, ...] | None = None  # of devices, with machine code; None: not known
    ptx: tuple[str, ...] = ()
    libc: str | None = None
    package: str | None = None
    extra: str | None = None
    assumed: bool = False  # only the list of files was read


class RecordedRelease(Value):
    """One release of the main package as the index had it; mappings are by processor architecture."""

    version: str
    released: str | None = None  # ISO date; None: the index does not tell
    yanked: str | None = None
    unnamed: bool = False  # the wheels name no Pythons: `pythons` are all that their requirements allow
    pythons: dict[str, tuple[str, ...]] = {}
    libc: dict[str, str] = {}
    builds: dict[str, RecordedBuild] = {}
    also: dict[str, tuple[RecordedBuild, ...]] = {}
    packages: dict[str, str] = {}  # companions
    packages_pythons: dict[str, tuple[str, ...]] = {}  # by companion
    requires: dict[str, str] = {}


class Recorded(Value):
    """`recorded/<name>.yaml` beside a recipe: the last answers, written by `envkit matrix refresh` alone."""

    recipe: str
    package: str
    retrieved: str  # ISO date of the last answer that was new
    releases: tuple[RecordedRelease, ...]  # newest first
