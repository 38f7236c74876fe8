"""The commands about a host itself, `envkit host` and `envkit cdi`, built with typer."""

from typing import Annotated

import typer

host_application = typer.Typer(
    name="host", help="Set up this machine for its accelerators.", rich_markup_mode=None, no_args_is_help=True
)
cdi_application = typer.Typer(
    name="cdi", help="Describe devices for container engines.", rich_markup_mode=None, no_args_is_help=True
)
HostFile = Annotated[
    str | None,
    typer.Option("--host", metavar="FILE", help="Take a recorded host instead of this machine; `-`: standard input."),
]
VendorName = Annotated[
    str | None, typer.Option("--vendor", metavar="VENDOR", help="Look at this vendor's devices only.")
]
OutputFile = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of standard output.")
]

_SETUP_EXAMPLES = """\b
Examples:
  envkit host setup
  envkit host setup --host host.json -o setup.sh
  envkit host setup --with engine-install
  envkit host setup --apply
"""


@host_application.callback()
def host_group() -> None:
    """Hold the commands of `envkit host`; its help text is the application's."""


@cdi_application.callback()
def cdi_group() -> None:
    """Hold the commands of `envkit cdi`; its help text is the application's."""


@host_application.command("setup", epilog=_SETUP_EXAMPLES)
def host_setup_command(
    context: typer.Context,
    host: HostFile = None,
    vendor: VendorName = None,
    extra: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="REMEDY", help="Do this as well, a remedy by its id: `engine-install`; may repeat."
        ),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Run it on this machine, and ask before each step.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer every question of `--apply` with yes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON on standard output.")] = False,
    file: OutputFile = None,
) -> int:
    """Print the script that installs what is missing: driver, container toolkit, CDI specification, groups."""
    from envkit.cli.commands.host import Wanted, set_up_host

    wanted = Wanted(
        host=host,
        vendor=vendor,
        extra=tuple(extra or ()),
        apply=apply,
        assume_yes=yes,
        as_json=as_json,
        file=file,
    )
    return set_up_host(context.obj.output, wanted)


@cdi_application.command(
    "generate",
    epilog="\b\nExamples:\n  envkit cdi generate\n  envkit cdi generate --vendor amd -o /etc/cdi/amd.json\n",
)
def cdi_generate_command(
    context: typer.Context,
    vendor: VendorName = None,
    host: HostFile = None,
    file: OutputFile = None,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT", help="`json` (the default) or `yaml`; engines read both."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as `--format json`.")] = False,
) -> int:
    """Write a CDI specification of a vendor's devices: one name for each index, and `all`."""
    from envkit.cli.commands.cdi import generate_specification

    return generate_specification(
        context.obj.output, vendor=vendor, host=host, file=file, form="json" if as_json else form
    )
