"""The package managers of distributions, as images are built with them."""

from envkit.model.provenance import Source
from envkit.model.value import Value


class PackageManager(Value):
    """One package manager; how it is called stands in `generate/programs/install_packages.sh`."""

    name: str  # apt
    source: str
    version_mark: str  # between the name of a package and its version: `=`
    secret: str  # the secret of a build by which other package sources are given: apt-sources
    sources_file: str  # the name under which the program looks for it
    purl: str  # the type of package URLs of what it installs: deb
    compilers: tuple[str, ...]  # the packages that bring C and C++ compilers and `make`
    libraries: dict[str, str] = {}  # by file: the package that brings it, {libgomp.so.1: libgomp1}; GCC brings all
    # A program of the shell that tells, without installing, what the packages in its arguments would add.
    simulate: str | None = None
    # Expression that finds each of them in what it prints: groups `name`, `version` and, where versions do not have it,
    # `architecture`.
    listed: str | None = None
    unreachable: str | None = None  # expression that finds, in what it says, that a server of packages did not answer


class PackageManagers(Value):
    """`envkit/data/package_managers.yaml`: the package managers of base images."""

    sources: dict[str, Source]
    managers: tuple[PackageManager, ...]
