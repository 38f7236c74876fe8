"""The commands about the project file and its lock: `init`, `lock`, `lock diff`, `status`."""

from typing import Annotated

import typer

from envkit.cli.asked import Asked
from envkit.cli.options import Json, Offline, ProjectDirectory, Specs, Wheelhouses

project_application = typer.Typer(rich_markup_mode=None)

_INIT_EXAMPLES = """\b
Examples:
  envkit init
  envkit init 'pytorch>=2.9' --dry-run
  envkit init --from requirements.txt
  envkit init --from .devcontainer/devcontainer.json --force
Without --from and SPEC, the file of another tool that lies here is read; without one, the machine alone.
"""


@project_application.command("init", epilog=_INIT_EXAMPLES)
def init_command(
    context: typer.Context,
    specs: Specs = None,
    sources: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="FILE", help="Take over what this file of another tool asks for; may repeat."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an `envkit.yaml` that is there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the file and write nothing.")] = False,
    as_json: Json = False,
) -> int:
    """Write a commented `envkit.yaml` for this directory, from this machine or from another tool's file."""
    from envkit.cli.commands.init import Wanted, write_project

    wanted = Wanted(
        specs=tuple(specs or ()), sources=tuple(sources or ()), force=force, dry_run=dry_run, as_json=as_json
    )
    return write_project(context.obj.output, wanted)


def with_upgrade_value(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the arguments of `lock` with the empty value for a lone `--upgrade`: it stands for every package."""
    if arguments[:1] != ("lock",):
        return arguments
    following = (*arguments[1:], "-")
    alone = tuple(
        word in {"--upgrade", "-U"} and after.startswith("-") for word, after in zip(arguments, following, strict=True)
    )
    return tuple("--upgrade=" if lone else word for word, lone in zip(arguments, alone, strict=True))


lock_application = typer.Typer(name="lock", invoke_without_command=True, rich_markup_mode=None, no_args_is_help=False)
project_application.add_typer(lock_application)

_LOCK_EXAMPLES = """\b
Examples:
  envkit lock
  envkit lock --profile gpu --profile laptop
  envkit lock --upgrade
  envkit lock --upgrade transformers
  envkit lock --check
  envkit lock diff
"""


@lock_application.callback(epilog=_LOCK_EXAMPLES)
def lock_command(
    context: typer.Context,
    profiles: Annotated[
        list[str] | None, typer.Option("--profile", metavar="NAME", help="Lock this profile alone; may repeat.")
    ] = None,
    upgrade: Annotated[
        list[str] | None,
        typer.Option("--upgrade", "-U", metavar="[PACKAGE]", help="Let this package move, or all of them; may repeat."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", "--locked", help="Write nothing; exit status 7 when the lock is out of date.")
    ] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Check the lock's own files, whatever the project file says.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change and write nothing.")] = False,
    system_packages: Annotated[
        bool, typer.Option("--system-packages/--no-system-packages", help="Lock the distribution's packages as well.")
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")] = False,
    wheelhouses: Wheelhouses = None,
    offline: Offline = False,
    project: ProjectDirectory = None,
    as_json: Json = False,
) -> int:
    """Lock all profiles of `envkit.yaml`: packages with hashes, base image, system packages, and where they hold."""
    from envkit.cli.commands.lock import LockOptions, run_lock

    if context.invoked_subcommand is not None:
        return 0
    options = LockOptions(
        profiles=tuple(profiles or ()),
        upgrade=tuple(upgrade or ()),
        check=check,
        frozen=frozen,
        dry_run=dry_run,
        system_packages=system_packages,
        assume_yes=yes,
        as_json=as_json,
    )
    asked = Asked(wheelhouses=tuple(wheelhouses or ()), offline=offline, project=project)
    return run_lock(context.obj.output, asked, options)


_DIFF_EXAMPLES = """\b
Examples:
  envkit lock diff
  envkit lock diff main
  envkit lock diff old/envkit.lock new/envkit.lock
"""


@lock_application.command("diff", epilog=_DIFF_EXAMPLES)
def lock_diff_command(
    context: typer.Context,
    before: Annotated[
        str | None, typer.Argument(metavar="[OLD]", help="A lock, or a revision of git; default: the last commit.")
    ] = None,
    after: Annotated[
        str | None, typer.Argument(metavar="[NEW]", help="A lock, or a revision of git; default: the one that stands.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Show what differs between two locks: packages, base image, system packages, builds."""
    from envkit.cli.commands.lock import show_difference

    return show_difference(context.obj.output, before, after, as_json=as_json)


@project_application.command(
    "status", epilog="\b\nExamples:\n  envkit status\n  envkit status --json\n  envkit status --exit-code\n"
)
def status_command(
    context: typer.Context,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with status 10 when something drifted.")] = False,
    project: ProjectDirectory = None,
    as_json: Json = False,
) -> int:
    """Say what drifted since the project was locked, and whether it matters."""
    from envkit.cli.commands.status import show_status

    return show_status(context.obj.output, Asked(project=project), as_json=as_json, exit_code=exit_code)
