"""The project file, `envkit.yaml`."""

import msgspec

from envkit.model.request import Flavor
from envkit.model.value import Value


class SourcesTable(Value):
    """The `sources` table; whoever reads the file has made its paths absolute."""

    index: str | None = None  # replaces the main index
    indexes: dict[str, str] = msgspec.field(default_factory=dict)  # mirrors of the matrix's indexes, by index name
    mirrors: dict[str, str] = msgspec.field(default_factory=dict)  # by what they stand for: docker.io, deb.debian.org …
    wheelhouse: str | tuple[str, ...] = ()  # directories of wheels
    ca_certificate: str | None = None  # path of a PEM bundle


class BaseTable(Value):
    """The `base` table: what images are built on."""

    os: str | None = None  # debian-12
    flavor: Flavor = "slim"
    image: str | None = None  # instead of one of the compatibility data


class ProfileTable(Value):
    """One of `profiles`: the hardware that the project is locked for; what it leaves out is as in the project."""

    target: str | None = None  # `a100*4, driver>=535`
    host: str | None = None  # path of a recorded host
    on: str | None = None
    devices: tuple[int, ...] | None = None
    engine: str | None = None  # docker | podman | native
    python: str | None = None
    recipes: tuple[str, ...] | None = None  # instead of the project's
    packages: tuple[str, ...] = ()  # beside the project's
    base: BaseTable | None = None


class RunTable(Value):
    """The `run` table: how the environment is used."""

    ports: tuple[int, ...] = ()
    mounts: tuple[str, ...] = ()  # SOURCE:/TARGET[:ro], relative to the project file
    env: dict[str, str] = {}
    shm: str | None = None  # 8g
    command: str | tuple[str, ...] = ()  # a text is split as a shell would, but no shell runs it


class Project(Value, tag_field="format", tag="envkit/1"):
    """What a repository asks for; what is typed on the command line goes before it."""

    name: str | None = None
    recipes: tuple[str, ...] = ()  # SPECs, as on the command line
    packages: tuple[str, ...] = ()  # further PEP 508 requirements
    requirements: str | None = None  # path of requirements.txt, pyproject.toml or pylock.toml with further ones
    system_packages: tuple[str, ...] = ()  # of the base image's distribution
    python: str | None = None  # range of Python versions
    base: BaseTable = BaseTable()
    profiles: dict[str, ProfileTable] = {}
    run: RunTable = RunTable()
    sources: SourcesTable = SourcesTable()
