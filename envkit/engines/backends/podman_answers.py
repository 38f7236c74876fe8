"""The forms of podman's answers, and what is done where a machine does not allow what podman usually asks for."""

import resource

import msgspec

from envkit.engines.records import ContainerRecord
from envkit.model.text import strip_controls
from envkit.system.command import Completed

# podman raises the limits of processes and open files to these, for which a machine may lack the right.
_MOST_FILES = 1048576
_MOST_PROCESSES = 8192  # the same as of all processes of a container together


class Security(msgspec.Struct, frozen=True):
    """How containers are kept apart."""

    rootless: bool = False
    selinux: bool = msgspec.field(name="selinuxEnabled", default=False)


class Host(msgspec.Struct, frozen=True):
    """The machine on which containers run."""

    security: Security
    kernel: str = ""
    remote: bool = msgspec.field(name="serviceIsRemote", default=False)


class Information(msgspec.Struct, frozen=True):
    """`podman info`."""

    host: Host


class _RootFileSystem(msgspec.Struct, frozen=True):
    layers: tuple[str, ...] | None = msgspec.field(name="Layers", default=None)


class ImageAnswer(msgspec.Struct, frozen=True):
    """One image of `podman image inspect`."""

    id: str = msgspec.field(name="Id")
    tags: tuple[str, ...] | None = msgspec.field(name="RepoTags", default=None)
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)
    root: _RootFileSystem = msgspec.field(name="RootFS", default=_RootFileSystem())


class _State(msgspec.Struct, frozen=True):
    status: str = msgspec.field(name="Status")


class _Configuration(msgspec.Struct, frozen=True):
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)


class ContainerAnswer(msgspec.Struct, frozen=True):
    """One container of `podman container inspect`."""

    id: str = msgspec.field(name="Id")
    name: str = msgspec.field(name="Name")
    created: str = msgspec.field(name="Created")
    image: str = msgspec.field(name="Image")
    state: _State = msgspec.field(name="State")
    configuration: _Configuration = msgspec.field(name="Config")

    def record(self) -> ContainerRecord:
        """Return it as all engines describe a container."""
        return ContainerRecord(
            id=self.id,
            name=self.name,
            # One that its runtime has made, but that was not started.
            status="created" if self.state.status == "initialized" else self.state.status,
            created=f"{self.created[:19]}+00:00",
            image=self.image,
            labels=self.configuration.labels or {},
        )


class Adaptation(msgspec.Struct, frozen=True, kw_only=True):
    """What is changed where podman's words show that this machine does not allow it."""

    words: tuple[str, ...]
    sentence: str
    runtime: tuple[str, ...] = ()  # options before the verb
    options: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def fits(self, said: str) -> bool:
        """Tell whether podman's words are those of this case."""
        return any(words in said for words in self.words)


def _limits() -> tuple[str, ...]:
    files = _own_limit(resource.RLIMIT_NOFILE, _MOST_FILES)
    processes = _own_limit(resource.RLIMIT_NPROC, _MOST_PROCESSES)
    return (f"--ulimit=nofile={files}:{files}", f"--ulimit=nproc={processes}:{processes}")


def _own_limit(kind: int, most: int) -> int:
    limit = resource.getrlimit(kind)[1]
    return most if limit == resource.RLIM_INFINITY else min(limit, most)


ADAPTATIONS = (
    Adaptation(
        words=("cgroups in hybrid mode not supported",),
        sentence="crun does not serve this machine's hybrid control groups: the container runs under runc",
        runtime=("--runtime=runc",),
    ),
    # podman raises the limits for its containers, which a root without the right to that (in a container) cannot.
    Adaptation(
        words=("setrlimit", "setting rlimit"),
        sentence="podman may not raise the limits of processes here: the container gets those of this machine",
        options=_limits(),
    ),
    Adaptation(
        words=("slirp4netns failed", "pasta failed", "netavark", "cni plugin"),
        sentence="podman cannot make a network here: the container has this machine's own, reached from everywhere",
        options=("--network=host",),
    ),
    Adaptation(
        words=("container-init binary not found",),
        sentence="podman has no `catatonit`: ended processes of the container are not cleared away",
        without=("--init",),
    ),
)


def own_words(completed: Completed) -> str:
    """Return why podman did not do it: the last line that it said, without what every error begins with."""
    if completed.failure is not None:
        return completed.failure
    lines = [line for line in completed.stderr.splitlines() if line.strip()]
    return strip_controls(lines[-1]).removeprefix("Error: ") if lines else f"exit status {completed.status}"
