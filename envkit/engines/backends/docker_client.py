"""The Docker Engine's API through its SDK, as typed records; the only module that imports `docker`.

The SDK and the command line client choose the engine alike: `DOCKER_HOST`, `DOCKER_CONTEXT`, then the current context.
"""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING
from weakref import finalize

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.types import DeviceRequest, Mount

from envkit.engines.records import ContainerRecord, ContainerWish, ImageRecord
from envkit.errors import EngineNotReadyError, RunError
from envkit.model.availability import ImageState
from envkit.model.text import strip_controls

if TYPE_CHECKING:
    from envkit.engines.builders.legacy import ClassicBuild, ClassicLine

# Creating a container from an image of gigabytes on a busy disk takes its time; an engine that hangs must not hang us.
_TIMEOUT_SECONDS = 120
_STOP_SECONDS = 5
_BUILD_SECONDS = 4 * 3600  # gigabytes over a slow line
# The most processes and threads of one container: enough for data loaders on the largest machines, not for a fork bomb.
_PROCESS_LIMIT = 8192
_BRIDGE = "bridge"
_HOST = "host"  # on this network everything that listens is to be seen from everywhere
_LOOPBACK = "127.0.0.1"
_LOG_LINES = 20
_SETTLE_LOOKS = 4
_SETTLE_SECONDS = 0.05


