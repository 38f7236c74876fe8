"""What is known about broken hosts: findings, what mends them, and the families of systems that it differs between."""

from envkit.model.host import Severity
from envkit.model.provenance import Source
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
    vendor_remedy: str | None = None  # driver: each vendor's own, `nvidia-driver`, `amd-driver`
    replaces: tuple[str, ...] = ()  # findings that say less about the same fact: only this one is shown


class FindingGroup(Value):
    """Findings about one subject: `envkit/data/findings/<name>.yaml`."""

    name: str
    title: str
    sources: dict[str, Source]
    findings: tuple[FindingRow, ...]


class RemedyRow(Value):
    """What puts one thing right, by family of systems.

    A step is a command, or a sentence for people that begins with `# ` as a shell's comment does; `{word}` in it stands
    for a value of this host. The key of `steps` is a family's name, which may end in the release it is for (`rhel-10`),
    `container` inside any container, `wsl` under Windows, or `any`. Steps of which a value is not known are passed
    over.
    """

    id: str  # nvidia-driver
    title: str
    source: str
    steps: dict[str, tuple[str, ...]]
    needs: tuple[str, ...] = ()  # ids of remedies whose steps come first


class RemedyGroup(Value):
    """Remedies about one subject: `envkit/data/remedies/<name>.yaml`."""

    name: str
    title: str
    sources: dict[str, Source]
    remedies: tuple[RemedyRow, ...]


class Threshold(Value):
    """An amount below which something is wrong; None: never that wrong."""

    id: str  # disk-images
    unit: str  # GiB | MiB | days
    reason: str
    source: str
    warning: int | None = None
    error: int | None = None
    vendors: tuple[str, ...] = ()  # it only matters with devices of these


class Toolkit(Value):
    """What gives containers the devices of a vendor where their nodes alone do not serve."""

    vendor: str
    runtime: str  # its name among the engine's runtimes
    command: str  # on the search path, or at one of the places, where the toolkit is installed
    source: str
    configure_remedy: str | None = None  # id of the remedy that makes the engine use it; None: installing does
    places: tuple[str, ...] = ()


class Thresholds(Value):
    """`envkit/data/thresholds.yaml`: what `envkit doctor` measures a host by."""

    sources: dict[str, Source]
    oldest_glibc: str  # wheels of present frameworks do not load below it
    architectures: tuple[str, ...]  # of processors that frameworks publish wheels for
    thresholds: tuple[Threshold, ...]
    toolkits: tuple[Toolkit, ...]


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
