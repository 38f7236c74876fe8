"""The full command line, built with typer."""

from typing import Annotated, NamedTuple

import typer

from envkit import __version__
from envkit.cli.asked import Asked
from envkit.cli.bundle_application import bundle_application
from envkit.cli.host_application import cdi_application, host_application
from envkit.cli.matrix_application import matrix_application
from envkit.cli.mirror_application import mirror_application
from envkit.cli.narrowed import narrowed
from envkit.cli.options import (
    Allow,
    BaseImage,
    CheckIndexes,
    Container,
    Devices,
    EngineName,
    EnvironmentName,
    Facts,
    FlavorName,
    Frozen,
    Json,
    Locked,
    Name,
    Native,
    Offline,
    On,
    OnlyIndex,
    Packages,
    Profile,
    ProjectDirectory,
    PythonRange,
    RecordedHost,
    Specs,
    System,
    Target,
    Wheelhouses,
    WhyNot,
)
from envkit.cli.output import Output
from envkit.cli.output_application import output_application
from envkit.cli.project_application import project_application, with_upgrade_value
from envkit.errors import ExitStatus, UsageError

app = typer.Typer(
    name="envkit",
    help="Detects the hardware, resolves a framework for it, builds and starts an environment, and proves it.",
    epilog="Every command takes `-v` (say more), `-q` (say less) and `--debug` (show tracebacks).",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
)


app.add_typer(host_application)
app.add_typer(cdi_application)
app.add_typer(matrix_application)
app.add_typer(mirror_application)
app.add_typer(bundle_application)
app.add_typer(output_application)
app.add_typer(project_application)


class Invocation(NamedTuple):
    """What the commands get beside their own options."""

    output: Output
    command: tuple[str, ...]  # what stands after `--` of `up`


def split_command(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Separate the command after `--` from the arguments of `up`; other commands keep theirs."""
    if arguments[:1] != ("up",) or "--" not in arguments:
        return arguments, ()
    end = arguments.index("--")
    return arguments[:end], arguments[end + 1 :]


def run_application(arguments: tuple[str, ...], output: Output) -> int:
    """Parse and run one command; raises `UsageError` when the arguments make no sense."""
    groups = {
        group.name or (group.typer_instance and group.typer_instance.info.name) for group in app.registered_groups
    }
    if not arguments or (len(arguments) == 1 and arguments[0] in groups):
        run_application((*arguments, "--help"), output)
        return int(ExitStatus.USAGE)
    if arguments[0] == "help":
        arguments = (*arguments[1:], "--help")
    given, command = split_command(with_upgrade_value(arguments))
    try:
        parser = narrowed(app, given[0])
        status = parser(args=list(given), prog_name="envkit", standalone_mode=False, obj=Invocation(output, command))
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except typer.Exit as error:
        return error.exit_code
    except SystemExit as error:
        # The parser ends the process by itself when, and only when, the reader of the output has gone.
        raise BrokenPipeError from error
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = "envkit" if context is None else context.command_path
        raise UsageError(error.format_message().rstrip("."), hints=(f"{path} --help",)) from error
    return status if isinstance(status, int) else 0


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"envkit {__version__}")
        raise typer.Exit


@app.callback()
def envkit(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=lambda value: _show_version(wanted=value)
        ),
    ] = False,
) -> None:
    """Hold the options of `envkit` itself; its help text is the application's."""


_UP_EXAMPLES = """\b
Examples:
  envkit up pytorch
  envkit up 'pytorch>=2.9' --name train --with transformers
  envkit up jax --native --python 3.12
  envkit up pytorch --wheelhouse ./wheels --offline
  envkit up pytorch -- python train.py
  envkit up --profile gpu
"""


@app.command("up", epilog=_UP_EXAMPLES)
def up_command(
    context: typer.Context,
    specs: Specs = None,
    name: EnvironmentName = None,
    python: PythonRange = None,
    on: On = None,
    devices: Devices = None,
    native: Native = False,
    container: Container = False,
    engine: EngineName = None,
    packages: Packages = None,
    mounts: Annotated[
        list[str] | None, typer.Option("--mount", metavar="SOURCE:TARGET[:ro]", help="Let a container see a directory.")
    ] = None,
    wheelhouses: Wheelhouses = None,
    offline: Offline = False,
    allow: Allow = None,
    only_index: OnlyIndex = None,
    base_image: BaseImage = None,
    system: System = None,
    flavor: FlavorName = None,
    profile: Profile = None,
    project: ProjectDirectory = None,
    locked: Locked = False,
    frozen: Frozen = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")] = False,
    as_json: Json = False,
) -> int:
    """Detect, resolve, build, start and prove an environment; without SPEC, the one of `envkit.yaml`."""
    from envkit.cli.commands.up import bring_up

    asked = Asked(
        specs=tuple(specs or ()),
        name=name,
        python=python,
        on=on,
        devices=devices,
        native=native,
        container=container,
        engine=engine,
        packages=tuple(packages or ()),
        mounts=tuple(mounts or ()),
        wheelhouses=tuple(wheelhouses or ()),
        offline=offline,
        allow=tuple(allow or ()),
        only_index=only_index,
        base_image=base_image,
        os=system,
        flavor=flavor,
        profile=profile,
        project=project,
        locked=locked,
        frozen=frozen,
    )
    return bring_up(context.obj.output, asked, as_json=as_json, assume_yes=yes, command=context.obj.command)


_RESOLVE_EXAMPLES = """\b
Examples:
  envkit resolve pytorch
  envkit resolve 'pytorch>=2.9' --target 'rtx 5090,driver=570.124.06,os=ubuntu-24.04'
  envkit detect --json > host.json; envkit resolve pytorch --host host.json --json
  envkit resolve pytorch --fact stacks.nvidia.driver=580.65.06 --why-not 'pytorch==2.9.1'
"""


@app.command("resolve", epilog=_RESOLVE_EXAMPLES)
def resolve_command(
    context: typer.Context,
    specs: Specs = None,
    host: RecordedHost = None,
    target: Target = None,
    python: PythonRange = None,
    on: On = None,
    devices: Devices = None,
    native: Native = False,
    container: Container = False,
    engine: EngineName = None,
    packages: Packages = None,
    wheelhouses: Wheelhouses = None,
    offline: Offline = False,
    allow: Allow = None,
    only_index: OnlyIndex = None,
    base_image: BaseImage = None,
    system: System = None,
    flavor: FlavorName = None,
    profile: Profile = None,
    project: ProjectDirectory = None,
    facts: Facts = None,
    why_not: WhyNot = None,
    check_indexes: CheckIndexes = None,
    as_json: Json = False,
) -> int:
    """Say what would be installed and why, or what makes it impossible and what would help."""
    from envkit.cli.commands.resolve import Elsewhere, show_resolution

    asked = Asked(
        specs=tuple(specs or ()),
        python=python,
        on=on,
        devices=devices,
        native=native,
        container=container,
        engine=engine,
        packages=tuple(packages or ()),
        wheelhouses=tuple(wheelhouses or ()),
        offline=offline,
        allow=tuple(allow or ()),
        only_index=only_index,
        base_image=base_image,
        os=system,
        flavor=flavor,
        profile=profile,
        project=project,
        facts=tuple(facts or ()),
        why_not=why_not,
    )
    return show_resolution(
        context.obj.output, asked, Elsewhere(host=host, target=target), as_json=as_json, check_indexes=check_indexes
    )


@app.command(
    "detect",
    epilog="\b\nExamples:\n  envkit detect\n  envkit detect --json\n  envkit detect --record host.json\n"
    "  envkit detect --replay host.json\n",
)
def detect_command(
    context: typer.Context,
    as_json: Json = False,
    record: Annotated[
        str | None,
        typer.Option(
            "--record", metavar="FILE", help="Write the facts and all that was read for them to FILE, without names."
        ),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option("--replay", metavar="PATH", help="Detect the machine of a recording, or of a recorded folder."),
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="FILE", help="Show the facts of a file instead of this machine's.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask the vendors' tools anew instead of taking their last answers.")
    ] = False,
) -> int:
    """Show what this machine has: accelerators, drivers, engines, Pythons, and what is wrong with them."""
    from envkit.cli.commands.detect import Wanted, show_host

    wanted = Wanted(as_json=as_json, record=record, replay=replay, host=host, fresh=fresh)
    return show_host(context.obj.output, wanted)


