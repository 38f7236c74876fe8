"""Environments as containers of a Docker Engine.

```text
container envkit-UID-NAME            the environment that stands
container envkit.candidate-UID-NAME  started, not yet proven
container envkit.retired-UID-NAME    stood until now; is the environment while nothing has its name
image     envkit/NAME:HASH           HASH over all that decides what is in it
```
Labels on them are the only record: what envkit's own directories hold can be lost.
"""

import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envkit.engines.backends.docker_build import ImageWish, build_client, build_image_with_buildx
from envkit.engines.backends.docker_exec import attach_to_container, execute_in_container
from envkit.engines.backends.docker_labels import (
    ARTIFACTS,
    ENGINE,
    IMAGE,
    OWNER,
    PREFIX,
    candidate_name,
    image_labels,
    image_tag,
    read_environment,
    repository,
    retired_name,
    standing_name,
)
from envkit.engines.backends.docker_records import ContainerRecord, ContainerWish
from envkit.engines.image_context import staged_context
from envkit.engines.image_sources import uses_loopback
from envkit.engines.protocol import BuildContext, Progress
from envkit.errors import BuildError
from envkit.generate.image import SOURCE_DATE_EPOCH
from envkit.model.artifact import Artifacts
from envkit.model.availability import ImageState
from envkit.model.environment import Built, Environment, State
from envkit.model.plan import Plan
from envkit.system.command import Completed
from envkit.system.directories import cache_directory

if TYPE_CHECKING:
    from envkit.engines.backends.docker_client import DockerClient

_BRIDGE = "bridge"
# Who runs envkit as root gets a container of the first ordinary user: a container's root is the machine's root.
_UNPRIVILEGED = "1000:1000"


