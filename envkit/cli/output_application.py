"""The commands that make files and images of an environment: `generate` and `build`."""

from typing import Annotated

import typer

from envkit.cli.asked import Asked
from envkit.cli.options import (
    Allow,
    BaseImage,
    Devices,
    EngineName,
    EnvironmentName,
    FlavorName,
    Json,
    Native,
    Offline,
    On,
    OnlyIndex,
    Packages,
    ProjectDirectory,
    PythonRange,
    RecordedHost,
    Specs,
    System,
    Target,
    Wheelhouses,
)
from envkit.generate import output_names

output_application = typer.Typer(rich_markup_mode=None)

_GENERATE_EXAMPLES = f"""\b
Examples:
  envkit generate pytorch --format dockerfile --output image
  envkit generate --format devcontainer
  envkit generate --format bake --profile gpu --profile laptop
  envkit generate vllm --format kubernetes --target h100 --output - | kubectl apply -f -
  envkit generate --format dockerfile --dialect portable --locked
Formats: {", ".join(output_names())}.
"""


@output_application.command("generate", epilog=_GENERATE_EXAMPLES)
def generate_command(
    context: typer.Context,
    specs: Specs = None,
    output_format: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="What is written; see the list below.")
    ] = "dockerfile",
    directory: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="DIR|-", help="Directory of the files, `-`: print; default: this one."),
    ] = None,
    profiles: Annotated[
        list[str] | None,
        typer.Option("--profile", metavar="NAME", help="Take this profile of `envkit.yaml`; may repeat; default: all."),
    ] = None,
    project: ProjectDirectory = None,
    host: RecordedHost = None,
    target: Target = None,
    locked: Annotated[
        bool, typer.Option("--locked", help="Take what is locked, and fail where that is not what the file asks for.")
    ] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Take what is locked, whatever the project file says by now.")
    ] = False,
    dialect: Annotated[
        str, typer.Option("--dialect", metavar="NAME", help="Of a Dockerfile: `buildkit`, or `portable` for others.")
    ] = "buildkit",
    image: Annotated[
        str | None, typer.Option("--image", metavar="REF", help="Where others find the image: `registry/demo:1`.")
    ] = None,
    kind: Annotated[
        str, typer.Option("--kind", metavar="NAME", help="In a cluster: `job`, `pod` or `deployment`.")
    ] = "job",
    force: Annotated[bool, typer.Option("--force", help="Replace files that were not generated.")] = False,
    name: EnvironmentName = None,
    python: PythonRange = None,
    on: On = None,
    devices: Devices = None,
    native: Native = False,
    packages: Packages = None,
    wheelhouses: Wheelhouses = None,
    offline: Offline = False,
    only_index: OnlyIndex = None,
    base_image: BaseImage = None,
    system: System = None,
    flavor: FlavorName = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")] = False,
    as_json: Json = False,
) -> int:
    """Write an environment in the form of another tool; without SPEC, that of `envkit.yaml` and its lock."""
    from envkit.cli.commands.generate import Wanted, generate_files
    from envkit.cli.planned import Placing

    asked = Asked(
        specs=tuple(specs or ()),
        project=project,
        name=name,
        python=python,
        on=on,
        devices=devices,
        native=native,
        packages=tuple(packages or ()),
        wheelhouses=tuple(wheelhouses or ()),
        offline=offline,
        only_index=only_index,
        base_image=base_image,
        os=system,
        flavor=flavor,
    )
    wanted = Wanted(
        format=output_format,
        directory=directory,
        placing=Placing(profiles=tuple(profiles or ()), host=host, target=target, locked=locked, frozen=frozen),
        dialect=dialect,
        image=image,
        kind=kind,
        force=force,
        assume_yes=yes,
        as_json=as_json,
    )
    return generate_files(context.obj.output, asked, wanted)


