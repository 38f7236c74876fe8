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
  envkit matrix refresh --source nvidia-drivers --source pytorch-matrix --dry-run
Sources, which are only read when they are named: nvidia-drivers, nvidia-images, pytorch-matrix.
Exit status: 0 done, 10 changes with `--check`, 8 bad data, 9 no network.
"""


@matrix_application.callback()
def matrix_group() -> None:
    """Hold the commands of `envkit matrix`; its help text is the application's."""


_CHECK_EXAMPLES = """\b
Examples:
  envkit matrix check
  envkit matrix check recipes/pytorch.yaml
  envkit matrix check ~/.config/envkit/overlay --json
Exit status: 0 no fault, 8 faults.
"""
_SHOW_EXAMPLES = """\b
Examples:
  envkit matrix show
  envkit matrix show pytorch
  envkit matrix show pytorch/2.9.1 --json
  envkit matrix show nvidia
"""
_DIFF_EXAMPLES = """\b
Examples:
  envkit matrix diff HEAD~1
  envkit matrix diff v0.1 ./checkout
  envkit matrix diff /srv/envkit-data --json
"""


@matrix_application.command("check", epilog=_CHECK_EXAMPLES)
def matrix_check_command(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Data files or directories; default: all in use, overlay included."),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Rewrite files of which only the spelling is wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON on standard output.")] = False,
) -> int:
    """Check the compatibility data and list every fault with file, line and path."""
    from envkit.cli.commands.matrix_check import check_matrix

    return check_matrix(context.obj.output, tuple(paths or ()), fix=fix, as_json=as_json)


@matrix_application.command("show", epilog=_SHOW_EXAMPLES)
def matrix_show_command(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[RECIPE|VENDOR[/RELEASE]]", help="What to show; default: all recipes and vendors."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON on standard output.")] = False,
) -> int:
    """Show what the matrix knows: releases, variants, processors, runtimes, driver floors, Pythons, origin of rows."""
    from envkit.cli.commands.matrix_show import show_matrix

    return show_matrix(context.obj.output, name, as_json=as_json)


@matrix_application.command("diff", epilog=_DIFF_EXAMPLES)
def matrix_diff_command(
    context: typer.Context,
    old: Annotated[
        str, typer.Argument(metavar="REVISION|PATH", help="A revision of the checkout, or a directory with data.")
    ],
    new: Annotated[
        str | None, typer.Argument(metavar="[REVISION|PATH]", help="What to compare it with; default: the data in use.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the changes as JSON on standard output.")] = False,
) -> int:
    """Say in sentences what differs between two states of the compatibility data."""
    from envkit.cli.commands.matrix_diff import diff_matrix

    return diff_matrix(context.obj.output, old, new, as_json=as_json)


@matrix_application.command(
    "schema", epilog="\b\nExamples:\n  envkit matrix schema\n  envkit matrix schema recipe > recipe.json\n"
)
def matrix_schema_command(
    context: typer.Context,
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="`recipe`, `vendor`, `envkit-host-1`; default: list them.")
    ] = None,
) -> int:
    """Print the JSON Schema of a data file or of a format that commands read and print."""
    from envkit.cli.commands.matrix_schema import show_schema

    return show_schema(context.obj.output, kind)


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
    source: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="NAME", help="Read this page and not the index; can be repeated, see below."),
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
    if source:
        from envkit.cli.commands.matrix_sources import refresh_sources

        return refresh_sources(context.obj.output, tuple(source), wanted)
    return refresh_matrix(context.obj.output, wanted)
