"""What is known about broken hosts: findings, what mends them, and the families of systems that it differs between."""

from envkit.model.host import Severity
from envkit.model.matrix import Source
from envkit.model.value import Value


class FindingRow(Value):
    """One thing that can be wrong on a host; `{word}` in `cause` stands for what an analyzer saw."""

    id: str  # driver-missing
    title: str
    severity: Severity
    cause: str
    page: str  # what it means, why it happens, what to do: `envkit explain driver-missing`
    source: str
    remedies: tuple[str, ...] = ()  # ids of remedies, in the order in which they are to be tried


class FindingGroup(Value):
    """Findings about one subject: `envkit/data/findings/<name>.yaml`."""

    name: str
    title: str
    sources: dict[str, Source]
    findings: tuple[FindingRow, ...]


class RemedyRow(Value):
    """What puts one thing right, by family of systems.

    A step is a command, or a sentence for people that begins with `# ` as a shell's comment does; `{word}` in it stands
    for a value of this host. The key of `steps` is a family's name, `container` inside any container, or `any`.
    """

    id: str  # nvidia-driver
    title: str
    source: str
    steps: dict[str, tuple[str, ...]]


class RemedyGroup(Value):
    """Remedies about one subject: `envkit/data/remedies/<name>.yaml`."""

    name: str
    title: str
    sources: dict[str, Source]
    remedies: tuple[RemedyRow, ...]


class SystemFamily(Value):
    """Systems that are administered alike."""

    name: str  # rhel
    source: str
    ids: tuple[str, ...] = ()  # `ID` of os-release
    parents: tuple[str, ...] = ()  # families whose steps serve where this one has none, nearest first


class Systems(Value):
    """`envkit/data/systems.yaml`: families of operating systems."""

    sources: dict[str, Source]
    families: tuple[SystemFamily, ...]
