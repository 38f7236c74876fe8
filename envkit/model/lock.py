"""The packages of one environment: exact versions with hashes, for one Python and platform."""

from envkit.model.value import Value


class LockedFile(Value):
    """One wheel that may be installed; `path` where it lies in a local wheelhouse or index, else `url`."""

    filename: str
    sha256: str
    url: str | None = None
    path: str | None = None
    size: int | None = None  # bytes


class LockedPackage(Value):
    """One package at one version, with the wheel that fits the target platform."""

    name: str
    version: str
    file: LockedFile


class Lock(Value):
    """The packages of one environment; `pylock` is the PEP 751 document that they were read from."""

    python: str  # 3.12
    platform: str  # x86_64-manylinux_2_36, the platform it was solved for
    packages: tuple[LockedPackage, ...]
    pylock: str
    sha256: str  # of the PEP 751 document
    portable: bool = False  # its addresses are public ones, whatever this machine's sources are
