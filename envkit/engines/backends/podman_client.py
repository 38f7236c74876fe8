"""podman through its command, which prints JSON; it has no daemon, so that each answer is a process of its own."""

import os
import platform
from collections.abc import Callable
from functools import cached_property
from shutil import which
from typing import TypeVar

import msgspec

from envkit.engines.backends.podman_answers import (
    ADAPTATIONS,
    Adaptation,
    ContainerAnswer,
    ImageAnswer,
    Information,
    own_words,
)
from envkit.engines.records import ContainerRecord, ContainerWish, ImageRecord
from envkit.errors import EngineNotReadyError, RunError
from envkit.model.availability import ImageState
from envkit.model.text import strip_controls
from envkit.system.command import Command, Completed, run_command

_Answer = TypeVar("_Answer")
_SECONDS = 120.0  # creating a container from an image of gigabytes on a busy disk takes its time
_TRANSFER_SECONDS = 4 * 3600.0  # gigabytes over a slow line
_STOP_SECONDS = 5
_PROCESS_LIMIT = 8192  # enough for data loaders on the largest machines, not for a fork bomb
_LOG_LINES = 20
_HINTS = ("podman info", "envkit detect", "the same command with `--native` needs no engine")
_NOT_THERE = ("no such container", "image not known", "no such image")
# Names that podman gives to images of nobody's registry; the Docker Engine has no such names.
_PREFIXES = ("localhost/", "docker.io/")


