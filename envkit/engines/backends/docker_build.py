"""Building an image with BuildKit, through `docker buildx build`."""

import os
import re
import signal
from pathlib import Path
from shutil import which
from typing import TextIO

import msgspec

from envkit.engines.buildkit_progress import BuildStream
from envkit.engines.image_context import StagedContext
from envkit.engines.image_sources import pip_configuration, proxy_variables
from envkit.engines.protocol import BuildContext
from envkit.errors import BuildError, EngineNotReadyError
from envkit.model.plan import Plan
from envkit.system.command import Command, Completed, run_command, stream_command
from envkit.system.directories import storage_error
from envkit.system.files import write_atomically

_BUILD_SECONDS = 4 * 3600.0  # gigabytes over a slow line
_PROBE_SECONDS = 20.0
_OLDEST_BUILDX = (0, 13)  # the first with `--progress=rawjson`
# podman answers to `docker buildx version` too, with the version of buildah.
_BUILDX = re.compile(r"\S*/buildx v?(?P<major>\d+)\.(?P<minor>\d+)")
_LARGEST_SECRET = 500 * 1024  # bytes; BuildKit takes no more
_INTERRUPTED = (-signal.SIGINT, 128 + signal.SIGINT)


class ImageWish(msgspec.Struct, frozen=True, kw_only=True):
    """What the builder is told besides the files."""

    tag: str
    labels: dict[str, str]
    epoch: int  # seconds since 1970; the time of everything in the image
    host_network: bool
    containerd_store: bool
    fresh: bool


def build_client() -> str:
    """Return the first `docker` of the search path that has a buildx of use; raises `EngineNotReadyError`."""
    seen = []
    for directory in dict.fromkeys(os.environ.get("PATH", os.defpath).split(os.pathsep)):
        client = which("docker", path=directory) if directory else None
        if client is None:
            continue
        completed = run_command(Command(argv=(client, "buildx", "version"), timeout_seconds=_PROBE_SECONDS))
        if completed.ok and _buildx_version(completed.stdout) >= _OLDEST_BUILDX:
            return client
        seen.append(f"{client}: {_said(completed)}")
    needed = ".".join(map(str, _OLDEST_BUILDX))
    message = f"no `docker` command with buildx of version >={needed}"
    hints = (
        "apt-get install docker-buildx",
        "https://docs.docker.com/go/buildx/",
        "the same command with `--native` needs no engine",
    )
    raise EngineNotReadyError(message, facts=tuple(seen) or ("no `docker` on the search path",), hints=hints)


def build_image_with_buildx(
    client: str, plan: Plan, context: BuildContext, staged: StagedContext, wish: ImageWish
) -> None:
    """Build an image into the engine's store, every line into the log.

    Raises `BuildError` with the last lines of the failing step, and `KeyboardInterrupt` when the user ended the build.
    """
    command = _command(client, plan, context, staged, wish)
    stream = BuildStream()
    try:
        descriptor = os.open(context.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as log:
            completed = _stream(command, stream, context, log)
    except OSError as error:
        raise storage_error(error, Path(context.log), "cannot write the log") from error
    if completed.status in _INTERRUPTED:
        raise KeyboardInterrupt
    if not completed.ok:
        raise _failure(stream, completed, context.log)


def _stream(command: Command, stream: BuildStream, context: BuildContext, log: TextIO) -> Completed:
    def take(line: str) -> None:
        update = stream.feed(line)
        for text in update.lines:
            print(text, file=log, flush=True)
        for progress in update.progress:
            context.progress(progress)

    print(f"+ {command}", file=log, flush=True)
    return stream_command(command, take)


def _command(client: str, plan: Plan, context: BuildContext, staged: StagedContext, wish: ImageWish) -> Command:
    proxies = proxy_variables(context.sources)
    argv = [client, "buildx", "build", "--builder", _builder(client), "--progress=rawjson", f"--tag={wish.tag}"]
    # Attestations hold the time of the build: the same lock would never give the same image again.
    argv += ["--provenance=false", "--sbom=false", f"--build-arg=SOURCE_DATE_EPOCH={wish.epoch}"]
    argv += _output(wish)
    argv += [f"--label={key}={value}" for key, value in wish.labels.items()]
    argv += [f"--build-context=wheelhouse={staged.wheelhouse}", *_secrets(plan, context, staged)]
    # By name alone: the values may hold credentials, and everybody on the machine can read arguments.
    argv += [f"--build-arg={name}" for name in proxies]
    argv += ["--network=host"] if wish.host_network else []
    argv += ["--no-cache"] if wish.fresh else []
    return Command(argv=(*argv, "--", str(staged.files)), environment=proxies, timeout_seconds=_BUILD_SECONDS)


def _output(wish: ImageWish) -> tuple[str, ...]:
    if not wish.containerd_store:
        return ("--load",)
    # containerd's store keeps each layer compressed as well: zstd does that in a quarter of gzip's time, to its size.
    return (f"--output=type=image,name={wish.tag},unpack=true,compression=zstd,compression-level=1",)


def _builder(client: str) -> str:
    """Return the builder inside the engine itself, which has the name of its context; others keep images elsewhere."""
    completed = run_command(Command(argv=(client, "context", "show"), timeout_seconds=_PROBE_SECONDS))
    return completed.stdout.strip() if completed.ok else "default"


def _secrets(plan: Plan, context: BuildContext, staged: StagedContext) -> tuple[str, ...]:
    configuration = staged.secrets / "pip.conf"
    write_atomically(configuration, pip_configuration(plan, context.sources))
    flags = [_secret("pip", configuration)]
    if context.sources.certificate is not None:
        certificate = Path(context.sources.certificate.value)
        try:
            size = certificate.stat().st_size
        except OSError as error:
            raise storage_error(error, certificate, "cannot read the certificate bundle") from error
        if size > _LARGEST_SECRET:
            message = (
                f"the certificate bundle is larger than the {_LARGEST_SECRET} bytes that BuildKit takes: {certificate}"
            )
            raise BuildError(message, facts=(f"named by {context.sources.certificate.origin}: {size} bytes",))
        flags.append(_secret("ca", certificate))
    return tuple(flags)


def _secret(name: str, path: Path) -> str:
    # The flag's value is a line of CSV, in which a quote is doubled and a field with commas stands in quotes.
    field = f"src={path}".replace('"', '""')
    return f'--secret=id={name},"{field}"'


def _buildx_version(text: str) -> tuple[int, ...]:
    """Return the version from `github.com/docker/buildx v0.13.1 788433953a`; (0, 0) for other tools and words."""
    found = _BUILDX.match(text)
    return (0, 0) if found is None else (int(found["major"]), int(found["minor"]))


def _said(completed: Completed) -> str:
    text = completed.stdout.strip() or completed.stderr.strip().partition("\n")[0]
    return completed.failure or text or f"exit status {completed.status}"


def _failure(stream: BuildStream, completed: Completed, log: str) -> BuildError:
    failure = stream.failure()
    where = (
        "building the image failed" if failure.step is None else f"building the image failed in step: {failure.step}"
    )
    message = where if completed.failure is None else f"building the image {completed.failure}"
    return BuildError(message, facts=failure.lines, hints=(f"less {log}",))
