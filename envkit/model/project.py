"""The project file, `envkit.yaml`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from envkit.model.request import Flavor
from envkit.model.value import Value

# What editors show and complete; whether a value is right is checked by `envkit.project.checks`, which says more.
_Spec = Annotated[
    str,
    Meta(
        description="A recipe with an optional range, as on the command line.",
        examples=["pytorch", "pytorch>=2.9,<3", "pytorch[audio]==2.9.*"],
    ),
]
_Requirement = Annotated[
    str, Meta(description="A Python package as PEP 508 writes it.", examples=["transformers", "numpy>=2"])
]
_Python = Annotated[
    str | None,
    Meta(description="Versions of Python that may be used.", examples=["3.12", ">=3.11", ">=3.11,<3.14"]),
]
_Vendor = Annotated[
    str | None, Meta(description="A vendor, or `cpu` for none.", examples=["nvidia", "amd", "ascend", "intel", "cpu"])
]


class SourcesTable(Value):
    """The `sources` table; whoever reads the file has made its paths absolute."""

    index: str | None = None  # replaces the main index
    indexes: dict[str, str] = msgspec.field(default_factory=dict)  # mirrors of the matrix's indexes, by index name
    mirrors: dict[str, str] = msgspec.field(default_factory=dict)  # by what they stand for: docker.io, deb.debian.org …
    wheelhouse: str | tuple[str, ...] = ()  # directories of wheels
    ca_certificate: str | None = None  # path of a PEM bundle
    proxies: dict[str, str] = msgspec.field(default_factory=dict)  # http, https, no: as curl reads the variables


class SourcesSettings(SourcesTable, tag_field="format", tag="envkit-sources/1"):
    """`sources.yaml` of a user or machine, which `envkit mirror use` writes: what holds in every project."""


class BaseTable(Value):
    """The `base` table: what images are built on."""

    os: Annotated[str | None, Meta(description="The system of the image.", examples=["debian-12", "ubuntu-24.04"])] = (
        None
    )
    flavor: Annotated[
        Flavor,
        Meta(description="`slim`: what runs the framework; `devel`: compilers and the vendor's toolkit as well."),
    ] = "slim"
    image: Annotated[
        str | None,
        Meta(
            description="An image that brings Python with `venv`, instead of one that the compatibility data name.",
            examples=["python:3.12-slim-bookworm"],
        ),
    ] = None


class ProfileTable(Value):
    """One of `profiles`: the hardware that the project is locked for; what it leaves out is as in the project."""

    target: Annotated[
        str | None,
        Meta(
            description="Hardware by name: devices, and where it matters `driver`, `os`, `arch` and `python`.",
            examples=["a100*4, driver>=535", "mi300x*8", "rtx 5090", "cpu"],
        ),
    ] = None
    host: Annotated[
        str | None,
        Meta(description="Path of a recorded host, of `envkit detect --json`.", examples=["hosts/cluster.json"]),
    ] = None
    on: _Vendor = None
    devices: Annotated[tuple[int, ...] | None, Meta(description="Indices of the devices to use; none: all.")] = None
    engine: Annotated[
        str | None, Meta(description="What makes the environment.", examples=["docker", "podman", "native"])
    ] = None
    python: _Python = None
    recipes: Annotated[tuple[_Spec, ...] | None, Meta(description="Instead of the project's.")] = None
    packages: Annotated[tuple[_Requirement, ...], Meta(description="Beside the project's.")] = ()
    base: BaseTable | None = None


class RunTable(Value):
    """The `run` table: how the environment is used."""

    ports: Annotated[
        tuple[Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": 65535})], ...],
        Meta(description="Ports of the container, reached on this machine's own address alone.", examples=[[8888]]),
    ] = ()
    mounts: Annotated[
        tuple[Annotated[str, Meta(extra_json_schema={"pattern": "^[^:]+:/[^:]*(:ro)?$"})], ...],
        Meta(
            description="`SOURCE:/TARGET` or `SOURCE:/TARGET:ro`, with sources relative to this file.",
            examples=[[".:/workspace", "data:/data:ro"]],
        ),
    ] = ()
    env: Annotated[
        dict[Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"})], str],
        Meta(
            description="Variables; no secrets: they are written into generated files.", examples=[{"HF_HOME": "/hf"}]
        ),
    ] = {}
    shm: Annotated[
        str | None,
        Meta(
            description="Memory that processes share, `/dev/shm`.",
            examples=["8g"],
            extra_json_schema={"pattern": "^[1-9][0-9]*[bkmgBKMG]?$"},
        ),
    ] = None
    command: Annotated[
        str | tuple[str, ...],
        Meta(
            description="What runs; a text is split as a shell would, but no shell runs it.",
            examples=["jupyter lab --ip 0.0.0.0", ["python", "train.py"]],
        ),
    ] = ()


class Project(Value, tag_field="format", tag="envkit/1"):
    """What a repository asks for; what is typed on the command line goes before it."""

    name: Annotated[
        str | None,
        Meta(
            description="Name of the environment; default: the recipes'.",
            extra_json_schema={"pattern": "^[a-z0-9][a-z0-9._-]{0,62}$"},
        ),
    ] = None
    recipes: Annotated[tuple[_Spec, ...], Meta(description="Frameworks; builds are chosen for the hardware.")] = ()
    packages: Annotated[tuple[_Requirement, ...], Meta(description="Further Python packages.")] = ()
    requirements: Annotated[
        str | None,
        Meta(description="A file with further ones.", examples=["requirements.txt", "pyproject.toml", "pylock.toml"]),
    ] = None
    system_packages: Annotated[
        tuple[str, ...],
        Meta(
            description="Packages of the image's distribution, `name` or `name=version`.", examples=[["git", "ffmpeg"]]
        ),
    ] = ()
    python: _Python = None
    base: BaseTable = BaseTable()
    profiles: Annotated[
        dict[Annotated[str, Meta(extra_json_schema={"pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"})], ProfileTable],
        Meta(
            description="Hardware that the project is for; without `--profile` the first that fits a machine is taken.",
            examples=[{"gpu": {"target": "a100, driver>=535"}, "laptop": {"on": "cpu"}}],
        ),
    ] = {}
    run: RunTable = RunTable()
    sources: SourcesTable = SourcesTable()
