"""Arguments and options of commands with many, and those that several share, as typer reads them."""

from typing import Annotated

import typer

Specs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SPEC]...", help="Recipe with an optional range: `pytorch`, `'pytorch[audio]>=2.9'`."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="An environment, as `envkit ls` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
EnvironmentName = Annotated[str | None, typer.Option("--name", "-n", metavar="NAME", help="Name of the environment.")]
PythonRange = Annotated[
    str | None, typer.Option("--python", metavar="RANGE", help="Python versions that may be used: `3.12`, `>=3.11`.")
]
On = Annotated[
    str | None,
    typer.Option("--on", metavar="VENDOR", help="Use this vendor's devices, or `cpu`; default: the best here."),
]
Devices = Annotated[
    str | None, typer.Option("--devices", metavar="LIST", help="Indices of the devices to use: `0,1`; default: all.")
]
Native = Annotated[bool, typer.Option("--native", help="Build an environment on this machine, without a container.")]
EngineName = Annotated[
    str | None, typer.Option("--engine", metavar="NAME", help="Use this engine: `docker` or `native`.")
]
Packages = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="PACKAGE", help="Install this too, a PEP 508 requirement; may repeat."),
]
Wheelhouses = Annotated[
    list[str] | None,
    typer.Option("--wheelhouse", metavar="DIR", help="Take wheels from this directory too; may repeat."),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="WHAT",
        help="Allow what is never done unasked: `forward-compat` takes a newer runtime's driver library, which the"
        " machine or `--base-image` must bring, over an older kernel driver.",
    ),
]
OnlyIndex = Annotated[
    str | None,
    typer.Option(
        "--only-index",
        metavar="NAME",
        help="Take framework builds from this index alone: `default`, `wheelhouse`, `pytorch-cu126`.",
    ),
]
BaseImage = Annotated[
    str | None,
    typer.Option(
        "--base-image",
        metavar="REF",
        help="Make the container from this image, which must bring Python with `venv`; default: a plain image.",
    ),
]
System = Annotated[
    str | None,
    typer.Option("--os", metavar="ID-VERSION", help="Make the container on this system: `debian-12`."),
]
FlavorName = Annotated[
    str | None,
    typer.Option("--flavor", metavar="NAME", help="`slim`: what runs the framework; `devel`: compilers as well."),
]
Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Take this profile of `envkit.yaml`; default: the first that fits."),
]
ProjectDirectory = Annotated[
    str | None,
    typer.Option("--project", metavar="DIR", help="Take the `envkit.yaml` of this directory."),
]
Locked = Annotated[
    bool, typer.Option("--locked", help="Take what is locked, and fail where that is not what the file asks for.")
]
Frozen = Annotated[bool, typer.Option("--frozen", help="Take what is locked, whatever the project file says by now.")]
Offline = Annotated[bool, typer.Option("--offline", help="Ask no server; use wheelhouses and caches.")]
RecordedHost = Annotated[
    str | None, typer.Option("--host", metavar="FILE", help="Resolve for this recorded host; `-`: standard input.")
]
Target = Annotated[
    str | None,
    typer.Option("--target", metavar="TEXT", help="Resolve for hardware by name: `h100*8,driver=570.124.06`."),
]
Container = Annotated[bool, typer.Option("--container", help="Use a container, or fail.")]
Facts = Annotated[
    list[str] | None,
    typer.Option(
        "--fact",
        metavar="PATH=VALUE",
        help="Replace a fact of `envkit detect --json`: `stacks.nvidia.driver=580.65.06`; may repeat.",
    ),
]
WhyNot = Annotated[
    str | None,
    typer.Option(
        "--why-not",
        metavar="SPEC",
        help="Say why these builds were not chosen: `pytorch==2.9.1`, `pytorch+cu130`.",
    ),
]
CheckIndexes = Annotated[
    bool | None,
    typer.Option(
        "--check-indexes/--no-check-indexes",
        help="Ask the indexes whether they can be reached; default: only for this machine.",
    ),
]
