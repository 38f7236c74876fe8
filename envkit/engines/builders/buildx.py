"""Building an image with BuildKit, through `docker buildx build`."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from envkit.data import load_mirrors
from envkit.engines.builders import BuilderCapabilities, ImageResult, ImageWish, Output
from envkit.engines.builders.logged import BUILD_SECONDS, build_failure, run_logged
from envkit.engines.builders.mirrors import mirrored_base, system_sources
from envkit.engines.builders.probe import buildkit_capabilities, find_buildx, probe_builder
from envkit.engines.builders.staging import generated_files, staged_build
from envkit.engines.builders.wishes import check_wish
from envkit.engines.buildkit_progress import BuildStream
from envkit.engines.image_context import StagedContext
from envkit.engines.image_sources import pip_configuration, proxy_variables
from envkit.engines.protocol import BuildContext
from envkit.errors import BuildError
from envkit.generate.image import wheelhouse_layers
from envkit.generate.options import Dialect
from envkit.model.plan import Plan
from envkit.system.command import Command
from envkit.system.directories import ensure_directory, storage_error
from envkit.system.files import write_atomically

_LARGEST_SECRET = 500 * 1024  # bytes; BuildKit takes no more


class _Metadata(msgspec.Struct):
    """What `--metadata-file` gets."""

    digest: str | None = msgspec.field(name="containerimage.digest", default=None)
    configuration: str | None = msgspec.field(name="containerimage.config.digest", default=None)


class BuildxBuilder:
    """A builder of buildx: in the engine, in a container, on another machine or in a cluster."""

    def __init__(
        self, client: str, name: str, capabilities: BuilderCapabilities, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        self._client = client
        self._environment = environment or {}

    def build(self, plan: Plan, context: BuildContext, wish: ImageWish) -> ImageResult:
        """Build an image, every line into the log.

        Raises `BuildError` with the last lines of the failing step, `UsageError` for what this builder cannot do, and
        `KeyboardInterrupt` when the user ended the build.
        """
        check_wish(self.name, self.capabilities, wish)
        files = generated_files(plan, context, self.capabilities.dialect)
        with staged_build(plan, context, files, self.capabilities.dialect) as staged:
            metadata = staged.secrets / "metadata.json"
            command = self._command(plan, context, staged, wish, metadata)
            _run(command, context)
            made = msgspec.json.decode(metadata.read_bytes(), type=_Metadata)
        return ImageResult(
            builder=self.name,
            reference=wish.path or wish.tags[0],
            digest=made.digest,
            id=made.digest if self.capabilities.containerd_store else made.configuration,
            log=context.log,
        )

    def _command(
        self, plan: Plan, context: BuildContext, staged: StagedContext, wish: ImageWish, metadata: Path
    ) -> Command:
        proxies = proxy_variables(context.sources)
        argv = [self._client, "buildx", "build", "--builder", self.name, "--progress=rawjson"]
        argv += [f"--tag={tag}" for tag in wish.tags]
        argv += [f"--platform={','.join(wish.platforms or (plan.platform,))}", f"--metadata-file={metadata}"]
        # Attestations hold the time of the build: the same lock would never give the same image again.
        argv += ["--provenance=mode=max" if wish.provenance else "--provenance=false", "--sbom=false"]
        argv += [f"--build-arg=SOURCE_DATE_EPOCH={wish.epoch}", *self._outputs(wish)]
        argv += [f"--cache-from={place}" for place in wish.cache_from]
        argv += [f"--cache-to={place}" for place in wish.cache_to]
        argv += [f"--label={key}={value}" for key, value in wish.labels.items()]
        if self.capabilities.dialect is Dialect.BUILDKIT:
            argv += [*_wheelhouses(plan, staged), *_secrets(plan, context, staged)]
            mirrored = mirrored_base(plan, context.sources)
            argv += [f"--build-context={mirrored[0]}=docker-image://{mirrored[1]}"] if mirrored is not None else []
        # By name alone: the values may hold credentials, and everybody on the machine can read arguments.
        argv += [f"--build-arg={name}" for name in proxies]
        argv += ["--network=host"] if wish.host_network else []
        # The engine's own BuildKit allows it anyway; another daemon must have been started so that it may.
        argv += ["--allow=network.host"] if wish.host_network and self.capabilities.store is None else []
        argv += ["--no-cache"] if wish.fresh else []
        return Command(
            argv=(*argv, "--", str(staged.files)),
            environment={**self._environment, **proxies},
            timeout_seconds=BUILD_SECONDS,
        )

    def _outputs(self, wish: ImageWish) -> tuple[str, ...]:
        # containerd's store keeps each layer compressed as well: zstd does that in a quarter of gzip's time, to its
        # size. A registry that takes OCI's media types takes it, too.
        zstd = "compression=zstd,compression-level=1"
        pushed = (f"--output=type=image,push=true,oci-mediatypes=true,{zstd}",) if wish.push else ()
        match wish.output:
            case Output.ENGINE if self.capabilities.containerd_store:
                push = ",push=true" if wish.push else ""
                return (f"--output=type=image,unpack=true,{zstd}{push}",)
            case Output.ENGINE:
                return ("--load", *pushed)
            case Output.NONE:
                return pushed or ("--output=type=cacheonly",)
            case Output.OCI | Output.DOCKER:
                # What earlier builds left compressed otherwise would be taken as it is: `docker load` takes no zstd,
                # and the same image would not be the same file.
                kind = f"type={wish.output},compression=gzip,force-compression=true"
                return (f'--output={kind},"dest={(wish.path or "").replace(chr(34), chr(34) * 2)}"', *pushed)


def named_builder(name: str | None) -> BuildxBuilder:
    """Return a builder of buildx; raises `EngineNotReadyError`.

    For None it is the one that was chosen with `docker buildx use`, else the engine's own.
    """
    client = find_buildx()
    inspected = probe_builder(client, name, {})
    return BuildxBuilder(client, inspected.name, buildkit_capabilities(inspected))


def _run(command: Command, context: BuildContext) -> None:
    stream = BuildStream()

    def take(line: str) -> tuple[str, ...]:
        update = stream.feed(line)
        for progress in update.progress:
            context.progress(progress)
        return update.lines

    completed = run_logged(command, context.log, take)
    if not completed.ok:
        raise build_failure(stream.failure(), context.log, ended=completed.failure)


def _wheelhouses(plan: Plan, staged: StagedContext) -> tuple[str, ...]:
    """Give each layer the wheels that are its own, because other wheels would have it made again."""
    flags = []
    for name, packages in wheelhouse_layers(plan).items():
        directory = ensure_directory(staged.wheelhouse / name)
        for package in packages:
            wheel = staged.wheelhouse / package.file.filename
            if wheel.exists():
                wheel.rename(directory / wheel.name)
        flags.append(f"--build-context={name}={directory}")
    return tuple(flags)


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
    packages = system_sources(plan.base.os if plan.base is not None else None, context.sources, load_mirrors())
    if packages is not None and plan.package_manager is not None:
        write_atomically(staged.secrets / plan.package_manager.sources_file, packages)
        flags.append(_secret(plan.package_manager.secret, staged.secrets / plan.package_manager.sources_file))
    return tuple(flags)


def _secret(name: str, path: Path) -> str:
    # The flag's value is a line of CSV, in which a quote is doubled and a field with commas stands in quotes.
    field = f"src={path}".replace('"', '""')
    return f'--secret=id={name},"{field}"'