_BUILD_EXAMPLES = """\b
Examples:
  envkit build pytorch --tag demo:1
  envkit build --locked --profile gpu --tag registry.example.com/demo:{profile} --push
  envkit build 'vllm>=0.19' --target 'h100*8,driver=570.124.06' --output oci=vllm.tar
  envkit build pytorch --on cpu --platform linux/amd64 --platform linux/arm64 --tag ghcr.io/me/demo:1 --push
  envkit build --cache-from type=registry,ref=ghcr.io/me/cache --cache-to type=registry,ref=ghcr.io/me/cache
Standard output has a line for each image: its digest in the registry, its archive, or its tag.
"""


@output_application.command("build", epilog=_BUILD_EXAMPLES)
def build_command(
    context: typer.Context,
    specs: Specs = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", metavar="REF", help="Name of the image; `{profile}` in it; may repeat."),
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="Push it to the registries that the tags name.")] = False,
    destination: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="WHERE",
            help="`engine`: its store, the default; `oci=FILE`, `docker=FILE`: an archive; `none`.",
        ),
    ] = None,
    builder: Annotated[
        str | None,
        typer.Option(
            "--builder", metavar="NAME", help="A builder of buildx, `buildkit-host`, `podman`, `buildah`, `legacy`."
        ),
    ] = None,
    platforms: Annotated[
        list[str] | None,
        typer.Option("--platform", metavar="OS/ARCH", help="Build for this one, `linux/arm64`; may repeat."),
    ] = None,
    cache_from: Annotated[
        list[str] | None, typer.Option("--cache-from", metavar="CACHE", help="Take layers from it, as buildx does.")
    ] = None,
    cache_to: Annotated[
        list[str] | None, typer.Option("--cache-to", metavar="CACHE", help="Put layers into it, as buildx does.")
    ] = None,
    provenance: Annotated[
        bool, typer.Option("--provenance", help="Attach the builder's own provenance, which holds times, as well.")
    ] = False,
    documents: Annotated[
        str | None,
        typer.Option("--documents", metavar="DIR", help="Write bills of materials and provenance into DIR."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--no-cache", help="Build every step anew.")] = False,
    profiles: Annotated[
        list[str] | None,
        typer.Option("--profile", metavar="NAME", help="Take this profile of `envkit.yaml`; may repeat; default: all."),
    ] = None,
    project: ProjectDirectory = None,
    host: RecordedHost = None,
    target: Target = None,
    locked: Annotated[
        bool, typer.Option("--locked", help="Take what is locked, and fail where that is not what the file asks for.")
    ] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Take what is locked, whatever the project file says by now.")
    ] = False,
    engine: EngineName = None,
    name: EnvironmentName = None,
    python: PythonRange = None,
    on: On = None,
    devices: Devices = None,
    packages: Packages = None,
    wheelhouses: Wheelhouses = None,
    offline: Offline = False,
    allow: Allow = None,
    only_index: OnlyIndex = None,
    base_image: BaseImage = None,
    system: System = None,
    flavor: FlavorName = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")] = False,
    as_json: Json = False,
) -> int:
    """Build images into an engine, a registry or an archive, for any machine; without SPEC, those of the project."""
    from envkit.cli.commands.build import Wanted, build_images
    from envkit.cli.planned import Placing

    asked = Asked(
        specs=tuple(specs or ()),
        project=project,
        name=name,
        python=python,
        on=on,
        devices=devices,
        engine=engine,
        packages=tuple(packages or ()),
        wheelhouses=tuple(wheelhouses or ()),
        offline=offline,
        allow=tuple(allow or ()),
        only_index=only_index,
        base_image=base_image,
        os=system,
        flavor=flavor,
    )
    wanted = Wanted(
        placing=Placing(profiles=tuple(profiles or ()), host=host, target=target, locked=locked, frozen=frozen),
        tags=tuple(tags or ()),
        builder=builder,
        push=push,
        output=destination,
        platforms=tuple(platforms or ()),
        cache_from=tuple(cache_from or ()),
        cache_to=tuple(cache_to or ()),
        provenance=provenance,
        documents=documents,
        fresh=fresh,
        assume_yes=yes,
        as_json=as_json,
    )
    return build_images(context.obj.output, asked, wanted)
