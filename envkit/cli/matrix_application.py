"""The commands about the compatibility data, `envkit matrix`, built with typer."""

from typing import Annotated

import typer

matrix_application = typer.Typer(
    name="matrix", help="Look after the compatibility data.", rich_markup_mode=None, no_args_is_help=True
)

_REFRESH_EXAMPLES = """\b
Examples:
  envkit matrix refresh
  envkit matrix refresh pytorch jax --dry-run
  envkit matrix refresh --check --json
  envkit matrix refresh pytorch --index https://mirror.example.com/simple
Exit status: 0 done, 10 changes with `--check`, 8 bad data, 9 no network.
"""


@matrix_application.callback()
def matrix_group() -> None:
    """Hold the commands of `envkit matrix`; its help text is the application's."""


@matrix_application.command("refresh", epilog=_REFRESH_EXAMPLES)
def matrix_refresh_command(
    context: typer.Context,
    frameworks: Annotated[
        list[str] | None, typer.Argument(metavar="[FRAMEWORK]...", help="Recipes by name; default: all.")
    ] = None,
    index: Annotated[
        str | None,
        typer.Option("--index", metavar="URL", help="Read this index; default: the one that pip and uv are set to."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is new and write nothing.")] = False,
    check: Annotated[
        bool, typer.Option("--check", "--exit-code", help="Write nothing, and end with 10 when something is new.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no server; take what was read before.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")] = False,
) -> int:
    """Derive the rows of recipes from a package index: say what is new there, and write it into the recipes."""
    from envkit.cli.commands.matrix import Wanted, refresh_matrix

    wanted = Wanted(
        frameworks=tuple(frameworks or ()),
        index=index,
        write=not (dry_run or check),
        check=check,
        offline=offline,
        as_json=as_json,
    )
    return refresh_matrix(context.obj.output, wanted)
