"""Package sources as the user has configured them, each with where the setting was read."""

from envkit.model.value import Value


class Setting(Value):
    """One configured value and where it was read: `/etc/pip.conf [global] find-links`, `PIP_INDEX_URL`."""

    value: str
    origin: str


class PackageSources(Value):
    """Indexes, wheelhouses, certificate, proxy and constraints that hold for resolution, installs and image builds."""

    index: Setting | None = None  # the main index; None: PyPI
    extra_indexes: tuple[Setting, ...] = ()
    named_indexes: dict[str, Setting] = {}  # mirrors of the matrix's indexes, by index name
    wheelhouses: tuple[Setting, ...] = ()  # directories or pages of links
    constraints: tuple[Setting, ...] = ()  # paths of constraints files
    certificate: Setting | None = None  # path of a PEM bundle
    proxies: dict[str, Setting] = {}  # http, https, no → value
    trusted_hosts: tuple[Setting, ...] = ()
    no_index: bool = False  # only wheelhouses may be used
    best_match: bool = (
        False  # pip's rule: the highest version of all indexes; else uv's: the first index that has the package
    )
    timeout_seconds: float | None = None
    offline: bool = False
    mirrors: dict[str, Setting] = {}  # addresses by the place that they stand for, see `mirrors.yaml`
    notes: tuple[str, ...] = ()  # settings that were ignored and why, a sentence each
