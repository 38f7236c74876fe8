"""Building an image with podman or buildah, which are one builder behind two commands and share their images."""

import os
from pathlib import Path
from shutil import which

import msgspec

from envkit.data import load_mirrors
from envkit.engines.builders import BuilderCapabilities, ImageResult, ImageWish, Output
from envkit.engines.builders.logged import BUILD_SECONDS, build_failure, push_failure, run_logged
from envkit.engines.builders.mirrors import registries_configuration, system_sources
from envkit.engines.builders.staging import generated_files, staged_build
from envkit.engines.builders.step_lines import StepLines
from envkit.engines.builders.wishes import check_wish, first_line
from envkit.engines.image_context import StagedContext
from envkit.engines.image_sources import proxy_variables
from envkit.engines.protocol import BuildContext
from envkit.errors import BuildError, EngineNotReadyError
from envkit.generate.image import INPUTS
from envkit.generate.options import Dialect
from envkit.model.loopback import is_loopback
from envkit.model.plan import Plan
from envkit.model.text import strip_controls
from envkit.system.command import Command, Completed, run_command
from envkit.system.directories import ensure_directory
from envkit.system.files import write_atomically

PROGRAMS = ("podman", "buildah")
_STORE = "podman"  # the images of both are those that podman runs
_PROBE_SECONDS = 20.0
_PUSH_SECONDS = 3600.0
_REGISTRY = "docker://"
# The runtime could not make the container of a step: nothing of the step has run.
_NO_CONTAINER = ("did not get container create message from subprocess", "creating container for [")
# The image of a stage is the same in every build of an environment. When it goes, at the end, another build may use it,
# or one that was killed may have left its container: the image that was asked for is complete by then.
_TAGGED = "Successfully tagged "
_HELD = "image is in use by a container"
_ISOLATION_VARIABLE = "BUILDAH_ISOLATION"


class _Information(msgspec.Struct):
    version: str = msgspec.field(name="Version", default="")
    buildah: str = msgspec.field(name="buildahVersion", default="")


class BuildahBuilder:
    """podman or buildah, as this user."""

    def __init__(self, program: str, path: str, capabilities: BuilderCapabilities) -> None:
        self.name = program
        self.capabilities = capabilities
        self._path = path
        self._made_none = False  # the runtime could not make a container
        self._ended: tuple[str, ...] = ()  # the last words of a run that tell how it ended

    def build(self, plan: Plan, context: BuildContext, wish: ImageWish) -> ImageResult:
        """Build an image, every line into the log; where the runtime cannot make containers here, without one.

        Raises `BuildError` with the last lines of the failing step, `UsageError`, and `KeyboardInterrupt`.
        """
        check_wish(self.name, self.capabilities, wish)
        files = generated_files(plan, context, Dialect.PORTABLE)
        with staged_build(plan, context, files, Dialect.PORTABLE) as staged:
            number = staged.secrets / "image-id"
            lines, completed = self._run(self._command(plan, context, staged, wish, number), context)
            if not completed.ok and self._made_none and _ISOLATION_VARIABLE not in os.environ:
                context.note(f"{self.name} cannot make containers here: the steps of the build run in a chroot instead")
                command = self._command(plan, context, staged, wish, number, ("--isolation=chroot",))
                lines, completed = self._run(command, context)
            image = self._image(number, wish, context) if completed.ok or self._was_held else None
            if image is None:
                raise build_failure(lines.failure(), context.log, ended=completed.failure)
            digest = self._deliver(image, staged, wish, context.log)
        return ImageResult(
            builder=self.name,
            reference=wish.path or wish.tags[0],
            digest=digest,
            id=f"sha256:{image}",
            log=context.log,
        )

    def _image(self, number: Path, wish: ImageWish, context: BuildContext) -> str | None:
        """Return the id of the image that was built; where the build gave none, that of its tag."""
        if number.exists():
            return number.read_text(encoding="utf-8").strip().removeprefix("sha256:")
        argv = (self._path, "images", "--no-trunc", "--quiet", wish.tags[0])
        found = run_command(Command(argv=argv, timeout_seconds=_PROBE_SECONDS)).stdout.split()
        if not found:
            return None
        context.note("the image of a stage stays: a container of another build, which runs or was killed, holds it")
        return found[0].removeprefix("sha256:")

    @property
    def _was_held(self) -> bool:
        """Whether the last run came to its end but for an image that another build holds."""
        return _TAGGED in self._ended and self._ended[-1] == _HELD

    def _run(self, command: Command, context: BuildContext) -> tuple[StepLines, Completed]:
        lines = StepLines()
        self._ended = ()

        def take(line: str) -> tuple[str, ...]:
            # Its words may come when the next step has begun: they are looked for in all that is said.
            self._made_none = self._made_none or any(words in line for words in _NO_CONTAINER)
            self._ended += tuple(words for words in (_TAGGED, _HELD) if words in line)
            for progress in lines.feed(line):
                context.progress(progress)
            return (line,)

        completed = run_logged(command, context.log, take)
        for progress in lines.end():
            context.progress(progress)
        return lines, completed

    def _command(
        self,
        plan: Plan,
        context: BuildContext,
        staged: StagedContext,
        wish: ImageWish,
        number: Path,
        isolation: tuple[str, ...] = (),
    ) -> Command:
        proxies = proxy_variables(context.sources)
        # Without layers only the image itself stays: those of the steps would be twice its size.
        argv = [self._path, "build", "--layers=false", f"--timestamp={wish.epoch}", f"--iidfile={number}", *isolation]
        argv += [f"--tag={tag}" for tag in wish.tags]
        argv.append(f"--platform={','.join(wish.platforms or (plan.platform,))}")
        argv += [f"--label={key}={value}" for key, value in wish.labels.items()]
        argv += [f"--build-arg=SOURCE_DATE_EPOCH={wish.epoch}", *(f"--build-arg={name}" for name in proxies)]
        argv += ["--network=host"] if wish.host_network else []
        argv += ["--no-cache"] if wish.fresh else []
        argv += _system_sources(plan, context, staged)
        environment = {**proxies, **_registries(context, staged)}
        return Command(argv=(*argv, "--", str(staged.files)), environment=environment, timeout_seconds=BUILD_SECONDS)

    def _deliver(self, image: str, staged: StagedContext, wish: ImageWish, log: str) -> str | None:
        """Push and write the archive that is wished for; returns the digest of the manifest where a registry has it."""
        digest = None
        try:
            if wish.push:
                for tag in wish.tags:
                    digest = self._push(image, f"{_REGISTRY}{tag}", staged, log)
            if wish.output in (Output.OCI, Output.DOCKER):
                kind = "oci-archive" if wish.output is Output.OCI else "docker-archive"
                digest = self._push(image, f"{kind}:{wish.path}:{wish.tags[0]}", staged, log) or digest
        finally:
            if wish.output is not Output.ENGINE:
                run_command(Command(argv=(self._path, "rmi", "--force", "--", image), timeout_seconds=_PROBE_SECONDS))
        return digest

    def _push(self, image: str, place: str, staged: StagedContext, log: str) -> str | None:
        digest = staged.secrets / "digest"
        # As Docker does: nobody has a certificate for a registry on this machine's own address.
        registry = place.removeprefix(_REGISTRY).partition("/")[0]
        plain = ("--tls-verify=false",) if place.startswith(_REGISTRY) and is_loopback(registry) else ()
        argv = (self._path, "push", "--quiet", f"--digestfile={digest}", *plain, "--", image, place)
        completed = run_command(Command(argv=argv, timeout_seconds=_PUSH_SECONDS))
        if not completed.ok:
            said = completed.failure or _last_line(completed.stderr)
            if place.startswith(_REGISTRY):
                raise push_failure(place.removeprefix(_REGISTRY), said, log)
            raise BuildError(f"the image was built but cannot be written: {place}", facts=(said,))
        return digest.read_text(encoding="utf-8").strip() if digest.exists() else None


