"""Environments as they stand, and the report that proves one."""

from enum import StrEnum

from envkit.model.value import Value


class Built(Value):
    """What the build stage made: an image, or a directory of a native environment that is not yet in place."""

    engine: str
    reference: str  # image id `sha256:…`, or path of the generation directory
    log: str | None = None  # path of the build's full log
    reused: bool = False  # nothing had to be built


class State(StrEnum):
    """`ready` is a native environment or a running container; `stopped` can be started again."""

    READY = "ready"
    STOPPED = "stopped"
    BROKEN = "broken"


class SmokeResult(Value):
    """One computation on one device."""

    recipe: str
    device: str  # cpu | cuda:0
    passed: bool
    device_name: str | None = None
    expected: str | None = None
    observed: str | None = None
    seconds: float | None = None
    error: str | None = None


class VersionDifference(Value):
    """A package whose installed version is not the locked one; None: not installed."""

    package: str
    locked: str
    installed: str | None = None


class Report(Value, tag_field="format", tag="envkit-report/1"):
    """What verification saw inside the environment."""

    name: str
    passed: bool
    python: str | None
    results: tuple[SmokeResult, ...]
    packages_checked: int
    differences: tuple[VersionDifference, ...] = ()
    user: int | None = None  # effective uid of the process that ran the test


class Environment(Value, tag_field="format", tag="envkit-environment/1"):
    """One environment; `reference` is the container id or the native environment's directory."""

    name: str
    engine: str  # native | docker
    state: State
    reference: str
    fingerprint: str
    python: str
    vendor: str
    variant: str
    recipes: tuple[str, ...]
    packages: dict[str, str]
    created: str  # ISO time, UTC
    image: str | None = None
    variables: dict[str, str] = {}  # of a native environment, for what runs in it unless the user's shell has them
