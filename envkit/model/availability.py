"""What can be had from where right now: indexes, wheelhouses, base images, user constraints, refused candidates."""

from envkit.model.value import Value

PUBLIC_INDEX = "https://pypi.org/simple"  # where packages come from when no setting says otherwise


class IndexState(Value):
    """Whether a package index or base-image registry answered, when asked."""

    name: str  # the index name of the matrix, or `default` for the user's main index
    url: str
    reachable: bool
    reason: str = ""  # why it is not reachable, as the network said it


class LocalWheel(Value):
    """A wheel file in a wheelhouse (`--wheelhouse`, `find-links`)."""

    package: str  # normalised project name
    version: str  # with local part, `2.13.0+cpu`
    python_tags: tuple[str, ...]  # cp311, py3
    abi_tags: tuple[str, ...]
    platform_tags: tuple[str, ...]
    path: str  # absolute path of the file
    origin: str  # which setting named the wheelhouse: `PIP_FIND_LINKS`, `/etc/pip.conf`


class ImageState(Value):
    """Whether a base image can be had, and its digest when it can."""

    image: str
    available: bool
    digest: str | None = None  # sha256:…
    reason: str = ""
    missing: bool = False  # the registry answered that it has no such image


class Constraint(Value):
    """One line of a constraints file that the user's settings name."""

    requirement: str  # `torch<=2.14.1`
    source: str  # `/etc/xdg/pip/constraints.txt:2`


class Refusal(Value):
    """A candidate that a later stage could not lock, so that resolution must not choose it again."""

    candidate: str  # `Candidate.id`, as in `chosen.candidate`
    rule: str  # `package-conflict` | `index-availability`
    reason: str


class Availability(Value):
    """Everything known about what can be had; what is not listed was not asked."""

    indexes: tuple[IndexState, ...] = ()
    wheels: tuple[LocalWheel, ...] = ()
    images: tuple[ImageState, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    default_index: str = PUBLIC_INDEX  # the user's main index
    index_urls: dict[str, str] = {}  # named indexes that the user's settings replace by a mirror
    offline: bool = False  # no index may be asked: only wheelhouses and caches count