_DOCTOR_EXAMPLES = """\b
Examples:
  envkit doctor
  envkit doctor -v
  envkit doctor --json
  envkit detect --json > host.json; envkit doctor --host host.json
Exit status: 0 healthy (there may be notes), 10 warnings, 4 something is broken.
"""


@app.command("doctor", epilog=_DOCTOR_EXAMPLES)
def doctor_command(
    context: typer.Context,
    as_json: Json = False,
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="FILE", help="Diagnose the facts of a file; what they do not tell is unknown."),
    ] = None,
) -> int:
    """Check this machine: accelerators, engines, disk, memory, network settings; what is wrong, why, what mends it."""
    from envkit.cli.commands.doctor import show_diagnosis

    return show_diagnosis(context.obj.output, as_json=as_json, host=host)


@app.command("ls")
def ls_command(context: typer.Context, as_json: Json = False) -> int:
    """List environments."""
    from envkit.cli.commands.environments import list_environments

    return list_environments(context.obj.output, as_json=as_json)


@app.command(
    "exec",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="\b\nExample:\n  envkit exec pytorch -- python -c 'import torch; print(torch.__version__)'\n",
)
def exec_command(
    context: typer.Context,
    name: Name,
    argv: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND...", help="The command and its arguments.")
    ] = None,
) -> int:
    """Run a command in an environment."""
    from envkit.cli.commands.environments import execute_in

    command = tuple(argv or ())
    return execute_in(context.obj.output, name, command[1:] if command[:1] == ("--",) else command)


@app.command("shell")
def shell_command(context: typer.Context, name: Name) -> int:
    """Open a shell in an environment."""
    from envkit.cli.commands.environments import open_shell

    return open_shell(context.obj.output, name)


@app.command("down")
def down_command(context: typer.Context, name: Name, as_json: Json = False) -> int:
    """Stop an environment; `up` or `exec` start it again."""
    from envkit.cli.commands.environments import stop_environment

    return stop_environment(context.obj.output, name, as_json=as_json)


@app.command("rm")
def rm_command(
    context: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> int:
    """Remove an environment for good."""
    from envkit.cli.commands.environments import remove_environment

    return remove_environment(context.obj.output, name, confirmed=yes, as_json=as_json)


@app.command("verify")
def verify_command(context: typer.Context, name: Name, as_json: Json = False) -> int:
    """Prove an environment again: its computation on the device, and its packages against the lock."""
    from envkit.cli.commands.verify import verify_again

    return verify_again(context.obj.output, name, as_json=as_json)


@app.command("explain", epilog="\b\nExamples:\n  envkit explain EK0301\n  envkit explain driver-missing\n")
def explain_command(
    context: typer.Context,
    code: Annotated[
        str, typer.Argument(metavar="ID", help="The code of an error, EK0301, or the id of a finding, driver-missing.")
    ],
    as_json: Json = False,
) -> int:
    """Show the page of an error or a finding: what happened, why, what to do."""
    from envkit.cli.commands.explain import explain_code

    return explain_code(context.obj.output, code, as_json=as_json)
