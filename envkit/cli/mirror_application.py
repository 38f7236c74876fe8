"""The commands about mirrors, `envkit mirror`, built with typer."""

from typing import Annotated

import typer

from envkit.cli.options import Json

mirror_application = typer.Typer(
    name="mirror",
    help="Use mirrors, a proxy and a certificate bundle in every project.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

_USE_EXAMPLES = """\b
Examples:
  envkit mirror use tuna
  envkit mirror use docker.io=registry.example.com/hub pypi.org=https://pypi.example.com/simple
  envkit mirror use --proxy http://proxy.example.com:3128 --ca /etc/ssl/company.pem
  envkit mirror use docker.io=          no mirror of this place any more
  envkit mirror use none                no mirrors at all
"""
_TEST_EXAMPLES = """\b
Examples:
  envkit mirror test
  envkit mirror test tuna ustc
  envkit mirror test pypi.org
Exit status: 0 all work, 9 one does not.
"""


@mirror_application.callback()
def mirror_group() -> None:
    """Hold the commands of `envkit mirror`; its help text is the application's."""


@mirror_application.command("use", epilog=_USE_EXAMPLES)
def mirror_use_command(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PRESET|PLACE=ADDRESS]...", help="A preset, one place's mirror, or `none`."),
    ] = None,
    certificate: Annotated[
        str | None, typer.Option("--ca", metavar="FILE", help="PEM bundle that all connections trust; empty: none.")
    ] = None,
    proxy: Annotated[
        str | None, typer.Option("--proxy", metavar="URL", help="Proxy for http and https; empty: none.")
    ] = None,
    no_proxy: Annotated[
        str | None, typer.Option("--no-proxy", metavar="HOSTS", help="Hosts that are reached directly: `.example.com`.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the settings instead of writing them.")] = False,
    as_json: Json = False,
) -> int:
    """Write mirrors, a proxy or a certificate bundle into the user's settings."""
    from envkit.cli.commands.mirror import Use, use_mirrors

    use = Use(
        words=tuple(words or ()),
        certificate=certificate,
        proxy=proxy,
        no_proxy=no_proxy,
        dry_run=dry_run,
        as_json=as_json,
    )
    return use_mirrors(context.obj.output, use)


@mirror_application.command("test", epilog=_TEST_EXAMPLES)
def mirror_test_command(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[PRESET|PLACE]...", help="What to ask; default: what is set.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Ask mirrors for a page that they have to have, and say how fast they are."""
    from envkit.cli.commands.mirror import test_mirrors

    return test_mirrors(context.obj.output, tuple(words or ()), as_json=as_json)


@mirror_application.command("list")
def mirror_list_command(context: typer.Context, as_json: Json = False) -> int:
    """Show the mirrors that hold here, where each was set, and the presets."""
    from envkit.cli.commands.mirror import list_mirrors

    return list_mirrors(context.obj.output, as_json=as_json)
