"""The commands for machines without a network, `envkit bundle`, built with typer."""

from typing import Annotated

import typer

from envkit.cli.asked import Asked
from envkit.cli.options import EngineName, Json, Offline, ProjectDirectory, Wheelhouses

bundle_application = typer.Typer(
    name="bundle",
    help="Bring a locked project, with its wheels and images, to machines without a network.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

_File = Annotated[str, typer.Argument(metavar="FILE", help="A bundle.")]

_CREATE_EXAMPLES = """\b
Examples:
  envkit bundle create
  envkit bundle create --profile gpu --output /media/stick
  envkit bundle create --image none
"""
_LOAD_EXAMPLES = """\b
Examples:
  envkit bundle load demo.envkit
  envkit bundle load demo.envkit --check
  envkit bundle load demo.envkit --into /srv/demo --no-image
"""


@bundle_application.callback()
def bundle_group() -> None:
    """Hold the commands of `envkit bundle`; its help text is the application's."""


@bundle_application.command("create", epilog=_CREATE_EXAMPLES)
def bundle_create_command(
    context: typer.Context,
    profiles: Annotated[
        list[str] | None,
        typer.Option("--profile", metavar="NAME", help="Take this profile of `envkit.yaml`; may repeat; default: all."),
    ] = None,
    path: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="The bundle; default: NAME.envkit, here.")
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--image",
            metavar="WHICH",
            help="`built`: with the images of container profiles; `none`; default: built, where this machine can.",
        ),
    ] = None,
    builder: Annotated[
        str | None,
        typer.Option("--builder", metavar="NAME", help="Build images with this one, as `envkit build` does."),
    ] = None,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Take what is locked, whatever the project file says by now.")
    ] = False,
    engine: EngineName = None,
    wheelhouses: Wheelhouses = None,
    offline: Offline = False,
    project: ProjectDirectory = None,
    as_json: Json = False,
) -> int:
    """Write everything that the lock needs into one file: wheels, images, recipes, bills of materials, checksums."""
    from envkit.cli.commands.bundle_create import Creation, create_bundle

    creation = Creation(
        profiles=tuple(profiles or ()),
        path=path,
        image=image,
        builder=builder,
        engine=engine,
        frozen=frozen,
        as_json=as_json,
    )
    asked = Asked(wheelhouses=tuple(wheelhouses or ()), offline=offline, project=project)
    return create_bundle(context.obj.output, asked, creation)


@bundle_application.command("load", epilog=_LOAD_EXAMPLES)
def bundle_load_command(
    context: typer.Context,
    file: _File,
    directory: Annotated[
        str | None, typer.Option("--into", metavar="DIR", help="The project's directory; default: its name, here.")
    ] = None,
    engine: EngineName = None,
    no_image: Annotated[bool, typer.Option("--no-image", help="Take no image into an engine.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Compare every file with its hash, and take nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are others than those here.")] = False,
    as_json: Json = False,
) -> int:
    """Verify a bundle, then take project, wheels and images from it; the last line is the command that goes on."""
    from envkit.cli.commands.bundle_load import Loading, load_bundle

    loading = Loading(
        directory=directory, engine=engine, images=not no_image, check=check, force=force, as_json=as_json
    )
    return load_bundle(context.obj.output, file, loading)


@bundle_application.command("show", epilog="\b\nExamples:\n  envkit bundle show demo.envkit\n")
def bundle_show_command(context: typer.Context, file: _File, as_json: Json = False) -> int:
    """List what is in a bundle, without verifying it."""
    from envkit.cli.commands.bundle_load import show_bundle

    return show_bundle(context.obj.output, file, as_json=as_json)