class PodmanClient:
    """podman of this user, or of the machine's root when that is who runs envkit."""

    def __init__(self) -> None:
        """Find the command; raises `EngineNotReadyError`."""
        client = which("podman")
        if client is None:
            raise EngineNotReadyError("no `podman` command on the search path", hints=("apt-get install podman",))
        self._client = client
        self._adaptations: tuple[Adaptation, ...] = ()  # that this machine has turned out to need

    def runs_here(self) -> bool:
        """Tell whether containers run on this machine, so that its device nodes are theirs."""
        host = self._information.host
        return not host.remote and host.kernel == platform.release()

    def default_network(self) -> str | None:
        """Return None: podman takes the bridge as root, and a network in user space for other users."""
        return None

    def image(self, reference: str) -> ImageRecord | None:
        """Return an image by id or tag, or None."""
        completed = self._look("image", "inspect", "--", reference)
        if completed is None:
            return None
        found = self._decode(completed, tuple[ImageAnswer, ...])[0]
        tags = tuple(map(_plain_tag, found.tags or ()))
        return ImageRecord(id=found.id, tags=tags, labels=found.labels or {}, layers=found.root.layers or ())

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags of a repository that podman has, as `repository:tag`."""
        completed = self._must("images", "list its images", "--format", "{{.Repository}}:{{.Tag}}")
        found = {_plain_tag(line) for line in completed.stdout.splitlines()}
        return tuple(sorted(tag for tag in found if tag.startswith(f"{repository}:")))

    def remove_unused(self, tag: str) -> None:
        """Remove a tag, and its image with the last tag, unless a container was made from it or it is gone."""
        image = self.image(tag)
        if image is None:
            return
        ancestor = ("--all", "--quiet", "--filter", f"ancestor={image.id}")
        if not self._must("ps", "list its containers", *ancestor).stdout.strip():
            self._look("rmi", "--", tag)

    def registry_image(self, image: str) -> ImageState:
        """Ask for the digest of a tag: its registry, through skopeo where that is installed, or else by pulling it."""
        from envkit.system.registry_names import parse_reference

        name = str(parse_reference(image))
        digest = self._inspected_digest(name)
        if digest is None:
            completed = self._run("pull", "--quiet", "--", name, timeout_seconds=_TRANSFER_SECONDS)
            if not completed.ok:
                return ImageState(image=image, available=False, reason=own_words(completed))
            digest = self._run("image", "inspect", "--format", "{{.Digest}}", "--", name).stdout.strip()
        return ImageState(image=image, available=True, digest=digest)

    def _inspected_digest(self, name: str) -> str | None:
        """Return the digest that skopeo, which has podman's settings, gets from the registry; None when it cannot."""
        skopeo = which("skopeo")
        if skopeo is None:
            return None
        argv = (skopeo, "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{name}")
        completed = run_command(Command(argv=argv, timeout_seconds=_SECONDS))
        return completed.stdout.strip() if completed.ok else None

    def load(self, archive: str) -> None:
        """Take the images of an archive in, under the names that they have in it."""
        self._must("load", "load an image", "--quiet", "--input", archive, timeout_seconds=_TRANSFER_SECONDS)

    def containers(self, labels: dict[str, str]) -> tuple[ContainerRecord, ...]:
        """Return all containers, running or not, that carry the labels."""
        filters = [f"--filter=label={key}={value}" for key, value in labels.items()]
        numbers = self._must("ps", "list its containers", "--all", "--quiet", "--no-trunc", *filters).stdout.split()
        # One that has gone since it was listed is none.
        return tuple(found for number in numbers if (found := self.container(number)) is not None)

    def container(self, reference: str) -> ContainerRecord | None:
        """Return a container by id or name, or None."""
        completed = self._look("container", "inspect", "--", reference)
        return None if completed is None else self._decode(completed, tuple[ContainerAnswer, ...])[0].record()

    def create(self, wish: ContainerWish, note: Callable[[str], None]) -> ContainerRecord:
        """Create a container without capabilities; what podman asks of a machine that this one refuses is left out."""
        if wish.gpu_indices:
            message = "podman reaches these devices through CDI alone, and no specification names them"
            raise RunError(message, facts=(f"devices {wish.gpu_indices}",), hints=("envkit host setup",))
        said = self._create(wish)
        while said is not None:
            helps = next((one for one in ADAPTATIONS if one not in self._adaptations and one.fits(said)), None)
            if helps is None:
                raise RunError("podman refused to create the container", facts=(said,))
            note(helps.sentence)
            self._adaptations = (*self._adaptations, helps)
            said = self._create(wish)
        created = self.container(wish.name)
        if created is None:
            raise RunError(f"podman made the container, but does not have it: {wish.name}")
        return created

    def start(self, reference: str) -> ContainerRecord:
        """Start a container; raises `RunError` with podman's words, or the container's when it ends at once."""
        self._must("start", "start the container", "--", reference)
        record = self.container(reference)
        if record is None or record.status != "running":
            logs = self._run("logs", f"--tail={_LOG_LINES}", "--", reference)
            message = f"the container ends as soon as it is started: {record.name if record else reference}"
            lines = (logs.stdout + logs.stderr).splitlines()
            raise RunError(message, facts=tuple(strip_controls(line) for line in lines))
        return record

    def stop(self, reference: str) -> ContainerRecord:
        """Stop a container, with a few seconds for its processes to end by themselves."""
        self._must("stop", "stop the container", f"--time={_STOP_SECONDS}", "--", reference)
        record = self.container(reference)
        if record is None:
            raise RunError(f"the container is gone: {reference}")
        return record

    def rename(self, reference: str, name: str) -> None:
        """Give a container another name, in one step."""
        self._must("rename", "rename the container", "--", reference, name)

    def remove(self, reference: str) -> None:
        """End and remove a container with its anonymous volumes; one that is gone is no error."""
        self._must("rm", "remove the container", "--force", "--ignore", "--time=0", "--volumes", "--", reference)

    @cached_property
    def _information(self) -> Information:
        return self._decode(self._must("info", "describe itself", "--format", "json"), Information)

    def _create(self, wish: ContainerWish) -> str | None:
        """Create a container and have its runtime look at what is asked for; returns why it cannot be."""
        self.remove(wish.name)
        without = {option for adaptation in self._adaptations for option in adaptation.without}
        options = [option for option in self._options(wish) if option not in without]
        options += [option for adaptation in self._adaptations for option in adaptation.options]
        runtime = [option for adaptation in self._adaptations for option in adaptation.runtime]
        runtime = [f"--runtime={wish.runtime}"] if wish.runtime is not None else runtime
        completed = self._run(*runtime, "create", *options, "--", wish.image, *wish.command)
        # Its ports may still be those of another container, which the network would refuse.
        if completed.ok and not wish.ports:
            completed = self._run("init", wish.name)
        return None if completed.ok else own_words(completed)

    def _options(self, wish: ContainerWish) -> list[str]:
        security = self._information.host.security
        options = [f"--name={wish.name}", "--pull=never", f"--user={wish.user}", "--init", "--cap-drop=ALL"]
        options += ["--security-opt=no-new-privileges", f"--pids-limit={_PROCESS_LIMIT}"]
        options += [f"--shm-size={wish.shared_memory}"]
        options += [f"--network={wish.network}"] if wish.network is not None else []
        # The user of the container is who runs envkit: what it writes into mounted directories belongs to them.
        options += ["--userns=keep-id"] if security.rootless else []
        options += [f"--label={key}={value}" for key, value in wish.labels.items()]
        options += [f"--env={key}={value}" for key, value in wish.environment.items()]
        options += [f"--publish=127.0.0.1:{port}:{port}" for port in wish.ports]
        options += [f"--device={device}" for device in (*wish.cdi, *wish.nodes)]
        options += self._groups(wish)
        options += [_mount(*mount) for mount in wish.mounts]
        if security.selinux and (wish.cdi or wish.nodes or wish.mounts):
            # Neither device nodes nor the user's own directories carry the label that containers may touch.
            options.append("--security-opt=label=disable")
        return options

    def _groups(self, wish: ContainerWish) -> list[str]:
        if self._information.host.security.rootless:
            # Groups of the machine have no number in the user's name space; their membership can be kept alone.
            return ["--group-add=keep-groups"] if wish.groups else []
        return [f"--group-add={group}" for group in wish.groups]

    def _run(self, *arguments: str, timeout_seconds: float = _SECONDS) -> Completed:
        # Its network needs the tools of the administrator, which are on the path of no other user.
        path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
        return run_command(
            Command(argv=(self._client, *arguments), environment={"PATH": path}, timeout_seconds=timeout_seconds)
        )

    def _look(self, *arguments: str) -> Completed | None:
        """Ask for one thing; None when podman does not have it."""
        completed = self._run(*arguments)
        if completed.ok:
            return completed
        said = own_words(completed)
        if any(words in said for words in _NOT_THERE):
            return None
        raise EngineNotReadyError("podman does not look for what it is asked for", facts=(said,), hints=_HINTS)

    def _must(self, verb: str, what: str, *arguments: str, timeout_seconds: float = _SECONDS) -> Completed:
        """Run podman; raises `RunError` with its words when it refuses, and `EngineNotReadyError` when it hangs."""
        completed = self._run(verb, *arguments, timeout_seconds=timeout_seconds)
        if completed.failure is not None:
            raise EngineNotReadyError(f"podman does not {what}", facts=(completed.failure,), hints=_HINTS)
        if not completed.ok:
            raise RunError(f"podman refused to {what}", facts=(own_words(completed),))
        return completed

    def _decode(self, completed: Completed, kind: type[_Answer]) -> _Answer:
        try:
            return msgspec.json.decode(completed.stdout, type=kind)
        except msgspec.DecodeError as error:
            message = f"podman's answer has another form than is known ({error}): {self._client}"
            raise EngineNotReadyError(message, hints=_HINTS) from error


def _plain_tag(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _mount(source: str, target: str, read_only: bool) -> str:  # noqa: FBT001 - as it stands in the wish
    # The option is a line of CSV, in which a quote is doubled and a field with commas stands in quotes.
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    quoted = (
        '"' + field.replace('"', '""') + '"' if any(mark in field for mark in ',"') else field for field in fields
    )
    return f"--mount={','.join(quoted)}"