class DockerClient:
    """A connection to the engine."""

    def __init__(self) -> None:
        """Connect; raises `EngineNotReadyError` with the reason when no engine answers."""
        with _asking("answer"):
            self._client = docker.from_env(version="auto", timeout=_TIMEOUT_SECONDS, use_ssh_client=True)
        # The SDK leaves its sockets, and the ssh process of a remote engine, to whoever made the client.
        finalize(self, self._client.close)

    def runs_here(self) -> bool:
        """Tell whether containers run on this machine, so that its device nodes are theirs."""
        if not self._client.api.base_url.startswith("http+docker://"):
            return False
        with _asking("describe itself"):
            # Behind a socket of this machine may be a virtual machine, or the end of a tunnel.
            return bool(self._client.info().get("KernelVersion") == platform.release())

    def default_network(self) -> str | None:
        """Return the network that keeps a container apart from the host's, the host's where there is none."""
        with _asking("list its networks"):
            found = any(network.name == _BRIDGE for network in self._client.networks.list(names=[_BRIDGE]))
        return _BRIDGE if found else _HOST

    def image(self, reference: str) -> ImageRecord | None:
        """Return an image by id or tag, or None."""
        with _asking("look for an image"):
            try:
                image = self._client.images.get(reference)
            except NotFound:
                return None
        layers = (image.attrs.get("RootFS") or {}).get("Layers") or ()
        return ImageRecord(id=str(image.id), tags=tuple(image.tags), labels=image.labels or {}, layers=tuple(layers))

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags of a repository that the engine has, as `repository:tag`."""
        with _asking("list its images"):
            images = self._client.images.list(name=repository)
        return tuple(sorted(tag for image in images for tag in image.tags if tag.startswith(f"{repository}:")))

    def remove_unused(self, tag: str) -> None:
        """Remove a tag, and its image with the last tag, unless a container was made from it or it is gone."""
        with _asking("remove an image"):
            try:
                image = self._client.images.get(tag)
                if not self._client.containers.list(all=True, filters={"ancestor": str(image.id)}, ignore_removed=True):
                    self._client.images.remove(tag)
            except NotFound:
                return

    def registry_image(self, image: str) -> ImageState:
        """Ask the image's registry, by the engine's own ways and mirrors, for the digest of a tag."""
        try:
            with _asking("ask a registry"):
                try:
                    digest = str(self._client.images.get_registry_data(image).id)
                except NotFound:
                    reason = "the registry has no such image"
                    return ImageState(image=image, available=False, reason=reason, missing=True)
        except RunError as error:
            return ImageState(image=image, available=False, reason=error.facts[0])
        return ImageState(image=image, available=True, digest=digest)

    def load(self, archive: str) -> None:
        """Take the images of an archive in."""
        with _asking("load an image"), Path(archive).open("rb") as file:
            self._client.images.load(file)

    def build(self, asked: "ClassicBuild") -> "Iterator[ClassicLine]":
        """Build an image with the classic builder and yield what it prints."""
        # Imported here: all of building is behind it, and most commands that ask the engine build nothing.
        from envkit.engines.builders.legacy import ClassicLine

        with _asking("build an image"):
            stream = self._client.api.build(
                path=asked.directory,
                tag=asked.tag,
                labels=asked.labels,
                buildargs=asked.arguments,
                network_mode="host" if asked.host_network else None,
                nocache=asked.fresh,
                rm=True,
                forcerm=True,
                decode=True,
                timeout=_BUILD_SECONDS,
            )
            for part in stream:
                words = str(part.get("error") or part.get("stream") or part.get("status") or "")
                for line in words.splitlines():
                    yield ClassicLine(text=strip_controls(line))
                if "error" in part:
                    yield ClassicLine(text="", failed=True)

    def add_tag(self, image: str, tag: str) -> None:
        """Give an image one more tag."""
        repository, _, version = tag.rpartition(":")
        with _asking("tag an image"):
            self._client.images.get(image).tag(repository, version)

    def remove_untagged(self, images: tuple[str, ...]) -> None:
        """Remove those of the images that have no name and that no other image is made of."""
        for image in images:
            with _asking("remove an image"):
                try:
                    if not self._client.images.get(image).tags:
                        self._client.images.remove(image)
                except NotFound:
                    continue
                except APIError as error:
                    # An image or a container is made of it: it is needed.
                    if error.status_code != HTTPStatus.CONFLICT:
                        raise

    def containers(self, labels: dict[str, str]) -> tuple[ContainerRecord, ...]:
        """Return all containers, running or not, that carry the labels."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        with _asking("list its containers"):
            found = self._client.containers.list(all=True, filters={"label": wanted}, ignore_removed=True)
        return tuple(_record(container) for container in found)

    def container(self, reference: str) -> ContainerRecord | None:
        """Return a container by id or name, or None."""
        with _asking("look for a container"):
            try:
                return _record(self._client.containers.get(reference))
            except NotFound:
                return None

    def create(self, wish: ContainerWish, note: Callable[[str], None]) -> ContainerRecord:  # noqa: ARG002 - the engine does what it is asked for
        """Create a container without capabilities; raises `RunError` with the engine's words."""
        with _asking("create the container"):
            container = self._client.containers.create(
                wish.image,
                list(wish.command) or None,
                name=wish.name,
                user=wish.user,
                labels=wish.labels,
                environment=wish.environment,
                network_mode=wish.network,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                pids_limit=_PROCESS_LIMIT,
                shm_size=wish.shared_memory,
                runtime=wish.runtime,
                ports={f"{port}/tcp": (_LOOPBACK, port) for port in wish.ports if wish.network != _HOST},
                init=True,
                devices=[f"{node}:{node}:rw" for node in wish.nodes],
                device_requests=_device_requests(wish),
                group_add=[str(group) for group in wish.groups],
                mounts=[
                    Mount(target=target, source=source, type="bind", read_only=read_only)
                    for source, target, read_only in wish.mounts
                ],
            )
        return _record(container)

    def start(self, reference: str) -> ContainerRecord:
        """Start a container; raises `RunError` with the engine's words, or the container's when it ends at once."""
        with _asking("start the container"):
            container = self._client.containers.get(reference)
            container.start()
            # A command that ends at once may still run when the engine says that it has started.
            for _ in range(_SETTLE_LOOKS):
                container.reload()
                if container.status != "running":
                    break
                sleep(_SETTLE_SECONDS)
            if container.status != "running":
                written = container.logs(tail=_LOG_LINES).decode(errors="replace")
                message = f"the container ends as soon as it is started: {container.name}"
                raise RunError(message, facts=tuple(strip_controls(line) for line in written.splitlines()))
        return _record(container)

    def stop(self, reference: str) -> ContainerRecord:
        """Stop a container, with a few seconds for its processes to end by themselves."""
        with _asking("stop the container"):
            container = self._client.containers.get(reference)
            container.stop(timeout=_STOP_SECONDS)
            container.reload()
        return _record(container)

    def rename(self, reference: str, name: str) -> None:
        """Give a container another name, in one step."""
        with _asking("rename the container"):
            self._client.containers.get(reference).rename(name)

    def remove(self, reference: str) -> None:
        """End and remove a container with its anonymous volumes; one that is gone is no error."""
        with _asking("remove the container"):
            try:
                self._client.containers.get(reference).remove(force=True, v=True)
            except NotFound:
                return


@contextmanager
def _asking(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours."""
    try:
        yield
    except APIError as error:
        message = f"the engine refused to {what}"
        raise RunError(message, facts=(strip_controls(error.explanation or str(error)),)) from error
    # The SDK lets the errors of its transport through; they are OSErrors.
    except (DockerException, OSError) as error:
        message = f"the Docker Engine does not {what}"
        hints = ("docker info", "envkit detect", "the same command with `--native` needs no engine")
        raise EngineNotReadyError(message, facts=(strip_controls(str(error)),), hints=hints) from error


def _device_requests(wish: ContainerWish) -> list[DeviceRequest]:
    requests = []
    if wish.cdi:
        requests.append(DeviceRequest(driver="cdi", device_ids=list(wish.cdi)))
    if wish.gpu_indices:
        indices = [str(index) for index in wish.gpu_indices]
        requests.append(DeviceRequest(device_ids=indices, capabilities=[["gpu"]]))
    return requests


def _record(container: Container) -> ContainerRecord:
    return ContainerRecord(
        id=str(container.id),
        name=str(container.name),
        status=container.status,
        created=f"{container.attrs['Created'][:19]}+00:00",
        image=str(container.attrs["Image"]),
        labels=container.labels,
    )
