"""The project file, `envkit.yaml`."""

import msgspec

from envkit.model.value import Value


class SourcesTable(Value):
    """The `sources` table; whoever reads the file has made its paths absolute."""

    index: str | None = None  # replaces the main index
    indexes: dict[str, str] = msgspec.field(default_factory=dict)  # mirrors of the matrix's indexes, by index name
    wheelhouse: str | tuple[str, ...] = ()  # directories of wheels
    ca_certificate: str | None = None  # path of a PEM bundle


class Project(Value, tag_field="format", tag="envkit/1"):
    """What a repository asks for; what is typed on the command line goes before it."""

    name: str | None = None
    recipes: tuple[str, ...] = ()  # SPECs, as on the command line
    packages: tuple[str, ...] = ()  # further PEP 508 requirements
    python: str | None = None  # range of Python versions
    sources: SourcesTable = SourcesTable()