class DockerEngine:
    """Environments of one user, as containers of the engine that `docker` talks to."""

    name = ENGINE

    def __init__(self, owner: int) -> None:
        self._owner = owner

    def find_base(self, image: str) -> ImageState:
        """Tell whether a base image can be had, by digest from its registry or else as the engine has it already."""
        state = self._client.registry_image(image)
        if not state.available and self._client.image(image) is not None:
            # Without its digest: a builder would ask the registry for a digest, but takes a tag from its own store.
            return ImageState(image=image, available=True, reason=f"the engine's own copy is used: {state.reason}")
        return state

    def build(self, plan: Plan, context: BuildContext) -> Built:
        """Build the image of a plan, or find it built before.

        Raises `BuildError` with the last lines of the failing step, `EngineNotReadyError` or `StorageError`.
        """
        if context.artifacts is None:
            message = "an image is built from generated files, and there are none"
            raise ValueError(message)
        labels = image_labels(plan, context.artifacts)
        tag = image_tag(plan, labels)
        self._clean(plan.name, keep=tag)
        image = self._client.image(tag)
        if image is not None and image.labels.get(ARTIFACTS) == labels[ARTIFACTS] and not context.fresh:
            return Built(engine=self.name, reference=image.id, reused=True)
        self._build(plan, context, context.artifacts, tag, labels)
        image = self._client.image(tag)
        if image is None:
            message = f"the builder ended well, but the engine does not have its image: {tag}"
            raise BuildError(message, hints=(f"less {context.log}",))
        return Built(engine=self.name, reference=image.id, log=context.log)

    def start(self, plan: Plan, built: Built) -> Environment:
        """Start a container of the image as a candidate, without any privilege; raises `RunError`."""
        name = candidate_name(self._owner, plan.name)
        self._client.remove(name)
        wish = ContainerWish(
            name=name,
            image=built.reference,
            user=_container_user(),
            network=_BRIDGE if self._client.has_network(_BRIDGE) else "host",
            labels={**plan.labels, OWNER: str(self._owner), IMAGE: self._tag(plan, built)},
            environment=plan.access.environment,
            cdi=plan.access.cdi,
            gpu_indices=plan.access.gpu_indices,
            nodes=plan.access.nodes,
            groups=plan.access.groups or _node_groups(plan.access.nodes),
            mounts=tuple((mount.source, mount.target, mount.read_only) for mount in plan.mounts),
        )
        try:
            return read_environment(self._client.run(wish))
        except BaseException:
            self._client.remove(name)
            raise

    def commit(self, plan: Plan, environment: Environment) -> Environment:
        """Give a candidate the name of its environment, and only then remove the container that had it."""
        standing = self._client.container(standing_name(self._owner, plan.name))
        if standing is not None and standing.id != environment.reference:
            self._client.remove(retired_name(self._owner, plan.name))
            self._client.rename(standing.id, retired_name(self._owner, plan.name))
        if standing is None or standing.id != environment.reference:
            self._client.rename(environment.reference, standing_name(self._owner, plan.name))
        self._clean(plan.name, keep=environment.image)
        return environment

    def discard(self, plan: Plan, built: Built) -> None:
        """Remove the candidate, and the image unless the environment that stands was made from it."""
        self._client.remove(candidate_name(self._owner, plan.name))
        self._client.remove_unused(self._tag(plan, built))

    def find(self, name: str) -> Environment | None:
        """Return the environment of this name as its container's labels tell it, or None."""
        return next((found for found in self.environments() if found.name == name), None)

    def environments(self) -> tuple[Environment, ...]:
        """Return all environments of this user, sorted by name."""
        found: dict[str, ContainerRecord] = {}
        for container in self._client.containers({OWNER: str(self._owner)}):
            name = container.labels.get(f"{PREFIX}name", "")
            if container.name == standing_name(self._owner, name):
                found[name] = container
            elif container.name == retired_name(self._owner, name):
                # A run was killed just when it put another in its place: it is what stands.
                found.setdefault(name, container)
        return tuple(read_environment(container) for _, container in sorted(found.items()))

    def execute(
        self,
        environment: Environment,
        argv: tuple[str, ...],
        *,
        stdin: str | None = None,
        timeout_seconds: float,
    ) -> Completed:
        """Run a command inside and capture what it prints; its time limit ends it inside as well."""
        return execute_in_container(environment.reference, argv, stdin=stdin, timeout_seconds=timeout_seconds)

    def attach(self, environment: Environment, argv: tuple[str, ...], *, interactive: bool) -> int:
        """Run a command inside, or a shell, on the user's terminal and return its exit status."""
        return attach_to_container(environment.reference, argv, interactive=interactive)

    def resume(self, environment: Environment) -> Environment:
        """Start a stopped container again; raises `RunError` with the engine's words."""
        if environment.state is State.READY:
            return environment
        self._client.start(environment.reference)
        return msgspec.structs.replace(environment, state=State.READY)

    def stop(self, environment: Environment) -> Environment:
        """Stop the container; it keeps what was written in it."""
        if environment.state is State.STOPPED:
            return environment
        self._client.stop(environment.reference)
        return msgspec.structs.replace(environment, state=State.STOPPED)

    def remove(self, environment: Environment) -> None:
        """Remove the container, whatever an earlier run left of it, and its image where no other container needs it."""
        for name in (candidate_name, retired_name):
            self._client.remove(name(self._owner, environment.name))
        self._client.remove(environment.reference)
        for tag in self._client.tags(repository(environment.name)):
            self._client.remove_unused(tag)

    @cached_property
    def _client(self) -> "DockerClient":
        # Imported when it is needed: the SDK takes longer to import than most commands take altogether.
        from envkit.engines.backends.docker_client import DockerClient

        return DockerClient()

    def _build(self, plan: Plan, context: BuildContext, artifacts: Artifacts, tag: str, labels: dict[str, str]) -> None:
        client = build_client()
        wish = ImageWish(
            tag=tag,
            labels=labels,
            epoch=SOURCE_DATE_EPOCH,
            host_network=self._needs_host_network(context),
            containerd_store=self._client.has_containerd_store(),
            fresh=context.fresh,
        )
        with staged_context(plan, artifacts.files, cache_directory() / "builds" / plan.name) as staged:
            build_image_with_buildx(client, plan, context, staged, wish)

    def _needs_host_network(self, context: BuildContext) -> bool:
        if not self._client.has_network(_BRIDGE):
            reason = "the engine has no bridge network"
        elif uses_loopback(context.sources):
            reason = "a package source listens on this machine's own address alone"
        else:
            return False
        context.progress(Progress(text=f"building on the host's network: {reason}", finished=True))
        return True

    def _tag(self, plan: Plan, built: Built) -> str:
        """Return the tag of a built image in the plan's repository, or its id when it has none there any more."""
        image = self._client.image(built.reference)
        tags = image.tags if image is not None else ()
        return next((tag for tag in tags if tag.startswith(f"{repository(plan.name)}:")), built.reference)

    def _clean(self, name: str, *, keep: str | None) -> None:
        """Remove what killed runs left: the candidate, a retired container that was replaced, and unused images."""
        self._client.remove(candidate_name(self._owner, name))
        retired = self._client.container(retired_name(self._owner, name))
        if retired is not None and self._client.container(standing_name(self._owner, name)) is None:
            self._client.rename(retired.id, standing_name(self._owner, name))
        elif retired is not None:
            self._client.remove(retired.id)
        for tag in self._client.tags(repository(name)):
            if tag != keep:
                self._client.remove_unused(tag)


def make_engine() -> DockerEngine:
    """Return the engine for this user's environments."""
    return DockerEngine(os.getuid())


def _container_user() -> str:
    """Return this user's uid and gid for a container's process, never root's."""
    user, group = os.getuid(), os.getgid()
    return _UNPRIVILEGED if user == 0 else f"{user}:{group or user}"


def _node_groups(nodes: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of the groups that own the nodes on this machine, for facts that do not tell; never root's."""
    groups = set()
    for node in nodes:
        # A node that is not there, or an engine of another machine: the engine says what is wrong when it starts.
        with suppress(OSError):
            groups.add(Path(node).stat().st_gid)
    return tuple(sorted(groups - {0}))
