"""Environments as containers of an engine that keeps images and has labels.

```text
container envkit-UID-NAME            the environment that stands
container envkit.candidate-UID-NAME  started, not yet proven
container envkit.retired-UID-NAME    stood until now; is the environment while nothing has its name
image     envkit/NAME:HASH           HASH over all that decides what is in it
```
Labels on them are the only record: what envkit's own directories hold can be lost.

A candidate is proven while it waits, without the ports and the command of the plan: the ports may still be those of the
container that stands, and what the command does need not be done twice. Both come with the container that takes its
place.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envkit.engines.execution import CommandLine, Execution
from envkit.engines.labels import (
    ARTIFACTS,
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
from envkit.engines.protocol import BuildContext, ignore
from envkit.engines.records import ContainerClient, ContainerRecord, ContainerWish, ImageRecord
from envkit.errors import BuildError
from envkit.model.availability import ImageState
from envkit.model.environment import Built, Environment, State
from envkit.model.plan import Plan
from envkit.system.command import Completed

if TYPE_CHECKING:
    from envkit.engines.builders import Builder, ImageResult, ImageWish

# Who runs envkit as root gets a container of the first ordinary user: a container's root is the machine's root.
_UNPRIVILEGED = "1000:1000"
_HOST_NETWORK = "host"
_SHARED_MEMORY = "1g"
# An image may start the plan's command by itself, which a candidate does not.
_WAITING = ("sleep", "infinity")


class ContainerEnvironments:
    """Environments of one user, as containers of one engine.

    `connect` is called when the engine is needed, `choose` with the name that `--builder` gave.
    """

    def __init__(
        self,
        name: str,
        owner: int,
        command: CommandLine,
        connect: Callable[[], ContainerClient],
        choose: "Callable[[str | None, Callable[[str], None]], Builder]",
    ) -> None:
        self.name = name
        self._owner = owner
        self._execution = Execution(command)
        self._connect = connect
        self._choose = choose
        self._connected: ContainerClient | None = None

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
        # Imported here: building is not on the path of `envkit ls`.
        from envkit.engines.builders import ImageWish
        from envkit.engines.builders.delivery import build_into
        from envkit.engines.builders.staging import generate_for

        if context.builder is None and context.artifacts is None and not context.fresh:
            # Before a builder is looked for: an image that was brought here may be of another builder, or need none.
            found = self._built_before(plan)
            if found is not None:
                return found
        said: list[str] = []
        builder = self._choose(context.builder, said.append)
        artifacts = context.artifacts or generate_for(plan, builder.capabilities.dialect)
        context = msgspec.structs.replace(context, artifacts=artifacts)
        labels = image_labels(plan, artifacts)
        tag = image_tag(plan, labels)
        self._clean(plan.name, keep=tag)
        image = self._client.image(tag)
        if image is not None and image.labels.get(ARTIFACTS) == labels[ARTIFACTS] and not context.fresh:
            return Built(engine=self.name, reference=image.id, reused=True)
        for sentence in (*said, *builder.capabilities.cost):
            context.note(sentence)
        wish = ImageWish(
            tags=(tag,), labels=labels, fresh=context.fresh, host_network=self._needs_host_network(builder, context)
        )
        build_into(self.name, self._client, builder, plan, context, wish)
        image = self._client.image(tag)
        if image is None:
            message = f"the builder ended well, but the engine does not have its image: {tag}"
            raise BuildError(message, hints=(f"less {context.log}",))
        return Built(engine=self.name, reference=image.id, log=context.log)

    def take_image(self, archive: str, tag: str) -> ImageRecord | None:
        """Take the image of an archive in, and return what then has the tag; raises `RunError`."""
        self._client.load(archive)
        return self._client.image(tag)

    def image(self, tag: str) -> ImageRecord | None:
        """Return the image of a tag, or None."""
        return self._client.image(tag)

    def drop_image(self, tag: str) -> None:
        """Remove a tag, and its image with the last one, unless a container was made from it."""
        self._client.remove_unused(tag)

    def choose_builder(self, context: BuildContext) -> "Builder":
        """Return the builder for a context; raises `EngineNotReadyError`."""
        return self._choose(context.builder, context.note)

    def build_image(self, builder: "Builder", plan: Plan, context: BuildContext, wish: "ImageWish") -> "ImageResult":
        """Build an image that need not be an environment's, into this engine's store where the wish says so."""
        from envkit.engines.builders import Output
        from envkit.engines.builders.delivery import build_into

        wish = msgspec.structs.replace(wish, host_network=self._needs_host_network(builder, context))
        if wish.output is Output.ENGINE:
            return build_into(self.name, self._client, builder, plan, context, wish)
        return builder.build(plan, context, wish)

    def start(self, plan: Plan, built: Built, note: Callable[[str], None] = ignore) -> Environment:
        """Start a container of the image as a candidate, without any privilege; raises `RunError`."""
        name = candidate_name(self._owner, plan.name)
        self._client.remove(name)
        if plan.run.ports and self._client.default_network() == _HOST_NETWORK:
            note("the engine has no network of its own: what listens in the container is reached from everywhere")
        try:
            created = self._client.create(self._wish(plan, built.reference, self._tag(plan, built)), note)
            return read_environment(self._client.start(created.id), self.name)
        except BaseException:
            self._client.remove(name)
            raise

    def commit(self, plan: Plan, environment: Environment) -> Environment:
        """Give a candidate the name of its environment, and only then remove the container that had it.

        Raises `RunError` when the plan's command or ports cannot be had; what stood before then still does.
        """
        standing = self._client.container(standing_name(self._owner, plan.name))
        again = standing is not None and standing.id == environment.reference
        if (plan.run.ports or plan.run.command) and not again:
            environment = self._serve(plan, environment, standing)
        if standing is not None and not again:
            self._client.remove(retired_name(self._owner, plan.name))
            self._client.rename(standing.id, retired_name(self._owner, plan.name))
        if not again:
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
        return tuple(read_environment(container, self.name) for _, container in sorted(found.items()))

    def execute(
        self,
        environment: Environment,
        argv: tuple[str, ...],
        *,
        stdin: str | None = None,
        timeout_seconds: float,
    ) -> Completed:
        """Run a command inside and capture what it prints; its time limit ends it inside as well."""
        return self._execution.execute(environment.reference, argv, stdin=stdin, timeout_seconds=timeout_seconds)

    def attach(self, environment: Environment, argv: tuple[str, ...], *, interactive: bool) -> int:
        """Run a command inside, or a shell, on the user's terminal and return its exit status."""
        return self._execution.attach(environment.reference, argv, interactive=interactive)

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

    @property
    def _client(self) -> ContainerClient:
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _wish(self, plan: Plan, image: str, tag: str) -> ContainerWish:
        """Return the candidate that waits to be proven."""
        access, run = plan.access, plan.run
        return ContainerWish(
            name=candidate_name(self._owner, plan.name),
            image=image,
            user=_container_user(access.user),
            network=self._client.default_network(),
            labels={**plan.labels, OWNER: str(self._owner), IMAGE: tag},
            environment={**plan.network_environment, **access.environment, **run.environment},
            cdi=access.cdi,
            gpu_indices=access.gpu_indices,
            nodes=access.nodes,
            groups=access.groups or (_node_groups(access.nodes) if self._client.runs_here() else ()),
            mounts=tuple((mount.source, mount.target, mount.read_only) for mount in (*access.mounts, *plan.mounts)),
            runtime=access.runtime,
            shared_memory=run.shared_memory or _SHARED_MEMORY,
            command=_WAITING,
        )

    def _serve(self, plan: Plan, candidate: Environment, standing: ContainerRecord | None) -> Environment:
        """Replace the proven candidate by a container with the plan's command and ports, and return that.

        Where it does not start, the container that stands gets its ports back.
        """
        proven = self._client.container(candidate.reference)
        wish = self._wish(plan, candidate.reference if proven is None else proven.image, candidate.image or "")
        wish = msgspec.structs.replace(wish, ports=plan.run.ports, command=plan.run.command or _WAITING)
        self._client.remove(candidate.reference)
        created = self._client.create(wish, ignore)
        was_running = standing is not None and standing.status == "running"
        try:
            if standing is not None and was_running:
                self._client.stop(standing.id)
            return read_environment(self._client.start(created.id), self.name)
        except BaseException:
            self._client.remove(created.id)
            if standing is not None and was_running:
                self._client.start(standing.id)
            raise

    def _built_before(self, plan: Plan) -> Built | None:
        """Return the image of a plan that the engine has, in whichever dialect it was built."""
        from envkit.engines.builders.staging import generate_for
        from envkit.generate.options import Dialect

        for dialect in Dialect:
            labels = image_labels(plan, generate_for(plan, dialect))
            tag = image_tag(plan, labels)
            image = self._client.image(tag)
            if image is not None and image.labels.get(ARTIFACTS) == labels[ARTIFACTS]:
                self._clean(plan.name, keep=tag)
                return Built(engine=self.name, reference=image.id, reused=True)
        return None

    def _needs_host_network(self, builder: "Builder", context: BuildContext) -> bool:
        from envkit.engines.image_sources import uses_loopback

        if builder.capabilities.store == self.name and self._client.default_network() == _HOST_NETWORK:
            reason = "the engine has no bridge network"
        elif uses_loopback(context.sources):
            reason = "a package source listens on this machine's own address alone"
        else:
            return False
        context.note(f"building on the host's network: {reason}")
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


def _container_user(demanded: int | None) -> str:
    """Return uid and gid for a container's process: those that a driver demands, else this user's, never root's."""
    user, group = os.getuid(), os.getgid()
    if demanded is not None:
        return f"{demanded}:{group if demanded == user else demanded}"
    return _UNPRIVILEGED if user == 0 else f"{user}:{group or user}"


def _node_groups(nodes: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of the groups that own the nodes on this machine, for facts that do not tell; never root's."""
    groups = set()
    for node in nodes:
        # A node that is not there: the engine says so when it starts.
        with suppress(OSError):
            groups.add(Path(node).stat().st_gid)
    return tuple(sorted(groups - {0}))