def _system_sources(plan: Plan, context: BuildContext, staged: StagedContext) -> tuple[str, ...]:
    """Return the option that lets a build see the user's mirrors of system packages; no layer keeps a trace."""
    packages = system_sources(plan.base.os if plan.base is not None else None, context.sources, load_mirrors())
    if packages is None or plan.package_manager is None:
        return ()
    directory = ensure_directory(staged.secrets / "sources")
    write_atomically(directory / plan.package_manager.sources_file, packages)
    return (f"--volume={directory}:{INPUTS[Dialect.PORTABLE]}/sources:ro",)


def _registries(context: BuildContext, staged: StagedContext) -> dict[str, str]:
    """Return the variable that names the user's mirrors of registries, nothing where none is set."""
    configuration = registries_configuration(context.sources, load_mirrors())
    if configuration is None:
        return {}
    write_atomically(staged.secrets / "registries.conf", configuration)
    return {"CONTAINERS_REGISTRIES_CONF": str(staged.secrets / "registries.conf")}


def find_buildah(program: str, store: str | None) -> BuildahBuilder:
    """Return podman or buildah as a builder; raises `EngineNotReadyError` when it is not there or does not work."""
    path = which(program)
    if path is None:
        raise EngineNotReadyError(f"no `{program}` command on the search path", hints=(f"apt-get install {program}",))
    argv = (path, "version", "--format", "{{json .Client}}") if program == "podman" else (path, "version", "--json")
    completed = run_command(Command(argv=argv, timeout_seconds=_PROBE_SECONDS))
    try:
        found = msgspec.json.decode(completed.stdout, type=_Information, strict=False)
    except msgspec.DecodeError as error:
        reason = completed.failure or first_line(completed.stderr) or "no answer that can be read"
        raise EngineNotReadyError(f"`{program} version` failed ({reason}): {path}") from error
    return BuildahBuilder(program, path, _capabilities(program, found, store))


def _capabilities(program: str, found: _Information, store: str | None) -> BuilderCapabilities:
    cost = [f"{program}: no cache between builds, and wheels are copied into each of them"]
    if store not in (None, _STORE):
        cost.append(f"{program}: the image is handed to {store} as an archive when it is built")
    return BuilderCapabilities(
        kind=program,
        dialect=Dialect.PORTABLE,
        version=found.version or found.buildah or None,
        store=_STORE,
        oci_output=True,
        cost=tuple(cost),
    )


def _last_line(text: str) -> str:
    """Return the last line of what a command said, where podman says why it gave up."""
    lines = [line for line in text.splitlines() if line.strip()]
    return strip_controls(lines[-1]) if lines else ""
